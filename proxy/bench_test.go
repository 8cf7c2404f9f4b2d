package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"eppmux/sandbox"
)

// lean is a registry that answers without allocating, so that what is counted is the server's own.
type lean struct {
	ln    net.Listener
	certs *sandbox.TLS
}

func newLean(t testing.TB) *lean {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	l := &lean{ln, certs}
	go l.serve()
	return l
}

// serve ends when the listener is closed.
func (l *lean) serve() {
	for {
		nc, err := l.ln.Accept()
		if err != nil {
			return
		}
		go l.session(nc)
	}
}

var (
	leanOpen  = []byte("<clTRID>")
	leanClose = []byte("</clTRID>")
)

// session ends when its connection does.
func (l *lean) session(nc net.Conn) {
	defer nc.Close()
	_, _ = nc.Write(unit(eppOpen + `<greeting><svID>lean</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcMenu></greeting></epp>`))
	head := eppOpen + `<response><result code="1000"><msg>ok</msg></result><trID><clTRID>`
	tail := `</clTRID><svTRID>lean-1</svTRID></trID></response></epp>`
	buf, out := make([]byte, 1<<16), make([]byte, 0, 1<<12)
	for {
		if _, err := io.ReadFull(nc, buf[:4]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(buf)) - 4
		if _, err := io.ReadFull(nc, buf[:n]); err != nil {
			return
		}
		id := buf[bytes.LastIndex(buf[:n], leanOpen)+len(leanOpen) : bytes.LastIndex(buf[:n], leanClose)]
		out = append(append(append(append(out[:0], 0, 0, 0, 0), head...), id...), tail...)
		binary.BigEndian.PutUint32(out, uint32(len(out)))
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

// leanFixture is a server in front of a lean registry, with a plain listener and one with TLS.
func leanFixture(t testing.TB) *fixture {
	l := newLean(t)
	pc := testConfig(t, l.ln.Addr().String(), l.certs)
	pc.Listeners = append(pc.Listeners, Listener{Address: "tls://127.0.0.1:0", TLS: l.certs.Server})
	s := build(t, pc)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &fixture{t: t, server: s, certs: l.certs}
}

// exchanger is a client that repeats the messages in turn without allocating. nc has just connected.
func exchanger(t testing.TB, nc net.Conn, messages ...[]byte) func() {
	buf, i := make([]byte, 1<<16), 0
	read := func() {
		if _, err := io.ReadFull(nc, buf[:4]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(nc, buf[4:binary.BigEndian.Uint32(buf)]); err != nil {
			t.Fatal(err)
		}
	}
	read() // the greeting
	return func() {
		if _, err := nc.Write(messages[i%len(messages)]); err != nil {
			t.Fatal(err)
		}
		i++
		read()
	}
}

// checker is an exchanger that asks for a name.
func checker(t testing.TB) func() {
	return exchanger(t, leanFixture(t).dialPlain(), unit(check("a-name-that-is-checked.example", "CLIENT-12345")))
}

// TestExchangeAllocs: a command through the loop allocates nothing of ours in the steady state:
// client, scanner, pool, answer. What is left is an object of 24 octets that crypto/tls makes for
// each read that finds a record: one on the loop, one in the registry of this test, which is in the
// same process and counted with it.
func TestExchangeAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	exchange := checker(t)
	for range 1000 {
		exchange()
	}
	if n := testing.AllocsPerRun(2000, exchange); n > 2 {
		t.Errorf("got %v allocations per exchange, want 2 at most", n)
	}
}

func BenchmarkExchange(b *testing.B) {
	exchange := checker(b)
	for range 1000 {
		exchange()
	}
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}
