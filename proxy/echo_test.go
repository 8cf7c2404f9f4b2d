package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"eppmux/sandbox"
)

// echoRegistry is a registry that takes every command: it records the payload and answers 1000 with
// the muxTRID that it finds in it by its form. It knows nothing of XML, so it takes what no
// registry would, and it shares no code with us.
type echoRegistry struct {
	t     testing.TB
	ln    net.Listener
	certs *sandbox.TLS

	mu        sync.Mutex
	onSession func(net.Conn)                  // guarded by mu; called for each connection
	padding   string                          // guarded by mu; in the greeting
	encoding  string                          // guarded by mu; that the greeting declares
	payloads  [][]byte                        // guarded by mu; what came after the login
	answer    func(payload, id []byte) string // guarded by mu; builds the answer to a command
}

// echoExtension is the one extension that an echoRegistry offers, beside domains.
const echoExtension = "urn:example:ns:verbs-3.0"

// answerWith changes how commands are answered from now on.
func (r *echoRegistry) answerWith(f func(payload, id []byte) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

var muxForm = regexp.MustCompile(`M[0-9A-HJKMNP-TV-Z]{13}(-[!-;=?-~]*)?`)

func newEchoRegistry(t testing.TB) *echoRegistry {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	r := &echoRegistry{t: t, ln: ln, certs: certs, answer: echoAnswer, encoding: "UTF-8"}
	t.Cleanup(func() { ln.Close() })
	go r.serve()
	return r
}

// serve ends when the listener is closed.
func (r *echoRegistry) serve() {
	for {
		nc, err := r.ln.Accept()
		if err != nil {
			return
		}
		go r.session(nc)
	}
}

// session ends when its connection does.
func (r *echoRegistry) session(nc net.Conn) {
	defer nc.Close()
	r.mu.Lock()
	if r.onSession != nil {
		r.onSession(nc)
	}
	padding, declared := r.padding, strings.Replace(eppOpen, "UTF-8", r.encoding, 1)
	r.mu.Unlock()
	_, _ = nc.Write(unit(declared + `<greeting><svID>echo</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>` +
		`<svcExtension><extURI>` + echoExtension + `</extURI></svcExtension></svcMenu>` + padding + `</greeting></epp>`))
	for first := true; ; first = false {
		var head [4]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:])-4)
		if _, err := io.ReadFull(nc, payload); err != nil {
			return
		}
		id := muxForm.Find(payload)
		answer := echoAnswer
		if !first {
			r.mu.Lock()
			answer = r.answer
			r.payloads = append(r.payloads, payload)
			r.mu.Unlock()
		}
		if _, err := nc.Write(unit(answer(payload, id))); err != nil {
			return
		}
	}
}

func echoAnswer(_, id []byte) string {
	trid := ""
	if id != nil {
		trid = "<clTRID>" + string(id) + "</clTRID>"
	}
	return eppOpen + `<response><result code="1000"><msg>ok</msg></result><trID>` + trid + `<svTRID>echo-1</svTRID></trID></response></epp>`
}

// take returns what has been recorded since the last call.
func (r *echoRegistry) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.payloads
	r.payloads = nil
	return p
}

// startEcho runs a server in front of an echoRegistry.
func startEcho(t testing.TB, change func(*config)) (*fixture, *echoRegistry) {
	return startBefore(t, newEchoRegistry(t), change)
}

// startBefore runs a server in front of r.
func startBefore(t testing.TB, r *echoRegistry, change func(*config)) (*fixture, *echoRegistry) {
	t.Helper()
	pc := testConfig(t, r.ln.Addr().String(), r.certs)
	if change != nil {
		change(&pc)
	}
	f := &fixture{t: t, server: build(t, pc)}
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f, r
}

func TestEchoRegistry(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	p.want(p.ask(check("example.com", "C-1")), 1000, "C-1")
	got := r.take()
	if len(got) != 1 || !bytes.Contains(got[0], []byte("-C-1</clTRID>")) {
		t.Errorf("got %q, want one command with a muxTRID that ends in -C-1", got)
	}
}
