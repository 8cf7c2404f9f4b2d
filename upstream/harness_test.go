package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// testLoop is a Loop of goroutines: one runs what is posted, one more reads for each socket and one
// writes. It works in a synctest bubble.
type testLoop struct {
	mu    sync.Mutex
	tasks []func() // guarded by mu
	ended bool     // guarded by mu
	wake  chan struct{}
	done  chan struct{}

	sockets []*testSocket // enrolled, the oldest first; owned by the loop
}

func newTestLoop() *testLoop {
	l := &testLoop{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

func (l *testLoop) run() {
	defer close(l.done)
	for range l.wake {
		for {
			l.mu.Lock()
			tasks, ended := l.tasks, l.ended
			l.tasks = nil
			l.mu.Unlock()
			for _, f := range tasks {
				f()
			}
			if len(tasks) == 0 {
				if ended {
					return
				}
				break
			}
		}
	}
}

func (l *testLoop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.tasks = append(l.tasks, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// end lets the loop run what is posted and end.
func (l *testLoop) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.done
}

func (l *testLoop) Enroll(nc net.Conn, h loop.Handler) error {
	s := &testSocket{on: l, nc: nc, h: h, out: make(chan []byte, 1024)}
	opened := make(chan struct{})
	l.Post(func() { l.sockets = append(l.sockets, s); h.Opened(s); close(opened) })
	<-opened
	go s.read()
	go s.write()
	return nil
}

// testSocket is a Socket over any net.Conn.
type testSocket struct {
	loop.Socket // nil: sessions need no more than what is here
	on          *testLoop
	nc          net.Conn
	h           loop.Handler
	in          []byte      // owned by the loop
	out         chan []byte // what the loop has written; closed by Close
	closed      bool        // owned by the loop
	aborted     bool        // by Abort; owned by the loop
	pending     bool        // owned by the loop
	over        error       // the connection's end, as ReadRest finds it; owned by the loop
}

func (s *testSocket) read() {
	buf := make([]byte, 1<<16)
	for {
		n, err := s.nc.Read(buf)
		got := bytes.Clone(buf[:n])
		s.on.Post(func() {
			if s.closed {
				return
			}
			if len(got) > 0 {
				s.in = append(s.in, got...)
				s.h.Readable()
			}
			if err != nil {
				s.Close()
			}
		})
		if err != nil {
			return
		}
	}
}

func (s *testSocket) write() {
	for b := range s.out {
		if _, err := s.nc.Write(b); err != nil {
			break
		}
	}
	s.nc.Close()
	for range s.out {
	}
}

func (s *testSocket) Read(p []byte) (int, error) {
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

// ReadRest is Read, and then the end that a test has planned.
func (s *testSocket) ReadRest(p []byte) (int, error) {
	if n, _ := s.Read(p); n > 0 {
		return n, nil
	}
	return 0, s.over
}

func (s *testSocket) Write(p []byte) (int, error) {
	if s.closed {
		return 0, net.ErrClosed
	}
	s.out <- bytes.Clone(p)
	return len(p), nil
}

// Pending is false: what has come is told in its order.
func (s *testSocket) Pending() bool { return s.pending }

func (s *testSocket) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.out)
	s.h.Closed(nil)
	return nil
}

// Abort drops nothing: whoever plays the registry has read it.
func (s *testSocket) Abort() error {
	s.aborted = s.aborted || !s.closed
	return s.Close()
}

// play is an Account with a registry that the test plays, as a dialogue.
type play struct {
	t       *testing.T
	account *Account
	loop    *testLoop
	dials   chan net.Conn // the registry's ends of connections; never closed
	refuse  error         // what dialing fails with, guarded by mu
	mu      sync.Mutex
	log     *bytes.Buffer // guarded by mu

	accepted  []net.Conn
	askers    uint64 // of ask
	greetings int    // counted on the loop
	drained   bool   // set on the loop
	abandoned int    // set on the loop
}

func (p *play) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// inPlay runs f in a bubble, with an account made from cfg. Time passes only while everybody waits.
func inPlay(t *testing.T, change func(*Config), f func(*play)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &play{t: t, loop: newTestLoop(), dials: make(chan net.Conn, 16), log: new(bytes.Buffer)}
		cfg := Config{
			Name:   "play",
			Login:  frame.Login{ClientID: "demo", Password: "demo-secret", Language: "en"},
			Logger: slog.New(slog.NewTextHandler(p, nil)),
			Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: 8 * time.Second, CommandTimeout: time.Minute,
				KeepaliveCommand: frame.CommandHello, Rand: rand.New(rand.NewPCG(1, 1))},
		}
		cfg.Dial = func(context.Context) (net.Conn, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.refuse != nil {
				return nil, p.refuse
			}
			ours, theirs := net.Pipe()
			p.dials <- theirs
			return ours, nil
		}
		if change != nil {
			change(&cfg)
		}
		p.account = NewAccount(cfg, p.loop)
		p.on(func() {
			p.account.whenDrained(func() { p.drained, p.abandoned = true, p.account.pool.Abandoned() })
		})
		p.on(func() { p.account.OnGreeting(func([]byte) { p.greetings++ }) })
		p.account.Start()
		f(p)
		p.account.Close()
		p.on(func() {
			p.account.alarm.Stop()
			var open []*pool.Session
			p.account.pool.Sessions(func(s *pool.Session) {
				if s.State() != pool.SessionDialing {
					open = append(open, s)
				}
			})
			for _, s := range open {
				carrierOf(s).close()
			}
		})
		for _, nc := range p.accepted {
			nc.Close()
		}
		p.loop.end()
	})
}

// on runs f on the loop and waits for it.
func (p *play) on(f func()) {
	done := make(chan struct{})
	p.loop.Post(func() { f(); close(done) })
	<-done
}

// allCommands is the set of everything.
func allCommands() pool.CommandSet {
	return pool.Commands(func(frame.Command, frame.Op) bool { return true })
}

// operate does what an operator does.
func (p *play) operate(f func() error) {
	p.t.Helper()
	if err := f(); err != nil {
		p.t.Error(err)
	}
	synctest.Wait()
}

// states are the states of the sessions, in the order of their ids.
func (p *play) states() (all []pool.SessionState) {
	p.on(func() { p.account.pool.Sessions(func(s *pool.Session) { all = append(all, s.State()) }) })
	return all
}

// registrySide is the registry's end of one session.
type registrySide struct {
	p  *play
	nc net.Conn
	id string // clTRID of the last command
}

// accept waits for the next connection.
func (p *play) accept() *registrySide {
	p.t.Helper()
	select {
	case nc := <-p.dials:
		p.accepted = append(p.accepted, nc)
		return &registrySide{p: p, nc: nc}
	case <-time.After(30 * time.Minute):
		p.t.Fatal("nobody connects")
		return nil
	}
}

// session plays a login.
func (p *play) session() *registrySide {
	p.t.Helper()
	r := p.accept()
	r.greet()
	r.want("login")
	r.reply(1000)
	synctest.Wait()
	return r
}

func (r *registrySide) send(payload string) {
	r.p.t.Helper()
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4))
	if _, err := r.nc.Write(append(b, payload...)); err != nil {
		r.p.t.Fatalf("registry writes: %v", err)
	}
	synctest.Wait()
}

const testGreeting = `<greeting><svID>play</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version><lang>en</lang>` +
	`<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI></svcExtension></svcMenu></greeting>`

func epp(inner string) string {
	return `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">` + inner + `</epp>`
}

func (r *registrySide) greet() { r.p.t.Helper(); r.send(epp(testGreeting)) }

// read reads one payload.
func (r *registrySide) read() (string, error) {
	_ = r.nc.SetReadDeadline(time.Now().Add(time.Hour))
	var head [4]byte
	if _, err := io.ReadFull(r.nc, head[:]); err != nil {
		return "", err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err := io.ReadFull(r.nc, b)
	return string(b), err
}

var clTRIDForm = regexp.MustCompile(`<clTRID>([^<]*)</clTRID>`)

// want reads a command and compares it with the name of a command, or "hello".
func (r *registrySide) want(command string) string {
	r.p.t.Helper()
	payload, err := r.read()
	if err != nil {
		r.p.t.Fatalf("registry waits for %s: %v", command, err)
	}
	if !strings.Contains(payload, "<"+command) {
		r.p.t.Fatalf("got %s, want a %s", payload, command)
	}
	r.id = ""
	if m := clTRIDForm.FindStringSubmatch(payload); m != nil {
		r.id = m[1]
	}
	return payload
}

// wantEnd fails unless the session is closed without another command.
func (r *registrySide) wantEnd() {
	r.p.t.Helper()
	if payload, err := r.read(); err == nil {
		r.p.t.Fatalf("got %s, want the end of the session", payload)
	}
}

func response(code int, clTRID string) string {
	if clTRID != "" {
		clTRID = "<clTRID>" + clTRID + "</clTRID>"
	}
	return epp(fmt.Sprintf(`<response><result code="%d"><msg>m</msg></result><trID>%s<svTRID>S-1</svTRID></trID></response>`, code, clTRID))
}

// reply answers the last command.
func (r *registrySide) reply(code int) { r.p.t.Helper(); r.send(response(code, r.id)) }

func (r *registrySide) close() { r.nc.Close(); synctest.Wait() }

// asker is a client of the account.
type asker struct {
	p      *play
	id     uint64 // of its connection
	x      *Exchange
	ends   []ended // written on the loop
	again  bool    // asks the same once more, at once
	what   string
	served time.Duration
	gone   bool // owned by the loop
}

// submit submits a command, on the loop.
func (a *asker) submit(payload string) {
	var s frame.Scanner
	m, err := s.Scan([]byte(payload))
	if err != nil {
		a.p.t.Errorf("scan: %v", err)
		return
	}
	a.what = payload
	a.x = a.p.account.Exchange(Sender{Client: a, Since: a.served, ID: a.id, Identity: fmt.Sprint("client ", a.id),
		Known: pool.Kinds{math.MaxUint32, math.MaxUint32}}, m)
	a.p.account.Submit(a.x)
}

type ended struct {
	End    pool.End
	Cause  pool.Cause
	Code   int
	Answer string
}

func (a *asker) Finish(x *Exchange, o Outcome) {
	if x != a.x {
		a.p.t.Error("finished another's exchange")
	}
	e := ended{o.End, o.Cause, o.Code, ""}
	if o.Unit != nil {
		e.Answer = string(o.Unit[frame.HeaderLen:])
	}
	a.x, a.served = nil, x.ServedAt(o.End, a.p.account.Now())
	if a.again && o.End == pool.EndAnswered {
		a.submit(a.what)
		return
	}
	a.ends = append(a.ends, e)
}

const domainNS = `xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"`

func checkCommand(clTRID string) string {
	return epp(`<command><check><domain:check ` + domainNS + `><domain:name>a.example</domain:name></domain:check></check>` + clTRID + `</command>`)
}

func deleteCommand(clTRID string) string {
	return epp(`<command><delete><domain:delete ` + domainNS + `><domain:name>a.example</domain:name></domain:delete></delete>` + clTRID + `</command>`)
}

// ask submits a command for a new client.
func (p *play) ask(payload string) *asker {
	p.t.Helper()
	p.askers++
	a := &asker{p: p, id: p.askers}
	p.on(func() { a.submit(payload) })
	synctest.Wait()
	return a
}

// end is how the client's exchange ended; it fails unless that has happened, once.
func (a *asker) end() ended {
	a.p.t.Helper()
	synctest.Wait()
	var ends []ended
	a.p.on(func() { ends = slices.Clone(a.ends) })
	if len(ends) != 1 {
		a.p.t.Fatalf("got %d ends, want one: %v", len(ends), ends)
	}
	return ends[0]
}

// waiting fails if the client's exchange has ended.
func (a *asker) waiting() {
	a.p.t.Helper()
	synctest.Wait()
	a.p.on(func() {
		if len(a.ends) > 0 {
			a.p.t.Errorf("ended already: %v", a.ends)
		}
	})
}

// TestPlay is the manual of the harness.
func TestPlay(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()                                 // connects, greets, logs in
		a := p.ask(checkCommand("<clTRID>C-1</clTRID>")) // a client's command
		if got := r.want("check"); !strings.Contains(got, "-C-1</clTRID>") {
			t.Errorf("got %s, want a muxTRID that ends in the client's own", got)
		}
		a.waiting()
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
			t.Errorf("got %+v", e)
		}
	})
}
