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
