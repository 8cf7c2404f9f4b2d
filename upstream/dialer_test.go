package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/upstream/pool"
)

// place is what a test has at the addresses of a name. Its fields are changed while nobody connects.
type place struct {
	names  []string // that the name has; nil: it cannot be looked up
	lookUp time.Duration
	answer map[string]time.Duration // until an address accepts; below 0: it refuses; absent: never

	mu    sync.Mutex
	asked []string // where was connected to; guarded by mu
	ends  map[string]chan net.Conn
}

func (w *place) dialer(source string) *dialer {
	d := newDialer("registry.example:700", source)
	d.lookUp = func(ctx context.Context, host string) ([]string, error) {
		select {
		case <-time.After(w.lookUp):
		case <-ctx.Done():
			return nil, &net.DNSError{Err: "no answer", Name: host, IsTimeout: true}
		}
		if w.names == nil {
			return nil, &net.DNSError{Err: "no such host", Name: host}
		}
		return w.names, nil
	}
	d.connect = func(ctx context.Context, address string) (net.Conn, error) {
		w.mu.Lock()
		w.asked = append(w.asked, address)
		w.mu.Unlock()
		after, alive := w.answer[address]
		if !alive {
			after = time.Hour
		}
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Err: errors.New(address + " is silent")}
		}
		if after < 0 {
			return nil, &net.OpError{Op: "dial", Err: errors.New(address + " refuses")}
		}
		ours, theirs := net.Pipe()
		if c := w.ends[address]; c != nil {
			c <- theirs
		}
		return ours, nil
	}
	return d
}

// dial connects within 10 s, as an account does, and returns where, and in which order it was tried.
func (w *place) dial(t *testing.T, d *dialer) (at string, asked []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	nc, at, err := d.dial(ctx)
	if err == nil {
		nc.Close()
	}
	synctest.Wait()
	asked, w.asked = w.asked, nil
	return at, asked, err
}

const a1, a2, a3 = "192.0.2.1:700", "[2001:db8::2]:700", "192.0.2.3:700"

var threeNames = []string{"192.0.2.1", "2001:db8::2", "192.0.2.3"}

// TestNextAddress: the address at which an attempt failed, wherever, goes behind the others; the one
// that gave a session goes first; DNS is asked anew each time.
func TestNextAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &place{names: threeNames, answer: map[string]time.Duration{a1: 0, a2: 0, a3: 0}}
		d := w.dialer("")
		want := func(address string) {
			t.Helper()
			if at, asked, err := w.dial(t, d); at != address || err != nil || !slices.Equal(asked, []string{address}) {
				t.Fatalf("connected to %s, tried %v, %v, want %s alone", at, asked, err, address)
			}
		}
		want(a1)
		d.bad(a1) // in TLS, say
		want(a2)
		d.worked(a2)
		want(a2)
		d.bad(a2)
		want(a3) // it has not failed yet
		d.bad(a3)
		want(a1) // whose failure is the longest ago
		d.bad(a1)
		want(a2)
		d.worked(a2)
		w.names = []string{"192.0.2.3"}
		want(a3)
		w.names = threeNames
		want(a2)
		if len(d.failed) > 2 {
			t.Errorf("failures are kept of %v", d.failed)
		}
		w.names = []string{"192.0.2.3", "192.0.2.1"}
		d.worked(a1)
		want(a1)
	})
}

// TestAddressesOfOneAttempt: within an attempt the next address begins where one has refused, or has
// been silent for a second, and only then.
func TestAddressesOfOneAttempt(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer map[string]time.Duration
		at     string
		asked  []string
		took   time.Duration
	}{
		{"slow, not silent", map[string]time.Duration{a1: 900 * time.Millisecond, a2: 0}, a1, []string{a1}, 900 * time.Millisecond},
		{"refuses", map[string]time.Duration{a1: -1, a2: 0}, a2, []string{a1, a2}, 0},
		{"silent", map[string]time.Duration{a2: 0}, a2, []string{a1, a2}, time.Second},
		{"silent, refuses", map[string]time.Duration{a2: -1, a3: 0}, a3, []string{a1, a2, a3}, time.Second},
		{"answers late, before the next", map[string]time.Duration{a1: 1500 * time.Millisecond, a2: time.Minute}, a1, []string{a1, a2},
			1500 * time.Millisecond},
		{"all refuse", map[string]time.Duration{a1: -1, a2: -1, a3: -1}, "", []string{a1, a2, a3}, 0},
		{"all silent", nil, "", []string{a1, a2, a3}, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &place{names: threeNames, answer: tt.answer}
			d, begin := w.dialer(""), time.Now()
			at, asked, err := w.dial(t, d)
			if at != tt.at || !slices.Equal(asked, tt.asked) || time.Since(begin) != tt.took || (err == nil) != (tt.at != "") {
				t.Errorf("%s: connected to %q, tried %v, took %v, %v", tt.name, at, asked, time.Since(begin), err)
			}
			for _, a := range tt.asked {
				if err != nil && !strings.Contains(err.Error(), a) {
					t.Errorf("%s: the error does not name %s: %v", tt.name, a, err)
				}
			}
			time.Sleep(time.Hour) // nobody waits on
		})
	}
}

// TestLateConnection: an address that accepts after another has been taken is left again.
func TestLateConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &place{names: threeNames[:2]}
		d := w.dialer("")
		late := make(chan net.Conn, 1)
		d.connect = func(_ context.Context, address string) (net.Conn, error) { // which does not end with its context
			ours, theirs := net.Pipe()
			if address == a1 {
				time.Sleep(3 * time.Second)
				late <- theirs
			}
			return ours, nil
		}
		if at, _, err := w.dial(t, d); at != a2 || err != nil {
			t.Errorf("connected to %s, %v, want %s", at, err, a2)
		}
		if _, err := (<-late).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the late connection: %v, want its end", err)
		}
	})
}

// TestLastGoodAddress: row 17. While the registry's name cannot be looked up, or the look-up is
// silent, the addresses that it had last serve. Without any a slow look-up has all of the time.
func TestLastGoodAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &place{answer: map[string]time.Duration{a1: 0, a3: 0}}
		d := w.dialer("")
		dns := (*net.DNSError)(nil)
		if _, asked, err := w.dial(t, d); !errors.As(err, &dns) || asked != nil {
			t.Errorf("with no address ever: tried %v, %v", asked, err)
		}
		w.names, w.lookUp = []string{"192.0.2.1", "192.0.2.3"}, 9*time.Second
		if at, _, err := w.dial(t, d); at != a1 {
			t.Errorf("with a slow look-up: %s, %v", at, err)
		}
		d.worked(a3)
		w.names, w.lookUp = nil, 0
		if at, _, err := w.dial(t, d); at != a3 {
			t.Errorf("while the name is unknown: %s, %v, want %s", at, err, a3)
		}
		w.lookUp = time.Hour
		begin := time.Now()
		if at, _, err := w.dial(t, d); at != a3 || time.Since(begin) != 7500*time.Millisecond {
			t.Errorf("while the look-up is silent: %s, %v, after %v, want %s", at, err, time.Since(begin), a3)
		}
		d.bad(a3)
		if at, _, err := w.dial(t, d); at != a1 {
			t.Errorf("while the look-up is silent, and the last one fails: %s, %v, want %s", at, err, a1)
		}
		next := newDialer("registry.example:700", "")
		next.inherit(d)
		next.lookUp, next.connect = d.lookUp, d.connect
		if at, _, err := w.dial(t, next); at != a1 {
			t.Errorf("after a reload: %s, %v, want %s", at, err, a1)
		}
		other := newDialer("another.example:700", "")
		if other.inherit(d); len(other.known) > 0 {
			t.Error("another name has inherited addresses")
		}
	})
}

// TestAddressesOfFamily: addresses of the other family than our own are left out.
func TestAddressesOfFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &place{names: threeNames, answer: map[string]time.Duration{a1: -1, a2: -1, a3: -1}}
		if _, asked, _ := w.dial(t, w.dialer("198.51.100.1")); !slices.Equal(asked, []string{a1, a3}) {
			t.Errorf("from IPv4 tried %v", asked)
		}
		if _, asked, _ := w.dial(t, w.dialer("2001:db8::1")); !slices.Equal(asked, []string{a2}) {
			t.Errorf("from IPv6 tried %v", asked)
		}
		w.names = []string{"192.0.2.1"}
		if _, asked, err := w.dial(t, w.dialer("2001:db8::1")); asked != nil || err == nil {
			t.Errorf("from IPv6 to a name of IPv4: tried %v, %v", asked, err)
		}
		for range 100 {
			w.names = append(w.names, "192.0.2.9")
		}
		if _, asked, _ := w.dial(t, w.dialer("")); len(asked) != addressesMax {
			t.Errorf("tried %d addresses", len(asked))
		}
	})
}

// TestBrokenAddress: a name whose first address accepts and closes, or does not greet, has its sessions
// from the second; the log names the first. A refused login moves nothing.
func TestBrokenAddress(t *testing.T) {
	for _, first := range []func(nc net.Conn){
		func(nc net.Conn) { nc.Close() },
		func(net.Conn) {}, // until the greeting is overdue
		func(nc net.Conn) { (&registrySide{nc: nc}).write(goodbye(2400, "")) },
	} {
		w := &place{names: threeNames, answer: map[string]time.Duration{a1: 0, a2: 0, a3: 0}}
		inPlay(t, func(c *Config) {
			w.ends = map[string]chan net.Conn{a1: make(chan net.Conn, 9), a2: make(chan net.Conn, 9), a3: make(chan net.Conn, 9)}
			c.Dial, c.dialer = nil, w.dialer("")
		}, func(p *play) {
			nc := <-w.ends[a1]
			p.accepted = append(p.accepted, nc)
			go first(nc)
			second := func() *registrySide {
				nc := <-w.ends[a2]
				p.accepted = append(p.accepted, nc)
				r := &registrySide{p: p, nc: nc}
				r.greet()
				r.want("login")
				return r
			}
			r := second()
			r.reply(1000)
			if log := p.logged(); !strings.Contains(log, "(at "+a1+")") {
				t.Errorf("the log does not name the address that failed: %s", log)
			}
			r.close()
			r = second() // the one that gave a session
			r.reply(2502)
			r = second()
			r.reply(1000)
			r.close()
			r = second()
			if len(w.ends[a1])+len(w.ends[a3]) > 0 {
				t.Error("other addresses were tried")
			}
			r.close() // without an answer
			nc = <-w.ends[a3]
			p.accepted = append(p.accepted, nc)
		})
	}
}

// write sends a message from outside the test's goroutine.
func (r *registrySide) write(payload string) {
	_, _ = r.nc.Write(append([]byte{0, 0, byte((len(payload) + 4) >> 8), byte(len(payload) + 4)}, payload...))
}

// TestRealAddresses: the addresses of the loopback, over the kernel's own TCP.
func TestRealAddresses(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(first.Addr().String())
	var other string
	for _, host := range []string{"::1", "127.0.0.2"} { // a container may have neither IPv6 nor, elsewhere, the second
		if ln, err := net.Listen("tcp", net.JoinHostPort(host, port)); err == nil {
			defer ln.Close()
			other = host
			break
		}
	}
	if other == "" {
		first.Close()
		t.Skip("no second address at this port")
	}
	d := newDialer("registry.example:"+port, "")
	d.lookUp = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1", other}, nil }
	want := func(host string) {
		t.Helper()
		nc, at, err := d.dial(t.Context())
		if err != nil || at != net.JoinHostPort(host, port) || nc.RemoteAddr().String() != at {
			t.Fatalf("connected to %s, %v, want %s", at, err, host)
		}
		nc.Close()
	}
	want("127.0.0.1")
	d.bad(net.JoinHostPort("127.0.0.1", port))
	want(other)
	d.worked(net.JoinHostPort("127.0.0.1", port))
	want("127.0.0.1")
	first.Close()
	want(other)
	literal := newDialer(net.JoinHostPort(other, port), "")
	literal.lookUp = nil
	if _, at, err := literal.dial(t.Context()); err != nil || at != net.JoinHostPort(other, port) {
		t.Errorf("a literal: %s, %v", at, err)
	}
}

// TestRecalledAddress: an attempt that a pause gives up while the registry is to greet leaves the address
// in its place.
func TestRecalledAddress(t *testing.T) {
	w := &place{names: threeNames, answer: map[string]time.Duration{a1: 0, a2: 0, a3: 0}}
	inPlay(t, func(c *Config) {
		w.ends = map[string]chan net.Conn{a1: make(chan net.Conn, 9), a2: make(chan net.Conn, 9), a3: make(chan net.Conn, 9)}
		c.Dial, c.dialer = nil, w.dialer("")
	}, func(p *play) {
		for range 2 {
			select {
			case nc := <-w.ends[a1]: // it does not greet
				p.accepted = append(p.accepted, nc)
			case nc := <-w.ends[a2]:
				p.accepted = append(p.accepted, nc)
				t.Error("the next address was tried")
			}
			p.operate(p.account.Pause)
			synctest.Wait()
			p.operate(p.account.Resume)
		}
	})
}

// TestJudge: only what an address can be at fault for moves it.
func TestJudge(t *testing.T) {
	for cause := range pool.NumCauses {
		to := target{dialer: newDialer("registry.example:700", "")}
		to.dialer.known = []string{a1, a3}
		err := to.judge(a1, &openError{"step", cause, errors.New("why")})
		moved := to.dialer.ordered()[0] == a3
		want := slices.Contains([]pool.Cause{pool.CauseConnect, pool.CauseTLS, pool.CauseGreeting, pool.CauseRegistryClosed,
			pool.CauseFrame, pool.CauseUnasked}, cause)
		if moved != want || openCause(err) != cause || err.Error() != "step: why (at "+a1+")" {
			t.Errorf("%v: moved %v, %v", cause, moved, err)
		}
	}
}
