package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// awkward are contents of a clTRID that the schema allows: 3 to 64 characters once they are read.
// Shorter and longer ones are given back as they came too, but then it is the client that breaks
// the schema.
var awkward = []string{
	"ABC", "A&amp;B&lt;C", " \n\t A-1 \r\n", "<![CDATA[<x>&]]>", "A<!-- c -->B<?pi x?>C", "&#65;&#x42;&#x10FFFF;", "]]&gt;", `"'>`,
	strings.Repeat("é", 64), "a  b", "<![CDATA[a]]><![CDATA[b]]>c", "&quot;&apos;&gt;", "54322-XYZ", "&#13;&#10;A-1", "#:/%s%d{{clTRID}}",
}

// validate holds payloads against the schemas of the RFCs, at least so many of them that differ. The
// schemas are a part of the test of their own, which alone is skipped where they are not there.
func validate(t *testing.T, atLeast int, payloads []string) {
	t.Helper()
	if payloads = slices.Compact(slices.Sorted(slices.Values(payloads))); len(payloads) < atLeast {
		t.Errorf("got %d documents, want %d at least", len(payloads), atLeast)
	}
	var scanner frame.Scanner
	for _, p := range payloads {
		if m, err := scanner.Scan([]byte(p)); err != nil || m.Kind != frame.KindResponse && m.Kind != frame.KindGreeting {
			t.Errorf("got %v in %s", err, p)
		}
	}
	t.Run("schemas", func(t *testing.T) { lint(t, payloads) })
}

// lint has xmllint hold payloads against the schemas.
func lint(t *testing.T, payloads []string) {
	t.Helper()
	schema := beside(t, "what is written against the schemas of the RFCs", "schemas", "all.xsd")
	if _, err := exec.LookPath("xmllint"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; CI has to have it", err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	args := []string{"--noout", "--nonet", "--schema", schema}
	for i, p := range payloads {
		name := filepath.Join(dir, strconv.Itoa(i)+".xml")
		if err := os.WriteFile(name, []byte(p), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err == nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		if file, why, ok := strings.Cut(line, ":"); ok && strings.Contains(why, "error") {
			doc, _ := os.ReadFile(file)
			t.Errorf("%s%s", why, doc)
		}
	}
	if !t.Failed() {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestValidate: the above finds fault with what is not valid, and with too little.
func TestValidate(t *testing.T) {
	good := string(frame.AppendResponse(nil, 1000, "m", "", nil, []byte("S-1"))[frame.HeaderLen:])
	validate(t, 1, []string{good, good})
	bad := string(frame.AppendResponse(nil, 1003, "m", "", nil, []byte("S-1"))[frame.HeaderLen:])
	dir := t.TempDir()
	name := filepath.Join(dir, "bad.xml")
	if err := os.WriteFile(name, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	schema := beside(t, "the check against the schemas of the RFCs", "schemas", "all.xsd")
	if out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, name).CombinedOutput(); err == nil {
		t.Errorf("got no fault in %s: %s", bad, out)
	}
}

// ownReplies are those of reply.go: the variables by name, and what the functions make of all that
// they may get.
func ownReplies() map[string][]reply {
	all := map[string][]reply{
		"replyLoggedIn": {replyLoggedIn}, "replyLoggedOut": {replyLoggedOut}, "replyLoggedInTwice": {replyLoggedInTwice}, "replyVersion": {replyVersion},
		"replyIncomplete":  {replyIncomplete},
		"replyNewPassword": {replyNewPassword}, "replyObject": {replyObject}, "replyExtension": {replyExtension}, "replyNoRoom": {replyNoRoom},
		"replyTooManyClients": {replyTooManyClients}, "replyTooLong": {replyTooLong}, "replyTooFarAhead": {replyTooFarAhead},
		"replyNoMessages": {replyNoMessages}, "replyNotYourMessage": {replyNotYourMessage},
		"replyDisallowed": {replyDisallowed}, "replyUnknownCommand": {replyUnknownCommand}, "replyNoMemory": {replyNoMemory}, "replyLongLogin": {replyLongLogin},
		"replyLoginsRefused": {replyLoginsRefused}, "replyTooManyFaults": {replyTooManyFaults},
		"replyLoginTimeout": {replyLoginTimeout}, "replyTooLongYet": {replyTooLongYet}, "replyTooFarAheadYet": {replyTooFarAheadYet},
		"replyCredentials": {replyCredentials}, "replyNotLoggedIn": {replyNotLoggedIn}, "replyLoginsBusy": {replyLoginsBusy},
		"replyFault":        {replyFault(errNotClients), replyFault(errors.New("xml: <\x00\xff\uFFFE]]>&")), replyFault(errors.New(strings.Repeat("long ", 1000)))},
		"replyTooManyNames": {replyTooManyNames(&upstream.Exchange{Exchange: pool.Exchange{Objects: 64}}, 50)},
		// the other with a muxTRID, in TestWrittenIsValid
		"replyUnknown": {replyUnknown(&upstream.Exchange{Exchange: pool.Exchange{Query: true}})},
	}
	for r := frame.Reason(1); !strings.HasPrefix(r.String(), "reason "); r++ {
		all["replyFault"] = append(all["replyFault"], replyFault(&frame.Fault{Reason: r, Offset: 12}))
	}
	for c := pool.CauseNone; c <= pool.CauseChanged; c++ {
		all["replyNotSent"] = append(all["replyNotSent"], replyNotSent(new(upstream.Exchange), c))
	}
	return all
}

// TestRepliesAreValid holds every result of reply.go against the schemas, with every awkward clTRID
// and with none.
func TestRepliesAreValid(t *testing.T) {
	all := ownReplies()
	file, err := parser.ParseFile(token.NewFileSet(), "reply.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	ast.Inspect(file, func(n ast.Node) bool {
		var idents []*ast.Ident
		switch n := n.(type) {
		case *ast.ValueSpec:
			idents = n.Names
		case *ast.FuncDecl:
			idents = []*ast.Ident{n.Name}
		}
		for _, id := range idents {
			if strings.HasPrefix(id.Name, "reply") {
				names++
				if len(all[id.Name]) == 0 {
					t.Errorf("%s of reply.go is not held against the schemas here", id.Name)
				}
			}
		}
		_, isFunc := n.(*ast.FuncDecl)
		return !isFunc
	})
	if names != len(all) || names < 19 {
		t.Errorf("found %d names in reply.go, want the %d that are here", names, len(all))
	}
	s := build(t, testConfig(t, "127.0.0.1:1", new(sandbox.TLS)))
	var payloads []string
	results := 0
	for _, replies := range all {
		for _, r := range replies {
			results++
			for _, id := range append([]string{""}, awkward...) {
				payloads = append(payloads, string(s.appendReply(nil, r, []byte(id))[frame.HeaderLen:]))
			}
			payloads = append(payloads, string(s.appendReply(nil, r, nil)[frame.HeaderLen:]))
		}
	}
	validate(t, results*(len(awkward)+2), payloads)
}

// TestGreetingsAreValid: a valid greeting of a registry is one with our svDate too, and is the same
// otherwise.
func TestGreetingsAreValid(t *testing.T) {
	s := build(t, testConfig(t, "127.0.0.1:1", new(sandbox.TLS)))
	shown := func(t *testing.T, name string, greeting []byte) string {
		t.Helper()
		s.learn(greeting)
		got := string(s.greetingUnit()[frame.HeaderLen:])
		date := regexp.MustCompile(`svDate>.*?</`)
		if strings.Contains(got, "svDate") && !strings.Contains(date.FindString(got), time.Now().UTC().Format("2006-")) {
			t.Errorf("%s: got %s, want the date of now", name, got)
		}
		if without := date.ReplaceAllString(string(greeting), ""); date.ReplaceAllString(got, "") != without {
			t.Errorf("%s: got %s, want all but the date of %s", name, got, greeting)
		}
		return got
	}
	t.Run("own corpus", func(t *testing.T) { // not all of it is valid
		seen := 0
		cases, all := corpusCases(t, "well")
		for name, c := range cases {
			if c.Kind == "greeting" {
				shown(t, name, all[name])
				seen++
			}
		}
		if seen < 2 {
			t.Errorf("got %d greetings", seen)
		}
	})
	t.Run("other projects", func(t *testing.T) {
		var payloads []string
		for _, row := range corpusTable(t, "MANIFEST.tsv") {
			if row["kind"] == "greeting" && row["schema_valid"] == "yes" {
				payloads = append(payloads, shown(t, row["path"], corpusFile(t, row["path"])))
			}
		}
		validate(t, 15, payloads)
	})
}

// listening collects what a client reads that is ours to answer for.
type listening struct {
	t    *testing.T
	next int
	docs []string
}

// ask sends what build makes of an awkward clTRID, and wants an answer with it.
func (l *listening) ask(p *peer, code int, build func(clTRID string) string) {
	l.t.Helper()
	id := awkward[l.next%len(awkward)]
	l.next++
	a := p.ask(build(id))
	p.want(a, code, id)
	l.docs = append(l.docs, a)
}

// take keeps an answer without clTRID.
func (l *listening) take(p *peer, code int) {
	l.t.Helper()
	a := p.read()
	p.want(a, code, "")
	l.docs = append(l.docs, a)
}

// commandOf makes a builder of a command's inner XML.
func commandOf(inner string) func(string) string {
	return func(clTRID string) string { return command(inner, clTRID) }
}

// TestWrittenIsValid reads from a client's socket all that eppmux answers by itself, and holds it
// against the schemas.
func TestWrittenIsValid(t *testing.T) {
	l := &listening{t: t}
	const deleteXML = `<delete><domain:delete xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>t.example</domain:name></domain:delete></delete>`
	loginWith := func(options, more string) func(string) string {
		return commandOf(`<login><clID>any</clID><pw>any-thing</pw>` + more + `<options>` + options + `</options><svcs>` +
			`<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`)
	}
	good, bad := loginWith("<version>1.0</version><lang>en</lang>", ""), loginWith("<version>1.0</version><lang>en</lang>", "<newPW>other-thing</newPW>")

	t.Run("session", func(t *testing.T) {
		f := start(t, func(_ *sandbox.Config, c *config) { c.MaxFrame = 100_000; c.MaxClients = 3 })
		p := f.dial()
		l.docs = append(l.docs, p.ask(eppOpen+"<hello/></epp>"))
		p.write(eppOpen + "<greeting/></epp>")
		l.take(p, 2001)
		for range awkward {
			q := f.dial()
			l.ask(q, 1000, good)
			l.ask(q, 2002, good)
			l.ask(q, 2001, commandOf("<extension/>"))
			l.ask(q, 2000, commandOf("<renounce/>"))
			l.ask(q, 1500, commandOf("<logout/>"))
			q.wantClosed()
			q.nc.Close()
			waitFor(t, "a place", func() bool { return f.server.connections.Load() < 2 })
		}
		l.ask(p, 2100, loginWith("<version>2.0</version>", ""))
		l.ask(p, 2102, bad)
		l.ask(p, 2501, func(id string) string {
			return command("<login><clID>"+strings.Repeat("a", maxLogin)+"</clID></login>", id)
		})
		p = f.dial()
		l.ask(p, 2001, func(id string) string {
			return command("<login><clID>"+strings.Repeat("a", maxLogin)+"</clID></login>", id)
		})
		for _, faulty := range []string{"no", "<!DOCTYPE epp><epp/>", eppOpen} {
			p.write(faulty)
		}
		l.take(p, 2001)
		l.take(p, 2001)
		l.take(p, 2500)
		p = f.dial()
		_, _ = p.nc.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		l.take(p, 2500)
	})
	t.Run("no place", func(t *testing.T) {
		f := start(t, func(_ *sandbox.Config, c *config) { c.MaxClients = 1 })
		f.dial()
		nc, err := net.Dial("tcp", f.server.listeners[0].ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		l.take(&peer{t: t, nc: nc}, 2502)
	})
	t.Run("not allowed", func(t *testing.T) {
		f := start(t, func(_ *sandbox.Config, c *config) {
			c.Services, c.Listeners[0].Commands = ServicesEnforce, new(pool.CommandSet)
		})
		p := f.dial()
		for _, svcs := range []string{"<objURI>urn:x</objURI>", "<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>urn:x</extURI></svcExtension>"} {
			l.ask(p, map[bool]int{true: 2103, false: 2307}[strings.Contains(svcs, "ext")], commandOf("<login><clID>a</clID><pw>b</pw><svcs>"+svcs+"</svcs></login>"))
		}
		l.ask(p, 2201, commandOf(deleteXML))
	})
	t.Run("verified", func(t *testing.T) {
		f, _ := verifying(t, nil)
		for range awkward {
			p := f.dial()
			l.ask(p, 2002, commandOf(deleteXML))
			l.ask(p, 2200, good)
		}
		l.ask(f.dial(), 2003, commandOf("<login><clID>a</clID></login>"))
		p := f.dial()
		_, _ = p.nc.Write([]byte{0, 0, 255, 255})
		l.take(p, 2500)
		p = f.dial()
		f.age(loginTimeout)
		l.take(p, 2501)
		f.pauseLogins()
		p = f.dial()
		p.write(login("B-0"))
		_, _ = p.nc.Write(append([]byte{0, 0, 255, 255}, make([]byte, strangerAhead)...))
		l.take(p, 2500)
		waitFor(t, "its end", func() bool { return f.server.verifier.len() == 0 })
		for range verificationsMax {
			f.dial().write(login("B-1"))
		}
		waitFor(t, "the queue", func() bool { return f.server.verifier.len() == verificationsMax })
		l.ask(f.dial(), 2400, good)
	})
	t.Run("unknown", func(t *testing.T) {
		f, r := startEcho(t, func(c *config) { c.UnknownOutcome = UnknownFail })
		r.answerWith(func([]byte, []byte) string { return "<broken/>" })
		p := f.dial()
		l.ask(p, 2400, func(id string) string { return check("q.example", id) })
		l.ask(p, 2400, commandOf(deleteXML))
	})
	t.Run("not sent", func(t *testing.T) {
		f := start(t, func(_ *sandbox.Config, c *config) { c.Upstream.Login.Password = "wrong-secret" })
		p := f.dial()
		for range awkward {
			l.ask(p, 2400, commandOf(deleteXML))
		}
	})
	t.Run("polls", func(t *testing.T) {
		f, _ := startPolls(t, nil, "A")
		owner, other := f.dial(), f.dial()
		owner.wantMessage(owner.ask(command(pollReq, "")), "A")
		for range awkward {
			l.ask(other, 1300, commandOf(pollReq))
			l.ask(other, 2303, commandOf(pollAck("A")))
		}
	})
	t.Run("too many names", func(t *testing.T) {
		f := start(t, func(_ *sandbox.Config, c *config) {
			c.Upstream.Pool.Rules = []pool.Rule{{Limit: ratelimit.Limit{N: 50, Per: time.Second}, Unit: pool.UnitObjects,
				Commands: pool.Commands(func(frame.Command, frame.Op) bool { return true })}}
		})
		p := f.dial()
		for range awkward {
			l.ask(p, 2306, commandOf(`<check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">`+
				strings.Repeat("<domain:name>n.example</domain:name>", 64)+`</domain:check></check>`))
		}
		if n := f.registry.Counters().Commands["check"]; n != 0 {
			t.Errorf("%d checks went to the registry", n)
		}
	})
	t.Run("too far ahead", func(t *testing.T) {
		block := make(chan struct{})
		f, r := startEcho(t, func(c *config) { c.MaxAhead = 10_000 })
		r.answerWith(func(p, id []byte) string { <-block; return echoAnswer(p, id) })
		defer close(block)
		p := f.dial()
		_, _ = p.nc.Write(bytes.Repeat(unit(check("ahead.example", "A-1")), 200))
		l.take(p, 2500)
	})
	t.Run("no room", func(t *testing.T) {
		block := make(chan struct{})
		f, r := startEcho(t, func(c *config) { c.MaxMemory, c.Upstream.Pool.MaxSessions = 40_000, 1 })
		r.answerWith(func(p, id []byte) string { <-block; return echoAnswer(p, id) })
		defer close(block)
		f.dial().write(command("<delete/>", "N-1"))
		waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
		p, other := f.dial(), f.dial()
		// One command waits, and the first octets of another are too much beside it: the one that
		// waits holds most.
		id := awkward[0]
		p.write(check(strings.Repeat("x", 20_000), id))
		waitFor(t, "its turn", func() bool { return f.server.Snapshot().Account.Queued == 1 })
		_, _ = other.nc.Write(unit(check(strings.Repeat("x", 100_000), "A-1"))[:14_000])
		a := p.read()
		p.want(a, 2400, id)
		l.docs = append(l.docs, a)
		p.stays()
		_, _ = other.nc.Write(make([]byte, 40_000)) // more of it
		l.take(other, 2500)
	})

	// Each of reply.go has been read, in one of its forms.
	all := strings.Join(l.docs, "\n")
	for name, replies := range ownReplies() {
		if !slices.ContainsFunc(replies, func(r reply) bool {
			text := r.code.Text()
			if r.reason != "" {
				text += "; " + r.reason
			}
			return strings.Contains(all, fmt.Sprintf(`<result code="%d"><msg>%s`, r.code, text))
		}) {
			t.Errorf("%s was never written", name)
		}
	}
	if !strings.Contains(all, "outcome unknown; check before retrying; sent as M") {
		t.Error("no unknown outcome was written")
	}
	validate(t, 5*len(awkward)+15, l.docs)
}
