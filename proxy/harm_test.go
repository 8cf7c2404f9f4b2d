package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/sandbox"
	"eppmux/upstream/pool"
)

// TestAheadInFlight: in place of the answer to a transform that the registry has, a client is told
// nothing.
func TestAheadInFlight(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.MaxAhead = 10_000 })
	block := make(chan struct{})
	r.answerWith(func(p, id []byte) string { <-block; return echoAnswer(p, id) })
	p := f.dial()
	p.write(command("<delete/>", "A-1"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	for range 200 {
		if _, err := p.nc.Write(unit(check("ahead.example", "A-2"))); err != nil {
			break
		}
	}
	p.wantClosed()
	close(block)
}

// TestMaxMemory: what is held for all clients together is bounded, and those who hold nothing are
// served on.
func TestMaxMemory(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.MaxMemory = 1 << 20; c.MaxFrame = 1 << 18; c.MaxAhead = 1 << 19 })
	good := f.dial()
	part := unit(check(strings.Repeat("x", 200_000), "X"))[:150_000]
	for range 20 {
		nc, err := net.Dial("tcp", f.server.listeners[0].ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_, _ = nc.Write(part)
	}
	for i := range 20 {
		trid := fmt.Sprintf("M-%d", i)
		good.want(good.ask(check("good.example", trid)), 1000, trid)
		if n := f.server.Snapshot().Memory; n > 1<<20+len(part) {
			t.Errorf("%d octets are held", n)
		}
	}
}

// TestAllow: a listener lets through what it allows; nothing else reaches the registry.
func TestAllow(t *testing.T) {
	reads := pool.Commands(func(c frame.Command, op frame.Op) bool {
		return c == frame.CommandCheck || c == frame.CommandTransfer && op == frame.OpQuery
	})
	f, r := startEcho(t, func(c *config) { c.Listeners[0].Commands = &reads })
	p := f.dial()
	p.want(p.ask(login("L-1")), 1000, "L-1")
	p.want(p.ask(check("a.example", "L-2")), 1000, "L-2")
	transfer := func(op string) string {
		return command(`<transfer op="`+op+`"><domain:transfer xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"/></transfer>`, "L-3")
	}
	p.want(p.ask(transfer("query")), 1000, "L-3")
	if n := len(r.take()); n != 2 {
		t.Errorf("%d commands reached the registry, want 2", n)
	}
	for _, bad := range []string{transfer("request"), transfer("q&#117;ery "), command(`<poll op="req"/>`, "L-3"), command(`<delete/>`, "L-3"),
		command(`<x:check xmlns:x="u"/>`, "L-3"), command(`<check><create xmlns="u"/></check>`, "L-3"),
		eppOpen + `<extension><x xmlns="u"><clTRID>L-3</clTRID></x></extension></epp>`} {
		if a := p.ask(bad); !strings.Contains(a, `code="2201"`) && !strings.Contains(a, `code="2001"`) {
			t.Errorf("%s: got %s", bad, a)
		}
	}
	if got := r.take(); len(got) > 0 {
		t.Errorf("%q reached the registry", got)
	}
}

// TestAllowPoll: a listener whose clients may look at messages, and not take them away.
func TestAllowPoll(t *testing.T) {
	looks := pool.Commands(func(c frame.Command, op frame.Op) bool { return c == frame.CommandPoll && op == frame.OpReq })
	f, r := startEcho(t, func(c *config) { c.Listeners[0].Commands = &looks })
	p := f.dial()
	p.want(p.ask(command(`<poll op="req"/>`, "P-1")), 1000, "P-1")
	p.want(p.ask(command(`<poll op="ack" msgID="7"/>`, "P-2")), 2201, "P-2")
	p.want(p.ask(command(`<poll op="&#97;ck" msgID="7"/>`, "P-3")), 2201, "P-3")
	p.want(p.ask(command(`<poll msgID="7"/>`, "P-4")), 2201, "P-4")
	if n := len(r.take()); n != 1 {
		t.Errorf("%d commands reached the registry, want the look alone", n)
	}
}

// TestReload: options of a listener, other listeners, other bounds, without a client dropped.
func TestReload(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	p.want(p.ask(check("a.example", "R-1")), 1000, "R-1")
	cfg := testConfig(t, r.ln.Addr().String(), r.certs)
	none := pool.CommandSet{}
	cfg.Listeners[0].Commands = &none
	cfg.Listeners = append(cfg.Listeners, Listener{Address: "tcp://localhost:0"})
	cfg.MaxClients = 2
	if err := f.server.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	p.want(p.ask(check("a.example", "R-2")), 2201, "R-2")
	nc, err := net.Dial("tcp", f.server.listeners[1].ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	q := &peer{t: t, nc: nc}
	q.read()
	q.want(q.ask(check("a.example", "R-3")), 1000, "R-3")
	third, err := net.Dial("tcp", f.server.listeners[1].ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	x := &peer{t: t, nc: third}
	x.want(x.read(), 2502, "")

	bad := cfg
	bad.Listeners = append(bad.Listeners[:2:2], Listener{Address: "tcp://192.0.2.1:1"})
	bad.MaxClients = 100
	if err := f.server.Reload(bad); err == nil {
		t.Error("got no error for an address that is not ours")
	}
	if n := f.server.maxClients.Load(); n != 2 {
		t.Errorf("a reload that failed has changed something: max %d", n)
	}
	old := f.server.listeners[0].ln.Addr().String()
	cfg.Listeners = cfg.Listeners[1:]
	if err := f.server.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", old); err == nil {
		t.Error("the listener that is gone still takes clients")
	}
	p.want(p.ask(command("<logout/>", "R-4")), 1500, "R-4")
}

// TestPendingOctets: what the registry says on its own accord is not taken for an answer, though
// the client's command is looked at first.
func TestPendingOctets(t *testing.T) {
	r := newEchoRegistry(t)
	sessions := make(chan net.Conn, 8)
	r.mu.Lock()
	r.onSession = func(nc net.Conn) { sessions <- nc }
	r.mu.Unlock()
	s := build(t, testConfig(t, r.ln.Addr().String(), r.certs))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &fixture{t: t, server: s}
	p := f.dial()
	p.want(p.ask(check("first.example", "P-1")), 1000, "P-1")
	session := <-sessions
	hold := make(chan struct{})
	held := make(chan struct{})
	s.loop.Post(func() { close(held); <-hold })
	<-held
	p.write(check("second.example", "P-2"))
	time.Sleep(20 * time.Millisecond) // so that the client's octets are there first
	_, _ = session.Write(unit(eppOpen + `<response><result code="1000"><msg>stale</msg></result><trID><svTRID>S</svTRID></trID></response></epp>`))
	time.Sleep(20 * time.Millisecond)
	close(hold)
	a := p.read()
	p.want(a, 1000, "P-2")
	if strings.Contains(a, "stale") {
		t.Errorf("got an answer to nothing: %s", a)
	}
}

// TestImpersonation: a registry whose certificate is not right gets no octet of the login
// (faults.md row 18, T11).
func TestImpersonation(t *testing.T) {
	other, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*tls.Config){
		"another name":      func(c *tls.Config) { c.ServerName = "registry.example" },
		"another authority": func(c *tls.Config) { c.RootCAs = other.Client.RootCAs },
		"too old":           func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
		"none of ours":      func(c *tls.Config) { c.Certificates = nil },
		"none of ours, 1.2": func(c *tls.Config) { c.Certificates, c.MaxVersion = nil, tls.VersionTLS12 },
	} {
		certs, err := sandbox.NewTLS()
		if err != nil {
			t.Fatal(err)
		}
		server := certs.ServerMutual.Clone()
		if name == "too old" {
			server.MaxVersion = tls.VersionTLS12
		}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		reg := sandbox.New(sandbox.Config{})
		served := make(chan error, 1)
		go func() { served <- reg.Serve(ln) }()
		client := certs.Client.Clone()
		change(client)
		certs.Client = client
		s := build(t, testConfig(t, ln.Addr().String(), certs))
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the attempt", func() bool { return s.Snapshot().Account.Trouble != "" })
		want := "tls"
		if strings.HasPrefix(name, "none of ours") {
			want = "tls: the registry wants a certificate of ours, see tls.cert_file: remote error: "
		}
		if got := s.Snapshot().Account.Trouble; !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = reg.Close()
		<-served
		if c := reg.Counters(); c.Logins+c.LoginsRefused > 0 {
			t.Errorf("%s: %d logins", name, c.Logins)
		}
	}
}

// TestHalfClose: a client that closes its writing side has left; its command's answer is read, and
// the session serves on.
func TestHalfClose(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.Upstream.Pool.MaxSessions = 1 })
	hold := make(chan struct{})
	r.answerWith(func(p, id []byte) string {
		if bytes.Contains(p, []byte("half.example")) {
			<-hold
		}
		return echoAnswer(p, id)
	})
	p := f.dial()
	p.write(check("half.example", "H-1"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	_ = p.nc.(*net.TCPConn).CloseWrite()
	p.wantClosed()
	close(hold)
	q := f.dial()
	q.want(q.ask(check("other.example", "H-2")), 1000, "H-2")
	if n := f.server.Snapshot().Account.SessionCloses; n[pool.CauseRegistryClosed] > 0 {
		t.Error("the session was not used again")
	}
}
