package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/sandbox"
)

// TestFragments: a command may come in any pieces.
func TestFragments(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	_ = p.nc.(*net.TCPConn).SetNoDelay(true)
	b := unit(check("pieces.example", "F-1"))
	for cut := 0; cut <= len(b); cut++ {
		if cut > 8 && cut%97 != 0 {
			continue
		}
		for _, part := range [][]byte{b[:cut], b[cut:]} {
			if _, err := p.nc.Write(part); err != nil {
				t.Fatal(err)
			}
			// so that the parts are read apart; the answer is the same if they are not
			time.Sleep(time.Millisecond)
		}
		p.want(p.read(), 1000, "F-1")
	}
	for i := range b {
		if _, err := p.nc.Write(b[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	p.want(p.read(), 1000, "F-1")
}

// TestSentAhead: eight frames in one write are answered in order, those that are answered here too.
func TestSentAhead(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	var all []byte
	for i := range 8 {
		switch i {
		case 3:
			all = append(all, unit(login("A-3"))...)
		case 5:
			all = append(all, unit("not xml")...)
		default:
			all = append(all, unit(check("ahead.example", fmt.Sprintf("A-%d", i)))...)
		}
	}
	all = append(all, unit(command("<logout/>", "A-8"))...)
	if _, err := p.nc.Write(all); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		if i == 5 {
			p.want(p.read(), 2001, "")
		} else {
			p.want(p.read(), 1000, fmt.Sprintf("A-%d", i))
		}
	}
	p.want(p.read(), 1500, "A-8")
	p.wantClosed()
}

// TestFrameBounds: what no frame can be ends the connection, with a word where one can be said.
func TestFrameBounds(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.MaxFrame = 1000 })
	for _, n := range []uint32{0, 1, 4} {
		p := f.dial()
		_, _ = p.nc.Write(binary.BigEndian.AppendUint32(nil, n))
		p.wantClosed()
	}
	for _, n := range []uint32{1005, 1 << 31, 1<<32 - 1} {
		p := f.dial()
		_, _ = p.nc.Write(binary.BigEndian.AppendUint32(nil, n))
		p.want(p.read(), 2500, "")
		p.wantClosed()
	}
	p := f.dial()
	p.want(p.ask(check(strings.Repeat("x", 700), "B-1")), 1000, "B-1")
	if n := len(r.take()); n != 1 {
		t.Errorf("%d payloads reached the registry, want 1", n)
	}
}

// TestHTTP: somebody else's protocol gets an end.
func TestHTTP(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	_, _ = p.nc.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	p.want(p.read(), 2500, "")
	p.wantClosed()
}

// TestFaultsInARow: two are answered, the third ends the connection; a good frame between starts
// the count again.
func TestFaultsInARow(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	dtd := `<!DOCTYPE epp><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`
	p.want(p.ask("no"), 2001, "")
	p.want(p.ask(dtd), 2001, "")
	p.want(p.ask(check("good.example", "G-1")), 1000, "G-1")
	p.want(p.ask("no"), 2001, "")
	p.want(p.ask("no"), 2001, "")
	p.want(p.ask(dtd), 2500, "")
	p.wantClosed()
	if n := len(r.take()); n != 1 {
		t.Errorf("%d payloads reached the registry, want 1", n)
	}
}

func TestTooFarAhead(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.MaxAhead = 10_000 })
	block := make(chan struct{})
	r.answerWith(func(p, id []byte) string { <-block; return echoAnswer(p, id) })
	p := f.dial()
	for range 200 {
		if _, err := p.nc.Write(unit(check("ahead.example", "A-1"))); err != nil {
			break
		}
	}
	p.want(p.read(), 2500, "")
	p.wantClosed()
	close(block)
}

func TestSlowFrame(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.FrameTimeout = 200 * time.Millisecond })
	p := f.dial()
	begin := time.Now()
	_, _ = p.nc.Write([]byte{0, 0, 1})
	p.wantClosed()
	if d := time.Since(begin); d < 200*time.Millisecond {
		t.Errorf("closed after %v", d)
	}
}

func TestIdleClient(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.IdleTimeout = 300 * time.Millisecond })
	p := f.dial()
	begin := time.Now()
	p.want(p.ask(check("idle.example", "I-1")), 1000, "I-1")
	p.wantClosed()
	if d := time.Since(begin); d < 300*time.Millisecond {
		t.Errorf("closed after %v", d)
	}
}

func TestMaxClients(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.MaxClients = 2 })
	a := f.dial()
	f.dial()
	nc, err := net.Dial("tcp", f.server.listeners[0].ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := &peer{t: t, nc: nc}
	p.want(p.read(), 2502, "")
	p.wantClosed()
	a.want(a.ask(command("<logout/>", "M-1")), 1500, "M-1")
	a.wantClosed()
	waitFor(t, "a place", func() bool { return f.server.connections.Load() < 2 })
	f.dial()
}

// waitFor polls until cond, for ten seconds at most.
func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for begin := time.Now(); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// TestUnknownOutcome: a transform that was sent and has no answer ends the connection, or gets 2400
// where the operator wants that; a query is asked again and then gets 2400.
func TestUnknownOutcome(t *testing.T) {
	for _, mode := range []UnknownOutcome{UnknownClose, UnknownFail} {
		f, r := startEcho(t, func(c *config) {
			c.UnknownOutcome = mode
			c.Upstream.Pool.CommandTimeout = 100 * time.Millisecond
		})
		r.answerWith(func([]byte, []byte) string { time.Sleep(300 * time.Millisecond); return "<late/>" })
		p := f.dial()
		p.want(p.ask(check("q.example", "Q-1")), 2400, "Q-1")
		p.write(command(`<delete><domain:delete xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>t.example</domain:name></domain:delete></delete>`, "T-1"))
		if mode == UnknownClose {
			p.wantClosed()
			continue
		}
		a := p.read()
		p.want(a, 2400, "T-1")
		if !muxForm.MatchString(a) || !strings.Contains(a, "outcome unknown") {
			t.Errorf("got %s, want the muxTRID and the truth", a)
		}
	}
}

// TestRegistryCodeCloses: x5xx is delivered as it is, then the client's connection ends too.
func TestRegistryCodeCloses(t *testing.T) {
	f, r := startEcho(t, nil)
	r.answerWith(func(p, id []byte) string { return strings.Replace(echoAnswer(p, id), "1000", "2500", 1) })
	p := f.dial()
	p.want(p.ask(check("c.example", "X-1")), 2500, "X-1")
	p.wantClosed()
}

// TestNotSent: while the registry is away, clients get the greeting from before and 2400.
func TestNotSent(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.Upstream.Pool.QueueTimeout = 200 * time.Millisecond })
	p := f.dial()
	p.want(p.ask(check("n.example", "N-1")), 1000, "N-1")
	r.ln.Close()
	r.answerWith(func([]byte, []byte) string { return "<broken/>" })
	p.want(p.ask(check("n.example", "N-2")), 2400, "N-2")
	a := f.dial().ask(check("n.example", "N-3"))
	p.want(a, 2400, "N-3")
	if !strings.Contains(a, "not sent to registry; safe to retry") {
		t.Errorf("got %s", a)
	}
}

// TestNeverReads: a client that sends and never reads is closed, and nobody else waits for it.
func TestNeverReads(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.MaxAhead = 1 << 20 })
	bad := f.dial()
	hello := unit(eppOpen + "<hello/></epp>")
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = bad.nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
		for range 200_000 {
			if _, err := bad.nc.Write(hello); err != nil {
				return
			}
		}
	})
	good := f.dial()
	for i := range 50 {
		good.want(good.ask(check("good.example", fmt.Sprintf("W-%d", i))), 1000, fmt.Sprintf("W-%d", i))
	}
	wg.Wait()
	waitFor(t, "its close", func() bool { return f.server.Snapshot().Clients == 1 })
}

// TestClientsVanish: clients that leave at any point harm nobody, and nothing of theirs is left.
func TestClientsVanish(t *testing.T) {
	f, _ := startEcho(t, nil)
	b := unit(check("gone.example", "V-1"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 20 {
				nc, err := net.Dial("tcp", f.server.listeners[0].ln.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = nc.Write(b[:(i*20+j)%(len(b)+1)])
				if j%2 == 0 {
					_ = nc.(*net.TCPConn).SetLinger(0)
				}
				nc.Close()
			}
		})
	}
	p := f.dial()
	for i := range 100 {
		p.want(p.ask(check("stays.example", fmt.Sprintf("V-%d", i))), 1000, fmt.Sprintf("V-%d", i))
	}
	wg.Wait()
	waitFor(t, "the others to go", func() bool { return f.server.Snapshot().Clients == 1 && f.server.connections.Load() == 1 })
}

// TestDrain: what is in flight is answered, the sessions log out, the clients are closed.
func TestDrain(t *testing.T) {
	r := newEchoRegistry(t)
	r.answerWith(func(p, id []byte) string {
		if !strings.Contains(string(p), "<logout") {
			time.Sleep(200 * time.Millisecond)
		}
		return echoAnswer(p, id)
	})
	s := build(t, testConfig(t, r.ln.Addr().String(), r.certs))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, server: s}
	p, idle := f.dial(), f.dial()
	p.write(check("d.example", "D-1"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(10 * time.Second) }()
	p.want(p.read(), 1000, "D-1")
	p.wantClosed()
	idle.wantClosed()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	logout := r.take()
	if len(logout) != 1 || !strings.Contains(string(logout[0]), "<logout") {
		t.Errorf("got %q after the drain, want a logout", logout)
	}
	if _, err := net.Dial("tcp", s.listeners[0].ln.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

// TestDrainWhileLoggingIn: a login that is being answered when the drain begins is logged out, as
// the others are.
func TestDrainWhileLoggingIn(t *testing.T) {
	f := start(t, func(sc *sandbox.Config, pc *config) {
		sc.Latency = 300 * time.Millisecond
		pc.Upstream.Pool.MinSessions = 3
	})
	for n := range uint64(2) { // the second, too, while the first is there
		waitFor(t, "a login", func() bool { return f.registry.Counters().Logins > n })
	}
	if err := f.server.Drain(10 * time.Second); err != nil {
		t.Error(err)
	}
	if c := f.registry.Counters(); c.Logins != c.Logouts {
		t.Errorf("%d logins and %d logouts", c.Logins, c.Logouts)
	}
}
