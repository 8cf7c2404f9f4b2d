package proxy

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"eppmux/frame"
	"eppmux/upstream"
)

// oddAnswer is an answer that is no good XML, or whose clTRID is not that of its command. In document, %
// stands for the clTRID element.
type oddAnswer struct {
	name, document string
	id             func(id string) string // the element in place of %; nil: as it should be
	kind           upstream.Oddity
}

func oddAnswers() []oddAnswer {
	around := func(inner string) string {
		return eppOpen + "<response>" + inner + "<trID>%<svTRID>S-1</svTRID></trID></response></epp>"
	}
	fine := around(`<result code="1000"><msg>ok</msg></result>`)
	element := func(f func(string) string) func(string) string {
		return func(id string) string { return "<clTRID>" + f(id) + "</clTRID>" }
	}
	always := func(s string) func(string) string { return func(string) string { return s } }
	return []oddAnswer{
		{"form feed", around("<result code=\"1000\"><msg>page\f1</msg></result>"), nil, upstream.OddCharacter},
		{"prefix", around(`<result code="1000"><value><epp:poll/></value></result>`), nil, upstream.OddNamespace},
		{"less-than", around(`<result code="1000"/><resData><pw>ab<cd</pw></resData>`), nil, upstream.OddMarkup},
		{"ampersand", around(`<result code="1000"><msg>R&D</msg></result>`), nil, upstream.OddReference},
		{"entity", around(`<result code="1000"><msg>a&nbsp;b</msg></result>`), nil, upstream.OddReference},
		{"Latin-1", around("<result code=\"1000\"><msg>caf\xE9</msg></result>"), nil, upstream.OddCharacter},
		{"late declaration", "\n" + fine, nil, upstream.OddDeclaration},
		{"NUL behind", fine + "\x00", nil, upstream.OddOutside},

		{"empty element", fine, always("<clTRID/>"), upstream.OddIDEmpty},
		{"empty", fine, always("<clTRID></clTRID>"), upstream.OddIDEmpty},
		{"empty, and NUL behind", fine + "\x00", always("<clTRID/>"), upstream.OddIDEmpty},
		{"cut", fine, element(func(id string) string { return id[:10] }), upstream.OddIDCut},
		{"lower case", fine, element(strings.ToLower), upstream.OddIDCase},
		{"changed", fine, element(func(id string) string { return id[:14] + "-?" }), upstream.OddIDChanged},
		{"made up", fine, element(always("UNKNOWN")), upstream.OddIDForeign},
		{"own", fine, element(always("C-1")), upstream.OddIDOwn},
	}
}

// TestOddAnswersThrough: rows 5 and 11, over sockets and TLS. The client gets the octets that the registry
// sent, with its own clTRID; the session goes on, nothing is sent twice, and the metric counts.
func TestOddAnswersThrough(t *testing.T) {
	r := newEchoRegistry(t)
	var sessions atomic.Int64
	r.mu.Lock()
	r.onSession = func(net.Conn) { sessions.Add(1) }
	r.mu.Unlock()
	f, _ := startBefore(t, r, nil)
	p := f.dial()
	snapshot := func() (s upstream.Snapshot) {
		done := make(chan struct{})
		f.server.loop.Post(func() { defer close(done); f.server.account.Snapshot(&s) })
		<-done
		return s
	}
	for _, odd := range oddAnswers() {
		answer := func(element string) string { return strings.Replace(odd.document, "%", element, 1) }
		r.answerWith(func(_, id []byte) string {
			if odd.id != nil {
				return answer(odd.id(string(id)))
			}
			return answer("<clTRID>" + string(id) + "</clTRID>")
		})
		before, want := snapshot(), uint64(0)
		for _, inner := range []string{
			`<create><domain:create xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:create></create>`,
			`<poll op="ack" msgID="1"/>`,
			`<info><domain:info xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:info></info>`,
		} {
			for own, element := range map[string]string{"C-1": "<clTRID>C-1</clTRID>", "": ""} {
				if own == "" && odd.kind == upstream.OddIDOwn {
					continue
				}
				want++
				if got := p.ask(command(inner, own)); got != answer(element) {
					t.Fatalf("%s, clTRID %q:\ngot  %q\nwant %q", odd.name, own, got, answer(element))
				}
				if got := r.take(); len(got) != 1 {
					t.Errorf("%s: the registry got %q", odd.name, got)
				}
			}
		}
		after := snapshot()
		if n := after.Odd[odd.kind] - before.Odd[odd.kind]; n != want {
			t.Errorf("%s: counted %d of %v, want %d", odd.name, n, odd.kind, want)
		}
		if n := sessions.Load(); n != 1 || after.Desync != before.Desync {
			t.Errorf("%s: %d sessions, desyncs %v", odd.name, n, after.Desync)
		}
		r.answerWith(echoAnswer)
		p.want(p.ask(check("a.example", "C-2")), 1000, "C-2")
		r.take()
	}
}

// TestOddGreetingThrough: row 44. Behind a greeting that is no good XML clients are greeted with good XML,
// and served.
func TestOddGreetingThrough(t *testing.T) {
	r := newEchoRegistry(t)
	r.mu.Lock()
	r.padding, r.encoding = "caf\xE9 R&D &nbsp; \f", "ISO-8859-1"
	r.mu.Unlock()
	f, _ := startBefore(t, r, nil)
	p := &peer{t: t, nc: f.dialPlain()}
	for _, greeting := range []string{p.read(), p.ask(eppOpen + "<hello/></epp>")} {
		m, err := frame.NewScanner().Scan([]byte(greeting))
		if err != nil || m.Kind != frame.KindGreeting || strings.Contains(greeting, "2020-01-01") || !strings.Contains(greeting, "caf? R?D") {
			t.Errorf("got %q, %v", greeting, err)
		}
	}
	p.want(p.ask(check("a.example", "C-1")), 1000, "C-1")
	p.want(p.ask(command(`<verb xmlns="`+echoExtension+`"/>`, "C-2")), 1000, "C-2") // the greeting offers it
}
