package gnetloop

import (
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/loop"
)

// within is how long something may take that happens at once.
const within = 10 * time.Second

// spy is a Handler that notes what it is told.
type spy struct {
	t  *testing.T
	on *Loop

	socket   loop.Socket // owned by the loop, as the next two
	got      []byte
	lazy     bool // leaves what has come unread
	readable chan struct{}
	opened   atomic.Int32
	closed   chan error // what Closed was told, each time; not closed
}

func (s *spy) Opened(k loop.Socket) {
	s.socket = k
	s.opened.Add(1)
}

func (s *spy) Readable() {
	for !s.lazy {
		buf := make([]byte, 1000)
		n, err := s.socket.Read(buf)
		if err != nil {
			s.t.Errorf("read: %v", err)
		}
		if n == 0 {
			break
		}
		s.got = append(s.got, buf[:n]...)
	}
	select {
	case s.readable <- struct{}{}:
	default:
	}
}

func (s *spy) Closed(err error) { s.closed <- err }

// do runs f on the loop and waits for it.
func (s *spy) do(f func()) {
	s.t.Helper()
	run(s.t, s.on, f)
}

func run(t *testing.T, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	l.Post(func() { f(); close(done) })
	select {
	case <-done:
	case <-time.After(within):
		t.Fatal("the loop does not run what is posted")
	}
}

// until waits until what is true on the loop; it looks after each Readable, and now and then.
func (s *spy) until(what string, f func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(within); ; {
		ok := false
		if s.do(func() { ok = f() }); ok {
			return
		}
		select {
		case <-s.readable:
		case <-tick.C:
		case <-late:
			s.t.Fatalf("%s: not within %v", what, within)
		}
	}
}

// end waits for Closed.
func (s *spy) end() error {
	s.t.Helper()
	select {
	case err := <-s.closed:
		return err
	case <-time.After(within):
		s.t.Fatal("Closed is not called")
		return nil
	}
}

func newLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return l
}

// pair is two ends of a connection over network.
func pair(t *testing.T, network string) (ours, theirs net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if theirs, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	if err := theirs.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// enroll enrolls one end of a connection, and returns its spy and the other end.
func enroll(t *testing.T, l *Loop, network string) (*spy, net.Conn) {
	t.Helper()
	ours, theirs := pair(t, network)
	s := &spy{t: t, on: l, readable: make(chan struct{}, 1), closed: make(chan error, 10)}
	if err := l.Enroll(ours, s); err != nil {
		t.Fatal(err)
	}
	if n := s.opened.Load(); n != 1 {
		t.Fatalf("Opened was called %d times before Enroll returned, want once", n)
	}
	return s, theirs
}

// networks runs f for TCP and unix sockets.
func networks(t *testing.T, f func(t *testing.T, s *spy, theirs net.Conn)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s, theirs := enroll(t, newLoop(t), network)
			f(t, s, theirs)
		})
	}
}
