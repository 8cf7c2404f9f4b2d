package gnetloop

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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

// TestPost: what is posted runs on one goroutine, in order, from elsewhere and from the loop itself,
// where it runs after the function that posts it.
func TestPost(t *testing.T) {
	l := newLoop(t)
	var got []int // owned by the loop
	for i := range 1000 {
		l.Post(func() {
			got = append(got, i)
			if i == 999 {
				for j := range 1000 {
					l.Post(func() { got = append(got, 1000+j) })
				}
				got = append(got, -1)
			}
		})
	}
	done := make(chan struct{})
	l.Post(func() { l.Post(func() { close(done) }) })
	<-done
	run(t, l, func() {
		if len(got) != 2001 {
			t.Errorf("%d functions ran, want 2001", len(got))
			return
		}
		for i, n := range got {
			want := i
			switch {
			case i == 1000:
				want = -1
			case i > 1000:
				want = i - 1
			}
			if n != want {
				t.Errorf("function %d ran as number %d", n, i)
				return
			}
		}
	})
}

// TestPostBehindMany: the order is kept however many functions wait. gnet's own queues keep it for the
// first thousand.
func TestPostBehindMany(t *testing.T) {
	l := newLoop(t)
	for range 3 { // the memory of one batch is used in the next
		stuck := make(chan struct{})
		l.Post(func() { <-stuck })
		const n = 5000
		var got []int // owned by the loop
		for i := range n {
			l.Post(func() {
				if got = append(got, i); i == 0 {
					l.Post(func() { got = append(got, n) })
				}
			})
		}
		close(stuck)
		run(t, l, func() {})
		run(t, l, func() {
			for i := range n + 1 {
				if len(got) != n+1 || got[i] != i {
					t.Errorf("%d functions ran, number %d out of order", len(got), i)
					return
				}
			}
		})
	}
}

// TestPostFromMany: functions from many goroutines all run, and never two at once.
func TestPostFromMany(t *testing.T) {
	l := newLoop(t)
	n, inside := 0, atomic.Int32{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				l.Post(func() {
					if inside.Add(1) != 1 {
						t.Error("two functions run at once")
					}
					n++
					inside.Add(-1)
				})
			}
		})
	}
	wg.Wait()
	run(t, l, func() {
		if n != 4000 {
			t.Errorf("%d functions ran, want 4000", n)
		}
	})
}

// TestAfterStop: after Stop, what is posted is dropped, and what is to be enrolled is closed without
// a call of its Handler.
func TestAfterStop(t *testing.T) {
	l, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	l.Post(func() { t.Error("a function ran after Stop") })
	ours, theirs := pair(t, "tcp")
	s := &spy{t: t, on: l, closed: make(chan error, 10)}
	if err := l.Enroll(ours, s); !errors.Is(err, errLoopEnded) {
		t.Errorf("got %v, want %v", err, errLoopEnded)
	}
	if s.opened.Load() != 0 || len(s.closed) != 0 {
		t.Error("the Handler was called")
	}
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other side reads %v, want the end", err)
	}
}

// TestStopWhile: Stop ends while others post and enroll, and each Enroll either calls Opened and
// Closed, or neither.
func TestStopWhile(t *testing.T) {
	l, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	begun := make(chan struct{}, 4) // a word from each goroutine; not closed
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				if i == 3 {
					begun <- struct{}{}
				}
				l.Post(func() {})
				ours, _ := pair(t, "tcp")
				s := &spy{t: t, on: l, closed: make(chan error, 10)}
				if err := l.Enroll(ours, s); err != nil {
					if s.opened.Load() != 0 || len(s.closed) != 0 {
						t.Error("the Handler was called though Enroll failed")
					}
					return
				}
				defer func() {
					s.end()
					if len(s.closed) != 0 {
						t.Error("Closed was called twice")
					}
				}()
			}
		})
	}
	for range 4 {
		<-begun
	}
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestStopCloses: Stop closes the sockets, each once, and the other side sees the end.
func TestStopCloses(t *testing.T) {
	l, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	one, theirOne := enroll(t, l, "tcp")
	two, theirTwo := enroll(t, l, "unix")
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*spy{one, two} {
		s.end()
		if len(s.closed) != 0 {
			t.Error("Closed was called twice")
		}
	}
	for _, nc := range []net.Conn{theirOne, theirTwo} {
		if _, err := nc.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other side reads %v, want the end", err)
		}
	}
}

// TestPostAllocs: posting allocates nothing of its own beside gnet's task.
func TestPostAllocs(t *testing.T) {
	l := newLoop(t)
	ran := make(chan struct{}, 1) // a word when f ran; not closed
	f := func() { ran <- struct{}{} }
	if n := testing.AllocsPerRun(1000, func() { l.Post(f); <-ran }); n > 2 {
		t.Errorf("got %v allocations, want 2 at most", n)
	}
}

// TestEcho: octets come through in both directions, and nothing at hand is 0 and nil.
func TestEcho(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		if _, err := theirs.Write([]byte("from the other side")); err != nil {
			t.Fatal(err)
		}
		s.until("octets", func() bool { return string(s.got) == "from the other side" })
		s.do(func() {
			if n, err := s.socket.Read(make([]byte, 10)); n != 0 || err != nil {
				t.Errorf("with nothing at hand got %d, %v", n, err)
			}
			for _, p := range []string{"to the ", "", "other side"} {
				if n, err := s.socket.Write([]byte(p)); n != len(p) || err != nil {
					t.Errorf("write: got %d, %v", n, err)
				}
			}
			if n := s.socket.Unsent(); n != 0 {
				t.Errorf("%d octets are not sent", n)
			}
		})
		buf := make([]byte, len("to the other side"))
		if _, err := io.ReadFull(theirs, buf); err != nil || string(buf) != "to the other side" {
			t.Errorf("got %q, %v", buf, err)
		}
	})
}

// TestUnsent: the octets that the kernel does not take are kept, told, and delivered in order, also
// behind what is written meanwhile; the caller may change its slice at once.
func TestUnsent(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		const most = 64 << 20
		written := 0
		s.do(func() {
			for p := make([]byte, 100_000); s.socket.Unsent() == 0 && written < most; written += len(p) {
				for i := range p {
					p[i] = byte((written + i) % 251)
				}
				if n, err := s.socket.Write(p); n != len(p) || err != nil {
					t.Errorf("write: got %d, %v", n, err)
				}
				clear(p)
			}
			if s.socket.Unsent() == 0 {
				t.Errorf("the kernel took %d octets", written)
			}
			tail := []byte{byte(written % 251)}
			before := s.socket.Unsent()
			if _, err := s.socket.Write(tail); err != nil || s.socket.Unsent() != before+1 {
				t.Errorf("behind %d unsent octets, one more gives %d, %v", before, s.socket.Unsent(), err)
			}
			written++
		})
		got := make([]byte, written)
		if _, err := io.ReadFull(theirs, got); err != nil {
			t.Fatal(err)
		}
		for i, b := range got {
			if b != byte(i%251) {
				t.Fatalf("octet %d of %d is wrong", i, written)
			}
		}
		s.until("all is sent", func() bool { return s.socket.Unsent() == 0 })
	})
}

// TestPeek: Peek shows without taking, Discard takes; both panic beyond what there is.
func TestPeek(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		s.do(func() { s.lazy = true })
		if _, err := theirs.Write([]byte("abcdef")); err != nil {
			t.Fatal(err)
		}
		s.until("octets", func() bool { return s.socket.Buffered() == 6 })
		s.do(func() {
			for range 2 {
				if got := s.socket.Peek(3); string(got) != "abc" {
					t.Errorf("got %q, want abc", got)
				}
			}
			s.socket.Discard(2)
			if got, n := s.socket.Peek(4), s.socket.Buffered(); string(got) != "cdef" || n != 4 {
				t.Errorf("after a discard got %q of %d", got, n)
			}
			for _, n := range []int{-1, 0, 5} {
				panics(t, "peek "+strconv.Itoa(n), func() { s.socket.Peek(n) })
				panics(t, "discard "+strconv.Itoa(n), func() { s.socket.Discard(n) })
			}
			if got, n := s.socket.Peek(4), s.socket.Buffered(); string(got) != "cdef" || n != 4 {
				t.Errorf("after the panics got %q of %d", got, n)
			}
			s.socket.Discard(4)
			if n := s.socket.Buffered(); n != 0 {
				t.Errorf("%d octets are left", n)
			}
			panics(t, "peek at the end", func() { s.socket.Peek(1) })
			panics(t, "discard at the end", func() { s.socket.Discard(1) })
		})
	})
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "BUG: ") {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

// TestLazy: what a Handler leaves stays, and it is called again when more comes.
func TestLazy(t *testing.T) {
	s, theirs := enroll(t, newLoop(t), "tcp")
	s.do(func() { s.lazy = true })
	for i := range 3 {
		if _, err := theirs.Write(bytes.Repeat([]byte{'x'}, 1000)); err != nil {
			t.Fatal(err)
		}
		s.until("octets", func() bool { return s.socket.Buffered() == 1000*(i+1) })
	}
	s.do(func() { s.lazy = false; s.Readable() })
	if len(s.got) != 3000 {
		t.Errorf("got %d octets, want 3000", len(s.got))
	}
}

// TestPending: octets that have come, and the end of the connection, are pending, whether the loop
// has read them from the kernel or not.
func TestPending(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		s.do(func() {
			if s.socket.Pending() {
				t.Error("pending before anything was sent")
			}
			// While this runs, the loop reads nothing.
			if _, err := theirs.Write([]byte("x")); err != nil {
				t.Error(err)
			}
			wait(t, "an octet", s.socket.Pending)
			s.lazy = true
		})
		s.until("the octet", func() bool { return s.socket.Buffered() == 1 })
		s.do(func() {
			if !s.socket.Pending() {
				t.Error("an octet that the loop has read is not pending")
			}
			s.socket.Discard(1)
			if s.socket.Pending() {
				t.Error("pending after it was taken")
			}
			theirs.Close()
			wait(t, "the end", s.socket.Pending)
		})
		s.end()
		s.do(func() {
			if !s.socket.Pending() {
				t.Error("a closed socket has nothing pending, not even its end")
			}
		})
	})
}

// wait waits until f, which it asks again and again without letting go of the goroutine's turn.
func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begin := time.Now(); !f(); {
		if time.Since(begin) > within {
			t.Errorf("%s: not within %v", what, within)
			return
		}
	}
}

// TestClose: Close calls Closed once, from within; a closed socket is at its end in all it says, and
// may be closed again.
func TestClose(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		s.do(func() {
			if err := s.socket.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if n := len(s.closed); n != 1 {
				t.Errorf("Closed was called %d times before Close returned, want once", n)
			}
			if err := s.socket.Close(); err != nil {
				t.Errorf("close again: %v", err)
			}
			if _, err := s.socket.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("read: got %v", err)
			}
			if _, err := s.socket.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("write: got %v", err)
			}
			if k := s.socket; k.Buffered() != 0 || k.Unsent() != 0 || k.From() != nil {
				t.Errorf("got %d buffered, %d unsent, from %v", k.Buffered(), k.Unsent(), k.From())
			}
			s.socket.Acknowledge()
			s.socket.CloseWrite()
		})
		if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other side reads %v, want the end", err)
		}
		s.do(func() {})
		if n := len(s.closed); n != 1 {
			t.Errorf("Closed was called %d times, want once", n)
		}
	})
}

// TestClosedByOther: the other side's end calls Closed once, after what it had sent was readable.
func TestClosedByOther(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		if _, err := theirs.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		s.end()
		s.do(func() {
			if string(s.got) != "last words" {
				t.Errorf("got %q", s.got)
			}
			if len(s.closed) != 0 {
				t.Error("Closed was called twice")
			}
		})
	})
}

// TestWriteBroken: a write to a connection that the other side has reset closes the socket, sooner or
// later, and never panics.
func TestWriteBroken(t *testing.T) {
	s, theirs := enroll(t, newLoop(t), "tcp")
	if err := theirs.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	s.do(func() {
		theirs.Close() // a reset
		wait(t, "the reset", s.socket.Pending)
		if _, err := s.socket.Write([]byte("x")); err == nil {
			t.Error("a write to a reset connection succeeds")
		}
		if len(s.closed) != 1 {
			t.Errorf("Closed was called %d times from within the write, want once", len(s.closed))
		}
	})
}

// TestCloseWrite: the other side reads the end, and what it sends still comes.
func TestCloseWrite(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		s.do(func() {
			if _, err := s.socket.Write([]byte("bye")); err != nil {
				t.Error(err)
			}
			s.socket.CloseWrite()
		})
		if got, err := io.ReadAll(theirs); err != nil || string(got) != "bye" {
			t.Errorf("the other side got %q, %v", got, err)
		}
		if _, err := theirs.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		s.until("the answer", func() bool { return string(s.got) == "answer" })
		if len(s.closed) != 0 {
			t.Error("Closed was called")
		}
	})
}

// TestFrom: the other side of a TCP socket is its address, of a unix socket its user.
func TestFrom(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		want := theirs.LocalAddr().String()
		if theirs.LocalAddr().Network() == "unix" {
			want = "uid " + strconv.Itoa(os.Getuid())
		}
		s.do(func() {
			if got := s.socket.From().String(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			s.socket.Acknowledge() // has no effect that can be seen, and no error
		})
	})
}

// TestSetHandler: another Handler is told from then on, without Opened.
func TestSetHandler(t *testing.T) {
	s, theirs := enroll(t, newLoop(t), "tcp")
	next := &spy{t: t, on: s.on, readable: make(chan struct{}, 1), closed: make(chan error, 10)}
	s.do(func() {
		next.socket = s.socket
		s.socket.SetHandler(next)
	})
	if _, err := theirs.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	next.until("octets", func() bool { return string(next.got) == "abc" })
	theirs.Close()
	next.end()
	if len(s.got) != 0 || len(s.closed) != 0 || next.opened.Load() != 0 {
		t.Errorf("the first got %q and %d ends, the second %d openings", s.got, len(s.closed), next.opened.Load())
	}
}

// TestEnrollPipe: a connection without a descriptor cannot be enrolled; it is closed, and its Handler
// never called.
func TestEnrollPipe(t *testing.T) {
	l := newLoop(t)
	ours, theirs := net.Pipe()
	s := &spy{t: t, on: l, closed: make(chan error, 10)}
	if err := l.Enroll(ours, s); err == nil {
		t.Error("a pipe was enrolled")
	}
	if s.opened.Load() != 0 || len(s.closed) != 0 {
		t.Error("the Handler was called")
	}
	_ = theirs.SetDeadline(time.Now().Add(within))
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end reads %v, want the end", err)
	}
}

// TestLogger: gnet's warnings and errors go to our log, its chatter nowhere.
func TestLogger(t *testing.T) {
	var out bytes.Buffer
	g := gnetLogger{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	g.Debugf("d %d", 1)
	g.Infof("i %d", 2)
	if out.Len() > 0 {
		t.Errorf("got %s", out.String())
	}
	g.Warnf("w %d", 3)
	g.Errorf("e %d", 4)
	g.Fatalf("f %d", 5)
	for _, want := range []string{`level=WARN msg="event loop" err="w 3"`, `level=ERROR msg="event loop" err="e 4"`, `level=ERROR msg="event loop" err="f 5"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", out.String(), want)
		}
	}
}

// TestStopTwice: a second Stop closes nothing. Descriptors that were opened since may have the
// numbers that gnet had.
func TestStopTwice(t *testing.T) {
	l, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for range 16 {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	if err := l.Stop(); err != nil {
		t.Errorf("again: %v", err)
	}
	for _, f := range files {
		if _, err := f.WriteString("x"); err != nil {
			t.Errorf("a file that was opened since: %v", err)
		}
	}
}
