package peer

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// stillLoop is a loop that runs nothing: a lane needs none but for its timers.
type stillLoop struct{}

func (stillLoop) Post(func())                         {}
func (stillLoop) Enroll(net.Conn, loop.Handler) error { return nil }

// fakeSocket has what a lane needs of a socket.
type fakeSocket struct {
	loop.Socket
	h       loop.Handler
	in, out []byte
	closed  bool
}

func (s *fakeSocket) Read(p []byte) (int, error) {
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *fakeSocket) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

func (s *fakeSocket) Close() error {
	if !s.closed {
		s.closed = true
		s.h.Closed(nil)
	}
	return nil
}

func (s *fakeSocket) Unsent() int  { return 0 }
func (s *fakeSocket) Acknowledge() {}
func (s *fakeSocket) CloseWrite()  {}

// bare is a stream without TLS.
type bare struct{ *loop.Conn }

func (bare) CloseWrite() error { return nil }

// books is an account that carries nothing, and knows what it was given.
type books struct {
	*upstream.Account
	given    []*upstream.Exchange
	waits    *upstream.Exchange // nil: none
	canceled int
}

func (b *books) OwnerTerm() (uint64, bool)   { return testTerm, true }
func (b *books) OnRole(func())               {}
func (b *books) OnGreeting(f func([]byte))   { f([]byte(greeting)) }
func (b *books) Submit(x *upstream.Exchange) { b.given, b.waits = append(b.given, x), x }
func (b *books) Cancel(*upstream.Exchange)   { b.waits, b.canceled = nil, b.canceled+1 }

const fuzzMaxFrame = 2 << 10

// firstOf returns the command at the front of b as a reader of the doc takes it; size 0: it is not whole;
// -1: there is none.
func firstOf(b []byte) (payload []byte, size int) {
	at := 0
	for i, most := range []int{maxAuthor, fuzzMaxFrame + trimmings} {
		if len(b)-at < 4 {
			return nil, 0
		}
		n := int(int64(binary.BigEndian.Uint32(b[at:])))
		if n < 5 || n-4 > most {
			return nil, -1
		}
		if len(b)-at < n {
			return nil, 0
		}
		if i == 1 {
			payload = b[at+4 : at+n]
		}
		at += n
	}
	if len(b) > at || lane.ParseAuthor(b[4:binary.BigEndian.Uint32(b)], new(lane.Author)) != nil {
		return nil, -1
	}
	m, err := frame.NewScanner().Scan(payload)
	if err != nil || m.Kind != frame.KindCommand && m.Kind != frame.KindExtension || m.Command == frame.CommandLogin || m.Command == frame.CommandLogout {
		return nil, -1
	}
	return m.Payload, at
}

// FuzzLane: whatever a follower sends, in whatever pieces, its lane carries exactly the commands in it, in
// step with their answers, or ends by itself.
func FuzzLane(f *testing.F) {
	good := command(check(muxID(1)))
	f.Add(good, uint8(0), false)
	f.Add(append(bytes.Clone(good), good...), uint8(len(good)), false)
	f.Add(append(bytes.Clone(good), good...), uint8(1), false)
	f.Add(append(bytes.Clone(good), good...), uint8(7), true)
	f.Add(good[:len(good)-5], uint8(100), false)
	f.Add(command(eppOpen+"<hello/></epp>"), uint8(3), false)
	f.Add(lane.AppendEnd(nil, lane.End{Cause: "moved"}), uint8(0), false)
	f.Add([]byte{0, 0, 0, 5, 1, 0xff, 0xff, 0xff, 0xff}, uint8(2), false)
	f.Fuzz(func(t *testing.T, octets []byte, piece uint8, hold bool) {
		if len(octets) > 16<<10 {
			return
		}
		b := &books{Account: upstream.NewAccount(upstream.Config{Name: "test"}, stillLoop{})}
		srv := New(Config{MaxFrame: fuzzMaxFrame, Host: "a"})
		d := newDesk(srv, testKey, b)
		s := &fakeSocket{}
		under := &loop.Conn{}
		l := &openLane{desk: d, conn: bare{under}, under: under, opening: &opening{hello: &lane.Hello{Host: "b", Term: testTerm}}}
		s.h, l.from.Client, l.from.Host = l, l, "b"
		l.Opened(s)
		if l.state != laneOpen || !bytes.HasSuffix(s.out, unit(greeting)) {
			t.Fatalf("got state %d, %q", l.state, s.out)
		}
		step := int(piece)
		if step == 0 {
			step = len(octets) + 1
		}
		var have []byte // that the model has not taken
		commands, ended := 0, false
		for len(octets) > 0 {
			n := min(step, len(octets))
			s.in, have = append(s.in, octets[:n]...), append(have, octets[:n]...)
			octets = octets[n:]
			if b.waits != nil {
				ended = true
			}
			l.Readable()
			payload, size := firstOf(have)
			switch {
			case ended:
			case size < 0:
				ended = true
			case size > 0:
				have = have[:0]
				if commands++; len(b.given) != commands || b.waits == nil {
					t.Fatalf("given %d commands, want %d", len(b.given), commands)
				}
				if got := b.given[commands-1]; got.Octets() < len(payload) {
					t.Fatalf("%d octets for %q", got.Octets(), payload)
				}
			}
			if s.closed != ended || l.state == laneClosed != ended || len(b.given) != commands {
				t.Fatalf("closed %v, state %d, %d commands; want closed %v, %d commands", s.closed, l.state, len(b.given), ended, commands)
			}
			if ended {
				break
			}
			if x := b.waits; x != nil && !hold {
				b.waits = nil
				before := len(s.out)
				l.Finish(x, upstream.Outcome{End: pool.EndAnswered, Unit: unit("answer")})
				if !bytes.Equal(s.out[before:], unit("answer")) {
					t.Fatalf("wrote %q", s.out[before:])
				}
			}
		}
		if ended && (d.lanes != nil || len(d.hosts) != 0 || d.counts.Open != 0 || b.waits != nil) {
			t.Fatalf("left behind: %+v", d)
		}
		if len(d.scratch) != 0 {
			t.Fatalf("%d octets in the scratch", len(d.scratch))
		}
		l.due(time.Hour) // ends what is not whole
		if len(have) > 0 && l.state != laneClosed {
			t.Fatal("half a command is waited for without end")
		}
	})
}
