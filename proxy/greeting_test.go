package proxy

import (
	"net"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
)

// TestNoGreetingYet: a client that comes before the registry's greeting gets it when it is learnt,
// and what it sent before that is served; if it is not learnt in time, the connection ends.
func TestNoGreetingYet(t *testing.T) {
	r := newEchoRegistry(t)
	pc := testConfig(t, r.ln.Addr().String(), r.certs)
	pc.GreetingTimeout = 300 * time.Millisecond
	r.ln.Close()
	s := build(t, pc)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	address := s.listeners[0].ln.Addr().String()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	(&peer{t: t, nc: nc}).wantClosed()

	nc, err = net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := &peer{t: t, nc: nc}
	p.write(login("E-1"))
	waitFor(t, "the client", func() bool { return s.Snapshot().Clients == 1 })
	s.loop.Post(func() { s.learn([]byte(eppOpen + `<greeting><svID>x</svID><svDate>old</svDate></greeting></epp>`)) })
	if g := p.read(); !strings.Contains(g, "<svID>x</svID>") || strings.Contains(g, "old") {
		t.Errorf("got %s, want the greeting with a date of now", g)
	}
	p.want(p.read(), 1000, "E-1")
}

// TestLongGreeting: a registry whose only greeting is too long is logged in to, and its clients are
// not greeted; the server says why.
func TestLongGreeting(t *testing.T) {
	r := newEchoRegistry(t)
	r.mu.Lock()
	r.padding = strings.Repeat(" ", 300<<10)
	r.mu.Unlock()
	pc := testConfig(t, r.ln.Addr().String(), r.certs)
	pc.GreetingTimeout = 300 * time.Millisecond
	s := build(t, pc)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	waitFor(t, "a session", func() bool { sn := s.Snapshot(); return sn.Account.Ready() })
	if sn := s.Snapshot(); sn.Greets || !strings.Contains(sn.GreetingFault, "more than 262144") {
		t.Errorf("got %q, greets %v", sn.GreetingFault, sn.Greets)
	}
	nc, err := net.Dial("tcp", s.listeners[0].ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	(&peer{t: t, nc: nc}).wantClosed()
	if n := s.Snapshot().Closes[closedNoGreeting]; n != 1 {
		t.Errorf("%d clients closed without a greeting, want 1", n)
	}
}

// TestUnfitGreeting: a greeting that cannot be passed on is told of. Clients get the one before it if
// there was one, and the next that can be.
func TestUnfitGreeting(t *testing.T) {
	f, _ := startEcho(t, nil)
	f.dial() // the registry's own is learnt
	learn := func(payload string, forget bool) *Snapshot {
		onLoop(f, func() {
			if forget {
				f.server.greeting = nil
			}
			f.server.learn([]byte(payload))
		})
		return f.server.Snapshot()
	}
	const open, end = eppOpen + `<greeting><svID>x</svID><svDate>old</svDate>`, `</greeting></epp>`
	for what, payload := range map[string]string{
		"it has 307": open + strings.Repeat(" ", 300<<10) + end,
		"greeting":   eppOpen + "<hello/></epp>",
		"ends early": open + "</epp>",
	} {
		if s := learn(payload, false); !strings.Contains(s.GreetingFault, what) || !s.Greets {
			t.Errorf("%s: got %q, greets %v", what, s.GreetingFault, s.Greets)
		}
		f.dial()
		if s := learn(payload, true); !strings.Contains(s.GreetingFault, what) || s.Greets {
			t.Errorf("%s, none before: got %q, greets %v", what, s.GreetingFault, s.Greets)
		}
		if s := learn(open+end, false); s.GreetingFault != "" || !s.Greets {
			t.Errorf("%s, and then one: got %q, greets %v", what, s.GreetingFault, s.Greets)
		}
		f.dial()
	}
}

// TestGreetingIsRefreshed: svDate is of now, whatever the registry's said.
func TestGreetingIsRefreshed(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	g := p.ask(eppOpen + "<hello/></epp>")
	var s frame.Scanner
	m, err := s.Scan([]byte(g))
	if err != nil {
		t.Fatal(err)
	}
	date := g[m.SvDate.Start:m.SvDate.End]
	at, err := time.Parse("2006-01-02T15:04:05.0Z", date)
	if err != nil || time.Since(at) > 30*time.Second || time.Since(at) < -time.Second {
		t.Errorf("got svDate %q, want now", date)
	}
}
