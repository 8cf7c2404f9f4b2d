package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// rig is an Account whose registry and clients do what a script says. Everything runs on the test's
// goroutine but the opening of sessions, for which it waits. Time passes when the script says so.
type rig struct {
	t       *testing.T
	script  []byte
	a       *Account
	lines   []*line
	asks    []*ask
	kept    map[string]string // by muxTRID that ends in "-": the client's clTRID
	opening int               // how the next session is opened, see stepOpen
	drained bool
	done    []string // what was done, for failures

	// held by the test's goroutine while it does something, so that sessions are opened when it
	// waits
	turn  sync.Mutex
	mu    sync.Mutex
	tasks []func() // guarded by mu
}

const (
	rigResponse = 4096     // MaxResponse
	rigRead     = 64 << 10 // octets that a script can have in one read, and more
)

// silent is a Loop for an Alarm that never rings: the rig looks at the pool's Wake.
type silent struct{ loop.Loop }

func (silent) Post(func()) {}

func newRig(t *testing.T, script []byte) *rig {
	r := &rig{t: t, script: script, kept: make(map[string]string)}
	how := r.next()
	r.opening = r.next()
	cfg := Config{
		MaxResponse: rigResponse,
		Login:       frame.Login{ClientID: "demo", Password: "demo-secret"},
		Dial:        r.dial,
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1 + int(how&1)}, QueueTimeout: 8 * time.Second, CommandTimeout: time.Minute,
			KeepaliveCommand: frame.CommandHello, Rand: rand.New(rand.NewPCG(1, 1))},
	}
	if how&2 != 0 {
		cfg.Pool.MinSessions = cfg.Pool.MaxSessions
	}
	if how&4 != 0 {
		cfg.Pool.Keepalive = 30 * time.Second
	}
	if how&8 != 0 {
		cfg.Pool.KeepaliveCommand = frame.CommandPoll
	}
	if how&16 != 0 {
		cfg.Throttled = []Pattern{{2502, ""}, {2400, "too fast"}}
	}
	if how&32 != 0 {
		cfg.Pool.MaxCommands = 3
	}
	if how&64 != 0 {
		cfg.Pool.MaxAge = 2 * time.Minute
	}
	r.a = NewAccount(cfg, r)
	r.a.whenDrained(func() { r.drained = true })
	r.a.OnGreeting(r.greeted)
	r.a.alarm = loop.NewAlarm(silent{}, r.a.clock, r.a.advance)
	r.turn.Lock()
	r.a.Start()
	r.settle()
	return r
}

// next takes an octet of the script; 0 at its end.
func (r *rig) next() int {
	if len(r.script) == 0 {
		return 0
	}
	b := r.script[0]
	r.script = r.script[1:]
	return int(b)
}

// fatalf ends the test with what was done before.
func (r *rig) fatalf(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(r.done, "\n"))
}

func (r *rig) note(format string, args ...any) { r.done = append(r.done, fmt.Sprintf(format, args...)) }

// Post is Loop's.
func (r *rig) Post(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, f)
}

// Enroll is Loop's. The rig waits while a session is opened, so this is as good as on the loop.
func (r *rig) Enroll(nc net.Conn, h loop.Handler) error {
	l := nc.(*line)
	l.tr, l.enrolled = h.(*tcpCarrier), true
	h.Opened(l)
	return nil
}

// settle waits until nothing goes on.
func (r *rig) settle() {
	for range 100 {
		r.turn.Unlock()
		r.a.dials.Wait()
		r.turn.Lock()
		r.mu.Lock()
		tasks := r.tasks
		r.tasks = nil
		r.mu.Unlock()
		if len(tasks) == 0 {
			return
		}
		for _, f := range tasks {
			f()
		}
	}
	r.fatalf("sessions are opened without end")
}

// pass lets time pass: in the steps that the pool wants, or at once, as when the process was
// stopped.
func (r *rig) pass(d time.Duration, steps bool) {
	end := r.a.clock() + d
	for range 10_000 {
		to := end
		if steps {
			to = min(end, r.a.pool.Wake())
		}
		if to > r.a.clock() {
			r.a.epoch = r.a.epoch.Add(r.a.clock() - to)
		}
		r.a.advance()
		r.settle()
		if to == end {
			return
		}
	}
	r.fatalf("the pool wants to be woken without end")
}

func (r *rig) greeted(payload []byte) {
	if m, err := readJudged(payload); err == nil && m.kind != "greeting" {
		r.fatalf("learnt as a greeting: %q", payload)
	}
}

// line is one connection, both sides of it: a blocking net.Conn while the session is opened, then a
// Socket.
type line struct {
	net.Conn    // nil: what is not overridden must not be used
	loop.Socket // as well
	r           *rig
	n           int
	tr          *tcpCarrier
	enrolled    bool
	closed      bool
	broken      bool // writing fails
	old         bool // of the address before the last move

	kernel []byte // has come; the account has not been told
	over   bool   // behind that, the end
	in     []byte // told and not read
	piece  int    // octets of a blocking read
	odd    bool   // it is opened by messages of the script

	wrote string // the payload that the account has written last; "": none since the login
	id    string // its muxTRID
	past  string // the one before
	named bool   // an answer had the muxTRID of its command
	heard []byte // told or read since it was written
	asked *line  // of a copy: the line on which a poll asks whether the answer on it is one
	by    *ask   // whose command it is

	verdict  verdict // on heard, if judged
	judged   bool
	judgedAt int // its length then

	stage int // of opening: 0, then 1 with the greeting and 2 with the login's answer sent
}

func (r *rig) dial(ctx context.Context) (net.Conn, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if ctx.Err() != nil { // the pool has given it up meanwhile
		return nil, ctx.Err()
	}
	if open := len(r.live()); open >= r.a.cfg.Pool.MaxSessions {
		r.fatalf("I6: a connection more while %d are open", open)
	}
	how := r.opening
	if r.opening = 0; how == 1 {
		return nil, io.ErrUnexpectedEOF
	}
	l := &line{r: r, n: len(r.lines), odd: how > 1}
	r.lines = append(r.lines, l)
	return l, nil
}

// sessions is how many the pool has.
func (r *rig) sessions() (n int) {
	r.a.pool.Sessions(func(*pool.Session) { n++ })
	return n
}

// live are the lines that are not closed.
func (r *rig) live() (all []*line) {
	for _, l := range r.lines {
		if !l.closed {
			all = append(all, l)
		}
	}
	return all
}

func (l *line) SetDeadline(time.Time) error      { return nil }
func (l *line) SetReadDeadline(time.Time) error  { return nil }
func (l *line) SetWriteDeadline(time.Time) error { return nil }

func (l *line) Read(p []byte) (int, error) {
	if l.enrolled {
		n := copy(p, l.in)
		l.in = l.in[n:]
		return n, nil
	}
	if len(l.kernel) == 0 && (l.stage == 0 || l.stage == 1 && l.wrote != "") {
		l.stage++
		if l.kernel, l.piece = l.r.compose(l), rigRead; l.odd {
			l.piece = max(1, l.r.next())
		}
		l.r.note("line %d: %q while it is opened", l.n, l.kernel)
	}
	if len(l.kernel) == 0 {
		if l.odd && l.r.next() > 127 {
			return 0, os.ErrDeadlineExceeded
		}
		return 0, io.EOF
	}
	n := copy(p, l.kernel[:min(len(l.kernel), l.piece)])
	l.heard = append(l.heard, p[:n]...)
	l.kernel = l.kernel[n:]
	return n, nil
}

// ReadRest is Socket's.
func (l *line) ReadRest(p []byte) (int, error) {
	if len(l.in) == 0 {
		l.in, l.heard, l.kernel = append(l.in, l.kernel...), append(l.heard, l.kernel...), nil
	}
	if len(l.in) == 0 && l.over {
		return 0, io.EOF
	}
	return l.Read(p)
}

var idForm = regexp.MustCompile(`clTRID>([^<]*)<`)

// Write takes a command of the account, which must be one data unit, and due.
func (l *line) Write(p []byte) (int, error) {
	r := l.r
	payload, size := cutUnit(p)
	if size != len(p) || payload == nil {
		r.fatalf("I2: wrote %q in one piece, which is no data unit", p)
	}
	switch {
	case l.closed:
		return 0, net.ErrClosed
	case !l.enrolled:
		if l.stage != 1 || !bytes.Contains(payload, []byte("<login>")) {
			r.fatalf("line %d: wrote %q at stage %d", l.n, payload, l.stage)
		}
		l.wrote = "<hello/>" // to which a greeting is the answer
		l.answered("wrote a login")
	case l.old && !bytes.Contains(payload, []byte("<logout/>")):
		r.fatalf("I12: line %d of the address before: wrote %q", l.n, payload)
	case len(l.kernel) > 0 || l.over:
		r.fatalf("I8: line %d: wrote %q while %q is pending", l.n, payload, l.kernel)
	default:
		l.answered("wrote " + string(payload))
	}
	r.note("line %d: the account writes %q", l.n, payload)
	switch old := l.by; {
	case old == nil || old.over:
	case bytes.Contains(payload, []byte("<poll op")) && !nameForm.Match(payload): // its answer is held
		old.last = &line{r: r, n: l.n, heard: l.heard, wrote: l.wrote, id: l.id, named: l.named, by: old, asked: l}
	case l.rejects():
		old.rejected++
	}
	l.named = l.named || l.names()
	// borrowed octets are not kept
	l.wrote, l.past, l.id, l.by, l.heard, l.judged = string(payload), l.id, "", nil, nil, false
	if m := idForm.FindSubmatch(payload); m != nil {
		l.id = string(m[1])
	}
	if m := nameForm.FindSubmatch(payload); m != nil {
		k, _ := strconv.Atoi(string(m[1]))
		r.asks[k].written(l, string(payload))
	}
	if l.broken {
		l.Close()
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// judge is the verdict on what was heard.
func (l *line) judge() verdict {
	if !l.judged || l.judgedAt != len(l.heard) {
		l.verdict, l.judged, l.judgedAt = judge(l.heard, l.wrote, l.id, l.named, rigResponse), true, len(l.heard)
	}
	return l.verdict
}

// names says whether the answer that was heard has the muxTRID of its command. That of a login does
// not count.
func (l *line) names() bool {
	payload, _ := cutUnit(l.heard)
	if l.judge() != heardAnswer || l.id == "" || strings.Contains(l.wrote, "<login>") {
		return false
	}
	m, err := readJudged(payload)
	return err == nil && m.hasID() && m.id.value == l.id
}

// answered fails unless the last command has been answered, and nothing else was heard: then the
// line is in step.
func (l *line) answered(then string) {
	v := l.judge()
	if v != heardAnswer && v != heardUnsure && (v != heardLast || !l.rejects()) {
		l.r.fatalf("I2, I8: line %d: after %q, to which was heard %q (%d): %s", l.n, l.wrote, l.heard, v, then)
	}
}

// Pending is Socket's.
func (l *line) Pending() bool { return len(l.kernel) > 0 || l.over }

// Close is Socket's and net.Conn's.
func (l *line) Close() error {
	if !l.closed {
		l.closed = true
		l.r.note("line %d: closed", l.n)
		if l.enrolled {
			l.tr.Closed(nil)
		}
	}
	return nil
}

// tell tells the account of what has come, in pieces of that many octets; 0: at once.
func (l *line) tell(piece int) {
	if piece == 0 {
		piece = len(l.kernel)
	}
	for len(l.kernel) > 0 && !l.closed {
		n := min(piece, len(l.kernel))
		l.in, l.heard = append(l.in, l.kernel[:n]...), append(l.heard, l.kernel[:n]...)
		l.kernel = l.kernel[n:]
		l.tr.Readable()
		l.r.settle()
		l.r.check()
	}
	if l.over && !l.closed {
		l.Close()
		l.r.settle()
	}
}

// check compares the sessions with what was heard on their lines.
func (r *rig) check() {
	for _, l := range r.live() {
		s := l.tr.s
		v := l.judge()
		switch {
		case !l.enrolled || s.State() == pool.SessionClosing || s.State() == pool.SessionDialing:
			r.fatalf("line %d is open, its session is %v", l.n, s.State())
		case s.State() == pool.SessionIdle:
			l.answered("its session is idle")
		case v != heardNothing && v != heardPart:
			r.fatalf("I8: line %d: heard %q (%d) to %q, and its session is %v", l.n, l.heard, v, l.wrote, s.State())
		}
		if c := cap(l.tr.in); c > 2*(rigResponse+readSize+rigRead) {
			r.fatalf("I10: line %d: a buffer of %d octets", l.n, c)
		}
	}
}

// end ends everything and checks that every exchange has ended.
func (r *rig) end() {
	r.script = nil
	r.note("drain")
	r.a.drain(10 * time.Second)
	r.settle()
	for range 20 {
		r.pass(5*time.Second, true)
	}
	if !r.drained || len(r.live()) > 0 || r.sessions() > 0 {
		r.fatalf("drained %v, and %d lines are open", r.drained, len(r.live()))
	}
	for i, k := range r.asks {
		if !k.over && !k.cancelled {
			r.fatalf("I4: exchange %d has not ended", i)
		}
	}
	var s Snapshot
	r.a.Snapshot(&s)
	if s.Queued > 0 || slices.Max(s.Sessions[:]) > 0 {
		r.fatalf("left: %+v", s)
	}
	r.a.stop()
	r.a.dials.Wait()
	r.a.alarm.Stop()
}
