package proxy

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/sandbox"
)

// The tests here have clients that hoard, beside an honest one that has everything in common with
// them: user, address, and no login.

// hoard connects and writes octets, and reads nothing but the greeting.
func (f *fixture) hoard(network, address string, octets []byte) net.Conn {
	f.t.Helper()
	nc, err := net.Dial(network, address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { nc.Close() })
	_ = nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
	_, _ = nc.Write(octets) // the other end may close meanwhile
	return nc
}

// tcp is the address of the first listener.
func (f *fixture) tcp() string { return f.server.listeners[0].ln.Addr().String() }

// honest asks n times, each second time in two segments, and fails unless all is answered by the
// registry.
func (f *fixture) honest(p *peer, n int) {
	f.t.Helper()
	for i := range n {
		id := fmt.Sprintf("H-%d", i)
		b := unit(check("honest.example", id))
		half := len(b) / 2
		if i%2 == 1 {
			_, _ = p.nc.Write(b[:half])
			f.settled()
			b = b[half:]
		}
		if _, err := p.nc.Write(b); err != nil {
			f.t.Fatalf("honest command %d: %v", i, err)
		}
		p.want(p.read(), 1000, id)
	}
}

// settled returns when the loop has done what it had to do by now, and fails where more is held
// than may be.
func (f *fixture) settled() {
	f.t.Helper()
	sn := f.server.Snapshot()
	if sn == nil {
		f.t.Fatal("the loop does not answer")
	}
	if sn.Memory > f.server.cfg.MaxMemory {
		f.t.Errorf("%d octets are held, %d may be", sn.Memory, f.server.cfg.MaxMemory)
	}
}

// TestHoardersOfFrames: clients that hold frames but for their last octet give way, and an honest
// one does not notice, wherever they come from.
func TestHoardersOfFrames(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			f, _ := startEcho(t, func(c *config) {
				c.MaxMemory = 4 << 20
				c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
			})
			address := map[string]string{"tcp": f.tcp(), "unix": path}[network]
			p := f.dial()
			part := unit(check(strings.Repeat("x", 261_000), "X"))
			part = part[:len(part)-1]
			for range 40 {
				f.hoard(network, address, part)
				f.honest(p, 4)
			}
			// What room is left is filled with what is small enough.
			for n := len(part); n > 0; n /= 2 {
				f.hoard(network, address, part[:n])
				f.honest(p, 2)
			}
			waitFor(t, "hoarders to give way", func() bool { return f.server.Snapshot().Hoarders() > 0 })
			f.honest(p, 10)
		})
	}
}

// TestHoardersOverTLS: octets count behind TLS too, and those of a record that has come in part.
func TestHoardersOverTLS(t *testing.T) {
	f, cfg := startTLS(t, func(c *config) { c.MaxMemory = 4 << 20 })
	p := f.dial()
	part := unit(check(strings.Repeat("x", 261_000), "X"))
	for range 40 {
		h := f.dialTLS(cfg)
		_ = h.SetWriteDeadline(time.Now().Add(20 * time.Second))
		_, _ = h.Write(part[:len(part)-1])
		f.honest(p, 4)
	}
	waitFor(t, "hoarders to give way", func() bool { return f.server.Snapshot().Hoarders() > 0 })
	f.honest(p, 10)
}

// TestHoardersOfAnswers: what clients do not read is bounded as well. Answers are not refused for
// it: the client that has most of them unread is ended.
func TestHoardersOfAnswers(t *testing.T) {
	const most = 4 << 20
	big := strings.Repeat("x", 600_000)
	path := filepath.Join(t.TempDir(), "s")
	f, r := startEcho(t, func(c *config) {
		c.MaxMemory = most
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
	})
	r.answerWith(func(payload, id []byte) string {
		a := echoAnswer(payload, id)
		if bytes.Contains(payload, []byte("big.example")) {
			a = strings.Replace(a, "</result>", "</result><extension><x xmlns='urn:x'>"+big+"</x></extension>", 1)
		}
		return a
	})
	p := f.dial()
	ask := unit(check("big.example", "B-1"))
	for i := range 40 {
		f.hoard("unix", path, ask)
		f.honest(p, 2)
		f.settled()
		if i == 0 { // one is no hoarder
			if n := f.server.Snapshot().Hoarders(); n > 0 {
				t.Errorf("%d clients gave way to nobody", n)
			}
		}
	}
	waitFor(t, "hoarders to give way", func() bool { return f.server.Snapshot().Hoarders() >= 30 })
	f.honest(p, 10)
	reader := f.dial() // who reads gets it all
	if a := reader.ask(check("big.example", "B-2")); !strings.Contains(a, big) {
		t.Errorf("got %d octets", len(a))
	}
}

// TestHoardersAhead: clients whose long commands wait for a session, with more behind them, give
// way to a short one.
func TestHoardersAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f, r := startEcho(t, func(c *config) {
		c.MaxMemory = 4 << 20
		c.Upstream.Pool.MaxSessions = 1
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
	})
	block := make(chan struct{})
	r.answerWith(func(p, id []byte) string { <-block; return echoAnswer(p, id) })
	first := f.dial()
	first.write(command("<delete/>", "A-1"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	long := bytes.Repeat(unit(check(strings.Repeat("x", 100_000), "X")), 3)
	for range 40 {
		f.hoard("unix", path, long)
		f.settled()
	}
	p := f.dial()
	p.write(check("honest.example", "A-2"))
	f.settled()
	close(block)
	first.want(first.read(), 1000, "A-1")
	p.want(p.read(), 1000, "A-2")
	f.honest(p, 4)
}

// TestStrangersHoard: those who have not logged in never count against those who have, and what
// waits for each of them is one message at the most.
func TestStrangersHoard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f, _ := verifying(t, func(c *config) {
		c.MaxMemory = 2 << 20
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
	})
	p := f.dial()
	p.want(p.ask(loginAs("web", "web-secret", "", "S-1")), 1000, "S-1")
	hello := unit(eppOpen + "<hello/></epp>")
	hoarders := make(chan struct{}) // holds one for each that has ended; not closed
	for range 60 {
		nc := f.hoard("unix", path, hello)
		go func() { // ends when the client is closed, or by its deadline
			for {
				if _, err := nc.Write(bytes.Repeat(hello, 10)); err != nil {
					hoarders <- struct{}{}
					return
				}
			}
		}()
	}
	limit := f.server.cfg.MaxMemory / 2
	for range 50 {
		f.honest(p, 4)
		if sn := f.server.Snapshot(); sn.Memory > limit {
			t.Fatalf("strangers hold %d octets", sn.Memory)
		}
	}
	if n := f.server.Snapshot().Account.NotSent; n != [len(n)]uint64{} {
		t.Errorf("not sent: %v", n)
	}
	f.server.Server.Close() // frees the writers
	for range 60 {
		<-hoarders
	}
}

// TestStrangersHaveTheirOwn: whatever strangers hold, a client that is logged in keeps what it has,
// though it is more than any stranger has.
func TestStrangersHaveTheirOwn(t *testing.T) {
	f, _ := verifying(t, func(c *config) { c.MaxMemory = 600_000 })
	p := f.dial()
	p.want(p.ask(loginAs("web", "web-secret", "", "S-1")), 1000, "S-1")
	long := unit(check(strings.Repeat("x", 200_000), "S-2"))
	if _, err := p.nc.Write(long[:150_000]); err != nil {
		t.Fatal(err)
	}
	for range 100 { // more than all may have, known and not
		f.hoard("tcp", f.tcp(), unit(strings.Repeat("x", maxLogin))[:8000])
		f.settled()
	}
	waitFor(t, "strangers to give way", func() bool { return f.server.Snapshot().Hoarders() > 0 })
	if _, err := p.nc.Write(long[150_000:]); err != nil {
		t.Fatal(err)
	}
	p.want(p.read(), 1000, "S-2")
}

// TestStrangerWaits: for a stranger that does not read waits no more than one message, however many
// it has asked for.
func TestStrangerWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f, _ := verifying(t, func(c *config) { c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path}) })
	hello := unit(eppOpen + "<hello/></epp>")
	nc := f.hoard("unix", path, nil)
	look := func() (unsent, held, greeting int) {
		err := f.server.ask(func() {
			c := f.server.clients
			if c == nil { // it is still to be accepted
				return
			}
			unsent, held, greeting = c.stream.unsent(), c.stream.buffered(), len(f.server.greetingUnit())
		})
		if err != nil {
			t.Fatal(err)
		}
		return unsent, held, greeting
	}
	waitFor(t, "an unread answer", func() bool {
		_, _ = nc.Write(hello)
		unsent, _, _ := look()
		return unsent > 0
	})
	_, _ = nc.Write(bytes.Repeat(hello, strangerAhead/len(hello)-1))
	waitFor(t, "hellos ahead", func() bool { _, held, _ := look(); return held > strangerAhead/2 })
	if unsent, _, greeting := look(); unsent == 0 || unsent > greeting {
		t.Errorf("%d octets are unsent, want no more than a greeting of %d", unsent, greeting)
	}
}

// TestLittleTakesLittle: the beginning of a frame does not take what a long one needed before.
func TestLittleTakesLittle(t *testing.T) {
	f, _ := startEcho(t, nil)
	p, q := f.dial(), f.dial()
	long := unit(check(strings.Repeat("x", 200_000), "L-1"))
	for range 5 {
		if _, err := p.nc.Write(long[:100_000]); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "its half", func() bool { return f.server.Snapshot().Memory >= 100_000 })
		_, _ = p.nc.Write(long[100_000:])
		p.want(p.read(), 1000, "L-1")
		b := unit(check("little.example", "L-2"))
		if _, err := q.nc.Write(b[:10]); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "its beginning", func() bool { return f.server.Snapshot().Memory > 0 })
		if n := f.server.Snapshot().Memory; n > 8<<10 {
			t.Fatalf("10 octets take %d", n)
		}
		_, _ = q.nc.Write(b[10:])
		q.want(q.read(), 1000, "L-2")
	}
}

// place tries to get one of the places of clients.max.
func (f *fixture) place(network, address string) (*peer, bool) {
	f.t.Helper()
	nc, err := net.Dial(network, address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { nc.Close() })
	p := &peer{t: f.t, nc: nc}
	return p, strings.Contains(p.read(), "<greeting>")
}

// TestPlacesAreShared: one user takes all places while nobody else wants one. Another takes the
// place of the connection that is idle longest, until both have half.
func TestPlacesAreShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f := start(t, func(_ *sandbox.Config, c *config) {
		c.MaxClients = 7
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
	})
	var all []*peer
	for range 7 {
		p, ok := f.place("tcp", f.tcp())
		if !ok {
			t.Fatal("one user alone does not get all places")
		}
		all = append(all, p)
	}
	if _, ok := f.place("tcp", f.tcp()); ok {
		t.Fatal("an eighth client was taken")
	}
	all[0].want(all[0].ask(check("a.example", "P-1")), 1000, "P-1") // so it is not idle longest any more
	if _, err := all[1].nc.Write([]byte{0, 0}); err != nil {        // nor is this one idle
		t.Fatal(err)
	}
	waitFor(t, "the octets", func() bool { return f.server.Snapshot().Memory > 0 })
	for i := range 3 {
		if _, ok := f.place("unix", path); !ok {
			t.Fatalf("place %d of the other user's is refused", i)
		}
	}
	if _, ok := f.place("unix", path); ok {
		t.Error("more places changed hands than make the shares equal")
	}
	if _, ok := f.place("tcp", f.tcp()); ok {
		t.Error("a place changed hands again")
	}
	for _, i := range []int{2, 3, 4} {
		all[i].wantClosed()
	}
	for _, i := range []int{0, 5, 6} {
		all[i].stays()
	}
	sn := f.server.Snapshot()
	if got := sn.Closes[closedDisplaced]; got != 3 || sn.Clients != 7 {
		t.Errorf("%d clients are displaced, %d left, want 3 and 7", got, sn.Clients)
	}
}

// TestSentIsSpared: a client that holds most, but only by a command that the registry has, does not
// give way: nothing would be won, and a transform's outcome lost.
func TestSentIsSpared(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.MaxMemory = 1 << 20 })
	block := make(chan struct{})
	r.answerWith(func(p, id []byte) string {
		if bytes.Contains(p, []byte("<delete>")) {
			<-block
		}
		return echoAnswer(p, id)
	})
	first := f.dial()
	first.write(command("<delete>"+strings.Repeat("x", 200_000)+"</delete>", "S-1"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	part := unit(check(strings.Repeat("x", 200_000), "X"))[:100_000]
	for range 20 {
		f.hoard("tcp", f.tcp(), part)
		f.settled()
	}
	waitFor(t, "hoarders to give way", func() bool { return f.server.Snapshot().Hoarders() > 5 })
	close(block)
	first.want(first.read(), 1000, "S-1")
}
