package upstream

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// hand is a Loop that the test's goroutine turns: what is posted runs when it says so, and sockets have
// their octets from it. So a command costs what the account does for it, and nothing else.
type hand struct {
	mu    sync.Mutex
	tasks []func()            // guarded by mu
	last  *palm               // enrolled last
	a     *Account            // that lives here
	write func([]byte, *palm) // what becomes of what is written on a socket
}

func (h *hand) Post(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tasks = append(h.tasks, f)
}

func (h *hand) run() {
	for {
		h.mu.Lock()
		tasks := h.tasks
		h.tasks = nil
		h.mu.Unlock()
		if len(tasks) == 0 {
			return
		}
		for _, f := range tasks {
			f()
		}
	}
}

// opened waits until the account's attempts to open sessions have ended.
func (h *hand) opened() {
	h.run()
	h.a.dials.Wait()
	h.run()
}

func (h *hand) Enroll(_ net.Conn, k loop.Handler) error {
	h.last = &palm{h: h, k: k}
	h.Post(func() { k.Opened(h.last) })
	return nil
}

// palm is a Socket.
type palm struct {
	loop.Socket
	h  *hand
	k  loop.Handler
	in []byte
}

func (p *palm) Read(b []byte) (int, error) {
	n := copy(b, p.in)
	p.in = p.in[:copy(p.in, p.in[n:])]
	return n, nil
}
func (p *palm) ReadRest(b []byte) (int, error) { return p.Read(b) }
func (p *palm) Pending() bool                  { return len(p.in) > 0 }
func (p *palm) Write(b []byte) (int, error)    { p.h.write(b, p); return len(b), nil }
func (p *palm) Close() error                   { p.k.Closed(nil); return nil }
func (p *palm) Abort() error                   { return p.Close() }

// prelude is a connection while a session is opened: it has said all before it is asked.
type prelude struct {
	net.Conn
	says []byte
}

func (p *prelude) Read(b []byte) (int, error) {
	if len(p.says) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.says)
	p.says = p.says[n:]
	return n, nil
}

// Write lets the answer to a login come, which is no answer before.
func (p *prelude) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("<login>")) {
		p.says = unitOf(response(1000, ""))
	}
	return len(b), nil
}
func (p *prelude) Close() error                     { return nil }
func (p *prelude) SetDeadline(time.Time) error      { return nil }
func (p *prelude) SetReadDeadline(time.Time) error  { return nil }
func (p *prelude) SetWriteDeadline(time.Time) error { return nil }

// bootFence is a fence that asks CLOCK_BOOTTIME, and has not passed.
type bootFence struct{}

func (bootFence) Passed() bool {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 7, uintptr(unsafe.Pointer(&t)), 0)
	return t.Sec < 0
}

// hands are an owner, whose registry answers at once, and its follower.
type hands struct {
	owner, follower *hand
	from            LaneSender // of the one lane
	scanner         frame.Scanner
}

func handConfig() Config {
	return Config{Shared: true, Login: frame.Login{ClientID: "demo", Password: "demo-secret"},
		Dial: func(context.Context) (net.Conn, error) { return &prelude{says: unitOf(epp(testGreeting))}, nil },
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: time.Minute, CommandTimeout: time.Minute,
			KeepaliveCommand: frame.CommandHello}}
}

func newHands(t testing.TB, f Fence) *hands {
	t.Helper()
	hs := new(hands)
	open := func(write func([]byte, *palm)) *hand {
		h := &hand{write: write}
		h.a = NewAccount(handConfig(), h)
		h.a.Start()
		h.run()
		t.Cleanup(func() { h.a.stop(); h.a.alarm.Stop() })
		return h
	}
	hs.owner = open(hs.atRegistry)
	hs.owner.a.Own(Ownership{Term: 1, Fence: f})
	hs.owner.opened()
	hs.follower = open(hs.atOwner)
	hs.follower.a.Follow(Lanes{Owner: "a", Term: 1, Hello: lane.Hello{Host: "b"}, Max: 1, Patience: time.Minute,
		Dial: func(context.Context) (net.Conn, error) {

			return &prelude{says: append(lane.AppendOpening(nil, lane.Welcome{Term: 1}), unitOf(epp(testGreeting))...)}, nil

		}})
	hs.follower.opened()
	hs.from = LaneSender{Client: hs, Host: "b"}
	return hs
}

var idStart, idEnd = []byte("<clTRID>"), []byte("</clTRID>")

// atRegistry has the registry answer a command. The answer is read when the caller's turn has ended.
func (hs *hands) atRegistry(unit []byte, p *palm) {
	at, end := bytes.Index(unit, idStart), bytes.Index(unit, idEnd)
	const head, tail = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>m</msg></result><trID>`, `<svTRID>S-1</svTRID></trID></response></epp>`
	id := unit[at : end+len(idEnd)]
	p.in = append(append(append(frame.AppendHeader(p.in, len(head)+len(id)+len(tail)), head...), id...), tail...)
}

// atOwner has the owner take what the follower has sent.
func (hs *hands) atOwner(octets []byte, _ *palm) {
	n, _ := frame.Size(octets, 1<<20)
	if err := lane.ParseAuthor(octets[frame.HeaderLen:n], &hs.from.Author); err != nil {
		panic(err)
	}
	m, err := hs.scanner.Scan(octets[n+frame.HeaderLen:])
	if err != nil {
		panic(err)
	}
	hs.owner.a.Submit(hs.owner.a.LaneExchange(&hs.from, m))
	hs.owner.last.k.Readable()
}

// Finish is the lane's at the owner.
func (hs *hands) Finish(_ *Exchange, o Outcome) {
	hs.follower.last.in = append(hs.follower.last.in, o.Unit...)
}

// counting is a client.
type counting struct{ answered int }

func (c *counting) Finish(_ *Exchange, o Outcome) {
	if o.End == pool.EndAnswered {
		c.answered++
	}
}

// one is a command of a client at h, from its frame to its answer.
func (hs *hands) one(h *hand, c *counting, s *frame.Scanner, payload []byte) {
	m, err := s.Scan(payload)
	if err != nil {
		panic(err)
	}
	h.a.Submit(h.a.Exchange(Sender{Client: c, ID: 1, Identity: "client", Since: h.a.Now()}, m))
	h.last.k.Readable()
}

// TestForwardAllocates: a command takes no memory anew in the steady state, here or forwarded, with a fence
// or without.
func TestForwardAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, f := range []Fence{nil, bootFence{}} {
		hs := newHands(t, f)
		payload := []byte(deleteCommand("<clTRID>C-1</clTRID>"))
		for name, h := range map[string]*hand{"local": hs.owner, "forwarded": hs.follower} {
			c, s := new(counting), new(frame.Scanner)
			for range 100 {
				hs.one(h, c, s, payload)
			}
			if n := testing.AllocsPerRun(1000, func() { hs.one(h, c, s, payload) }); n != 0 {
				t.Errorf("%s: %v allocations a command", name, n)
			}
			if c.answered != 1101 {
				t.Errorf("%s: %d answers, want 1101", name, c.answered)
			}
		}
	}
}

// counted is a fence that counts how often it is asked.
type counted struct{ asked int }

func (c *counted) Passed() bool { c.asked++; return false }

// TestFenceAsked: the fence is asked once for a command.
func TestFenceAsked(t *testing.T) {
	f := new(counted)
	hs := newHands(t, f)
	c, s, before := new(counting), new(frame.Scanner), f.asked
	for range 10 {
		hs.one(hs.owner, c, s, []byte(checkCommand("<clTRID>C-1</clTRID>")))
	}
	if f.asked != before+10 {
		t.Errorf("asked %d times for 10 commands", f.asked-before)
	}
}

// BenchmarkFence is what one question costs: nearly all of it is the system call.
func BenchmarkFence(b *testing.B) {
	for b.Loop() {
		bootFence{}.Passed()
	}
}

// BenchmarkForward compares a command that the owner's own client has sent with one of a follower's: what
// the two accounts do for it, without sockets, TLS and the peer server.
func BenchmarkForward(b *testing.B) {
	payload := []byte(deleteCommand("<clTRID>C-1</clTRID>"))
	for _, bb := range []struct {
		name  string
		fence Fence
		at    func(*hands) *hand
	}{
		{"local", nil, func(hs *hands) *hand { return hs.owner }},
		{"local-fence", bootFence{}, func(hs *hands) *hand { return hs.owner }},
		{"forwarded", nil, func(hs *hands) *hand { return hs.follower }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			hs := newHands(b, bb.fence)
			c, s, h := new(counting), new(frame.Scanner), bb.at(hs)
			b.ReportAllocs()
			for b.Loop() {
				hs.one(h, c, s, payload)
			}
			if c.answered == 0 {
				b.Error("no answer")
			}
		})
	}
}
