package proxy

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// rig is a Server with one client and a registry that answers at once, without sockets and
// listeners: everything runs on the test's goroutine but the opening of sessions, for which it
// waits.
type rig struct {
	t        *testing.T
	s        *Server
	c        *client
	stream   *fakeStream
	acts     []byte        // what the registry does with each command
	passed   [][]byte      // payloads that reached it
	nameless map[int]bool  // by index of passed: its answer has no clTRID, and the session's had one before
	waiting  chan struct{} // holds one when there is something in tasks

	mu    sync.Mutex
	tasks []func() // guarded by mu
}

// silent is a Loop for an Alarm that never rings.
type silent struct{ loop.Loop }

func (silent) Post(func()) {}

func newRig(t *testing.T, cfg Config, acts []byte) *rig {
	r := &rig{t: t, acts: acts, waiting: make(chan struct{}, 1), nameless: make(map[int]bool)}
	up := upstream.Config{
		Login: frame.Login{ClientID: "demo", Password: "demo-secret"},
		Dial:  r.dial,
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 2, MaxSessions: 3}, QueueTimeout: time.Hour, CommandTimeout: time.Hour,
			KeepaliveCommand: frame.CommandHello},
	}
	r.s = New(cfg, upstream.NewAccount(up, r))
	r.s.account.OnGreeting(r.s.learn)
	r.s.alarm = loop.NewAlarm(silent{}, r.s.clock, r.s.tick)
	return r
}

// connect lets the client come.
func (r *rig) connect(commands *pool.CommandSet) {
	r.stream = &fakeStream{r: r}
	ln := newListener(Listener{Address: "unix:///fuzz", Commands: commands}, nil)
	ln.path = "/fuzz"
	r.c = &client{srv: r.s, listener: ln, stream: r.stream}
	r.s.connections.Add(1)
	r.c.identity = r.s.join(r.s.newcomer(provenance{from: fromLoopback}))
	r.c.open(nil)
}

// Post is loop.Loop's.
func (r *rig) Post(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, f)
	select {
	case r.waiting <- struct{}{}:
	default:
	}
}

// Enroll is loop.Loop's. The rig waits while a session is opened, so this is as good as on the
// loop.
func (r *rig) Enroll(nc net.Conn, h loop.Handler) error {
	l := nc.(*fakeLine)
	l.handler = h
	h.Opened(l)
	return nil
}

// run runs what is posted; false when there is nothing.
func (r *rig) run() bool {
	r.mu.Lock()
	tasks := r.tasks
	r.tasks = nil
	r.mu.Unlock()
	for _, f := range tasks {
		f()
	}
	return len(tasks) > 0
}

// settle waits until nothing goes on.
func (r *rig) settle() {
	for range 10_000 {
		if r.run() {
			continue
		}
		var sn upstream.Snapshot
		if r.s.account.Snapshot(&sn); sn.Sessions[pool.SessionDialing] == 0 {
			return
		}
		select {
		case <-r.waiting:
		case <-time.After(time.Minute):
			r.t.Fatal("a session is opened without end")
		}
	}
	r.t.Fatal("it goes on without end")
}

// pass lets time pass for clients.
func (r *rig) pass(d time.Duration) {
	r.s.epoch = r.s.epoch.Add(-d)
	r.s.tick()
	r.settle()
}

// close ends the account.
func (r *rig) close() {
	closed := make(chan struct{}) // closed by the goroutine below, which ends with the account
	go func() { r.s.account.Close(); close(closed) }()
	for {
		select {
		case <-closed:
			r.s.alarm.Stop()
			return
		case <-r.waiting:
			r.run()
		}
	}
}

// fakeStream is a client's connection. Octets that it lends are spoilt as soon as they may be.
type fakeStream struct {
	r       *rig
	in      []byte
	lent    []byte
	out     []byte
	slow    int // len(out) from which on the kernel takes nothing; 0: it takes all
	wasSlow bool
	shut    bool
	closes  int
}

func (f *fakeStream) from() net.Addr   { return nil }
func (f *fakeStream) open(loop.Socket) {}
func (f *fakeStream) fill() error      { return nil }
func (f *fakeStream) acknowledge()     {}
func (f *fakeStream) keep()            {}
func (f *fakeStream) memory() int      { return f.buffered() + f.unsent() }
func (f *fakeStream) detach()          { f.closes++ }
func (f *fakeStream) buffered() int    { return len(f.in) }
func (f *fakeStream) begun() bool      { return len(f.in) > 0 }

func (f *fakeStream) peek(n int) []byte {
	if n <= 0 || n > len(f.in) {
		f.r.t.Fatalf("peeks at %d octets of %d", n, len(f.in))
	}
	f.spoil()
	f.lent = append([]byte(nil), f.in[:n]...)
	return f.lent
}

func (f *fakeStream) spoil() {
	for i := range f.lent {
		f.lent[i] = 0xFF
	}
}

func (f *fakeStream) discard(n int) {
	if n <= 0 || n > len(f.in) {
		f.r.t.Fatalf("discards %d octets of %d", n, len(f.in))
	}
	f.spoil()
	f.in = f.in[n:]
}

func (f *fakeStream) write(p []byte) {
	if f.closes > 0 || f.shut {
		f.r.t.Fatalf("writes %q behind the end", p)
	}
	f.out = append(f.out, p...)
}

func (f *fakeStream) unsent() int {
	if f.slow > 0 && len(f.out) > f.slow {
		return unsentPause + 1
	}
	return 0
}

func (f *fakeStream) closeWrite() {
	if f.shut {
		f.r.t.Fatal("closes its side twice")
	}
	f.shut = true
}

func (f *fakeStream) close() {
	if f.closes == 0 {
		f.r.c.Closed(nil)
	}
}

// fakeLine is a session's connection: blocking while it is opened, then a loop.Socket.
type fakeLine struct {
	net.Conn    // nil: what is not overridden must not be used
	loop.Socket // as well
	r           *rig
	handler     loop.Handler
	in          []byte
	named       bool        // an answer had a clTRID
	closed      atomic.Bool // by the goroutine that opens the session, or by the end of its context
}

func (r *rig) dial(context.Context) (net.Conn, error) {
	l := &fakeLine{r: r, in: unit(eppOpen + `<greeting><svID>fuzz</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>` +
		`<svcExtension><extURI>` + echoExtension + `</extURI></svcExtension></svcMenu></greeting></epp>`)}
	return l, nil
}

func (l *fakeLine) SetDeadline(time.Time) error      { return nil }
func (l *fakeLine) SetReadDeadline(time.Time) error  { return nil }
func (l *fakeLine) SetWriteDeadline(time.Time) error { return nil }
func (l *fakeLine) Pending() bool                    { return false }

func (l *fakeLine) Read(p []byte) (int, error) {
	n := copy(p, l.in)
	if l.in = l.in[n:]; n == 0 && l.handler == nil {
		return 0, io.EOF
	}
	return n, nil
}

func (l *fakeLine) Close() error {
	if !l.closed.Swap(true) {
		if l.handler != nil {
			l.handler.Closed(nil)
		}
	}
	return nil
}

// What a registry does with a command, by an octet of acts modulo numActs.
const (
	actAnswer = iota
	actCode   // answers 2500
	actOther  // answers with another clTRID
	actNoID   // answers without
	actClose
	actSilent
	numActs = 16 // the others answer as well
)

func (l *fakeLine) Write(p []byte) (int, error) {
	if l.closed.Load() {
		return 0, net.ErrClosed
	}
	payload := append([]byte(nil), p[4:]...)
	if int(binary.BigEndian.Uint32(p)) != len(p) {
		l.r.t.Fatalf("got %q, which is no data unit", p)
	}
	if l.handler == nil { // the login
		l.in = unit(echoAnswer(payload, muxForm.Find(payload)))
		return len(p), nil
	}
	r := l.r
	r.passed = append(r.passed, payload)
	act := r.act(len(r.passed) - 1)
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil {
		r.t.Fatalf("%q reached the registry: %v", payload, err)
	}
	answer := echoAnswer(nil, m.ClTRID.Value)
	switch act {
	case actCode:
		answer = strings.Replace(answer, "1000", "2500", 1)
	case actOther:
		answer = echoAnswer(nil, []byte("M0000000000000"))
	case actNoID:
		answer = echoAnswer(nil, nil)
		if l.named && m.ClTRID.Present() {
			r.nameless[len(r.passed)-1] = true
		}
	case actSilent:
		return len(p), nil
	}
	l.named = l.named || m.ClTRID.Present() && act != actNoID
	r.Post(func() {
		switch {
		case l.closed.Load():
		case act == actClose:
			l.Close()
		default:
			l.in = append(l.in, unit(answer)...)
			l.handler.Readable()
		}
	})
	return len(p), nil
}

// act is what the registry does with the n-th command that reaches it.
func (r *rig) act(n int) int {
	if n < len(r.acts) {
		return int(r.acts[n]) % numActs
	}
	return actAnswer
}
