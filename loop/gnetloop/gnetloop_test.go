package gnetloop

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/loop"
)

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

// closer is a Handler that closes another socket when octets come.
type closer struct {
	socket loop.Socket // owned by the loop, as the next
	other  *closer
	closed chan struct{} // closed by Closed
}

func (c *closer) Opened(k loop.Socket) { c.socket = k }
func (c *closer) Readable()            { _ = c.other.socket.Close() } // it cannot fail
func (c *closer) Closed(error)         { close(c.closed) }

// TestStaleEvent: octets have come for two sockets at once, and the first one to be told closes the
// other. What gnet then says of the event that is left over is nothing for an operator.
func TestStaleEvent(t *testing.T) {
	var out bytes.Buffer // written on the loop
	l, err := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	a, b := &closer{closed: make(chan struct{})}, &closer{closed: make(chan struct{})}
	a.other, b.other = b, a
	held, release := make(chan struct{}), make(chan struct{})
	var ends []net.Conn
	for _, c := range []*closer{a, b} {
		ours, theirs := pair(t, "unix")
		ends = append(ends, theirs)
		if err := l.Enroll(ours, c); err != nil {
			t.Fatal(err)
		}
	}
	l.Post(func() { close(held); <-release })
	<-held
	for _, nc := range ends {
		if _, err := nc.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	select {
	case <-a.closed:
	case <-b.closed:
	case <-time.After(within):
		t.Fatal("no socket is closed")
	}
	run(t, l, func() {}) // the events of before have been handled
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `level=DEBUG msg="event loop" err="received event[fd=`) || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, want one line for developers", got)
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
