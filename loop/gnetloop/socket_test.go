package gnetloop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

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

// TestReadRest: what the kernel has is read too, and the end, in their order.
func TestReadRest(t *testing.T) {
	networks(t, func(t *testing.T, s *spy, theirs net.Conn) {
		s.do(func() { s.lazy = true })
		if _, err := theirs.Write([]byte("one")); err != nil {
			t.Fatal(err)
		}
		s.until("the first octets", func() bool { return s.socket.Buffered() == 3 })
		s.do(func() {
			// While this runs, the loop reads nothing.
			buf := make([]byte, 100)
			read := func(want string, end error) {
				t.Helper()
				if n, err := s.socket.ReadRest(buf); string(buf[:n]) != want || err != end {
					t.Errorf("got %q, %v, want %q, %v", buf[:n], err, want, end)
				}
			}
			read("one", nil)
			read("", nil)
			if _, err := theirs.Write([]byte("two")); err != nil {
				t.Error(err)
			}
			wait(t, "more octets", s.socket.Pending)
			read("two", nil)
			theirs.Close()
			wait(t, "the end", s.socket.Pending)
			read("", io.EOF)
			s.socket.Close()
			read("", net.ErrClosed)
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

// TestAbort: nothing that the kernel had not sent by then goes out, neither from gnet's buffer nor from
// the kernel's, and the other side sees a reset.
func TestAbort(t *testing.T) {
	l := newLoop(t)
	s, theirs := enroll(t, l, "tcp")
	const most = 64 << 20
	written, waits := 0, 0
	s.do(func() {
		for p := make([]byte, 100_000); s.socket.Unsent() == 0 && written < most; written += len(p) {
			if _, err := s.socket.Write(p); err != nil {
				t.Error(err)
			}
		}
		waits = s.socket.Unsent()
		if err := s.socket.Abort(); err != nil {
			t.Error(err)
		}
		if err := s.socket.Abort(); err != nil {
			t.Error(err)
		}
		if s.socket.Unsent() != 0 {
			t.Error("octets wait on a closed socket")
		}
	})
	if waits == 0 {
		t.Fatalf("the kernel took %d octets", written)
	}
	_ = s.end()
	got, err := io.Copy(io.Discard, theirs)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	if got > int64(written-waits) {
		t.Errorf("%d octets came, the kernel had taken %d", got, written-waits)
	}
}
