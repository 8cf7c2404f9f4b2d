package sandbox

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
)

// fakeListener hands out the connections of a channel; Close counts.
type fakeListener struct {
	conns  chan net.Conn
	err    error // of Accept once conns is closed
	mu     sync.Mutex
	closed int // guarded by mu
	done   chan struct{}
}

func newFakeListener() *fakeListener {
	return &fakeListener{conns: make(chan net.Conn), done: make(chan struct{}), err: net.ErrClosed}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case c, ok := <-l.conns:
		if !ok {
			return nil, l.err
		}
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed++; l.closed == 1 {
		close(l.done)
		return nil
	}
	return net.ErrClosed
}

func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestServeEnds: Serve returns the listener's error, or nil after Close, and has closed the
// listener in any case.
func TestServeEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(r *Registry, l *fakeListener)
		want string // empty: nil
	}{
		{"listener fails", func(_ *Registry, l *fakeListener) { l.err = errors.New("too many files"); close(l.conns) }, "accept: too many files"},
		{"Close", func(r *Registry, _ *fakeListener) { r.Close() }, ""},
		{"listener closed by its owner", func(_ *Registry, l *fakeListener) { l.Close() }, "accept: use of closed network connection"},
	} {
		r, l := New(Config{}), newFakeListener()
		served := make(chan error, 1)
		go func() { served <- r.Serve(l) }()
		near, far := net.Pipe()
		l.conns <- far // Serve is running
		c := &client{t: t, conn: near, name: "fake"}
		c.greet()
		tt.end(r, l)
		err := <-served
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if l.closed == 0 {
			t.Errorf("%s: the listener is open", tt.name)
		}
		if tt.want != "" { // a listener that fails ends no session
			c.login("demo", "demo-secret").want(1000)
		}
		must(t, r.Close())
		c.ended()
	}
}

// TestServeAfterClose: a closed registry takes neither listeners nor connections.
func TestServeAfterClose(t *testing.T) {
	r, l := New(Config{}), newFakeListener()
	must(t, r.Close())
	if err := r.Serve(l); err != nil || l.closed != 1 {
		t.Errorf("got %v, closed %d times", err, l.closed)
	}
	near, far := net.Pipe()
	r.ServeConn(far)
	if _, err := near.Write([]byte("x")); err == nil {
		t.Error("the connection is open")
	}
	if n := r.Counters(); n.Connections != 0 {
		t.Errorf("%d connections", n.Connections)
	}
	must(t, r.Close())
}

// TestListenersShareAll: one registry behind several listeners has one store, one count of sessions
// and one count of all else.
func TestListenersShareAll(t *testing.T) {
	r := start(t, Config{MaxSessions: 2})
	var clients []*client
	for range 3 {
		l := newFakeListener()
		go r.Serve(l)
		near, far := net.Pipe()
		t.Cleanup(func() { near.Close() })
		l.conns <- far
		c := &client{t: t, conn: near, name: "fake" + string(rune('0'+len(clients)))}
		c.greet()
		clients = append(clients, c)
	}
	clients[0].login("demo", "demo-secret").want(1000)
	clients[1].login("demo", "demo-secret").want(1000)
	clients[2].login("demo", "demo-secret").want(2502)
	clients[0].do("create", "D:<name>new.com</name>"+pw).want(1000)
	clients[1].do("create", "D:<name>new.com</name>"+pw).want(2302)
	if n := r.Counters(); n.Connections != 3 || n.Sessions["demo"] != 2 || n.Breaches.TooManySessions != 1 {
		t.Errorf("counted %+v", n)
	}
}

// TestCountersAreCopies: what Counters returns is the caller's.
func TestCountersAreCopies(t *testing.T) {
	r := start(t, Config{Faults: faults(t, "2502-command:cmd=delete")})
	c := enter(t, r, "demo")
	c.checks()
	c.do("delete", "D:<name>example.com</name>").want(2502)
	one := r.Counters()
	one.Sessions["demo"], one.SessionsPeak["demo"], one.Commands["check"], one.Executed["check"] = 99, 99, 99, 99
	one.Codes[1000], one.Faults["2502-command"], one.Ghosts["demo"] = 99, 99, 99
	two := r.Counters()
	if two.Sessions["demo"] != 1 || two.SessionsPeak["demo"] != 1 || two.Commands["check"] != 1 || two.Executed["check"] != 1 {
		t.Errorf("got %+v", two)
	}
	if two.Codes[1000] != 2 || two.Faults["2502-command"] != 1 || two.Ghosts["demo"] != 0 {
		t.Errorf("got %+v", two)
	}
}

// TestRegistriesApart: two registries of the same Config share nothing, and their svTRIDs differ.
func TestRegistriesApart(t *testing.T) {
	a, b := start(t, Config{}), start(t, Config{})
	ca, cb := enter(t, a, "demo"), enter(t, b, "demo")
	ca.do("create", "D:<name>new.com</name>"+pw).want(1000)
	cb.do("info", "D:<name>new.com</name>").want(2303)
	one, two := ca.do("check", "D:<name>a.com</name>"), cb.do("check", "D:<name>a.com</name>")
	ida, idb := one.text1("trID", "svTRID"), two.text1("trID", "svTRID")
	if ida == idb || !strings.HasPrefix(ida, "SBX-") || !echoable(ida) {
		t.Errorf("svTRIDs %q and %q", ida, idb)
	}
	if a.Counters().Commands["create"] != 1 || b.Counters().Commands["create"] != 0 {
		t.Error("they share their counters")
	}
}

// TestManyAtOnce: sessions of two accounts work at the same time; each gets its own answers, and
// the counts add up. Its worth is the race detector.
func TestManyAtOnce(t *testing.T) {
	const clients, commands = 8, 40
	r := start(t, Config{MaxSessions: clients, Record: true, Empty: true})
	var all sync.WaitGroup
	for i := range clients {
		who := []string{"demo", "other"}[i%2]
		c := enter(t, r, who)
		all.Go(func() {
			name := "D:<name>n" + string(rune('a'+i)) + ".com</name>"
			for n := range commands {
				switch n % 4 {
				case 0:
					c.do("create", name+pw)
				case 1:
					c.do("info", name).has("clID>" + who + "<")
				case 2:
					c.do("delete", name).want(1000)
				default:
					c.do("check", "D:<name>shared.com</name>").want(1000)
				}
			}
		})
		all.Go(func() {
			for range commands {
				r.Counters()
				r.Sessions()
				r.Record()
			}
		})
	}
	all.Wait()
	n := r.Counters()
	for verb, want := range map[string]uint64{"create": clients * commands / 4, "info": clients * commands / 4,
		"delete": clients * commands / 4, "check": clients * commands / 4, "login": clients} {
		if n.Commands[verb] != want || n.Executed[verb] != want {
			t.Errorf("%s: counted %d, executed %d, want %d", verb, n.Commands[verb], n.Executed[verb], want)
		}
	}
	if got, want := r.Executions("check", "shared.com"), (Times{clients * commands / 4, clients * commands / 4}); got != want {
		t.Errorf("executions %+v, want %+v", got, want)
	}
	breaches(t, r, Breaches{})
	must(t, r.store.consistent())
}

// TestCloseTells: an error of a listener's Close comes back, unless the listener was closed before.
func TestCloseTells(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct{ err, want error }{{broken, broken}, {net.ErrClosed, nil}, {nil, nil}} {
		r, l := New(Config{}), &stuckListener{fakeListener: newFakeListener(), err: tt.err}
		served := make(chan error, 1)
		go func() { served <- r.Serve(l) }()
		near, far := net.Pipe()
		l.conns <- far
		near.Close()
		if err := r.Close(); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("got %v, want %v", err, tt.want)
		}
		must(t, <-served)
	}
}

// stuckListener closes, but with an error.
type stuckListener struct {
	*fakeListener
	err error
}

func (l *stuckListener) Close() error {
	l.fakeListener.Close()
	return l.err
}
