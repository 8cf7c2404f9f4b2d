package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// desk is a pool whose actions lie on the desk until the test deals with them. Time passes when the
// test says so.
type desk struct {
	*Pool
	t       *testing.T
	now     time.Duration
	opening []*Session // to be opened
	leaving []*Session // whose logout is to be written
	sent    []*Exchange
	ends    []Action // DoFinish

	pinged    []*Session // whose keepalive is to be written
	notes     []Action   // DoRecord
	recalled  []*Session // DoRecall
	aborted   []*Session // DoAbort
	closed    []*Session
	drained   int
	suspended int
	authors   uint64
	keeps     []uint64      // tickets of DoKeep
	wrote     *Ledger       // of the last one
	off       time.Duration // of its wall clock, beside deskWall
}

// deskWall is the wall clock less the desk's.
const deskWall = 20_000 * 24 * time.Hour

func newDesk(t *testing.T, change func(*Config)) *desk { return resumeDesk(t, nil, 0, change) }

// resumeDesk returns a desk whose process begins at now and takes up l.
func resumeDesk(t *testing.T, l *Ledger, now time.Duration, change func(*Config)) *desk {
	cfg := Config{Grant: Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: 8 * time.Second, CommandTimeout: time.Minute,
		Rand: rand.New(rand.NewPCG(1, 1))}
	change(&cfg)
	d := &desk{Pool: Resume(cfg, l, now, deskWall+now), t: t, now: now}
	d.step()
	return d
}

// step takes the actions. A session that is to be closed is closed at once.
func (d *desk) step() {
	for a, ok := d.Next(); ok; a, ok = d.Next() {
		switch a.Do {
		case DoOpen:
			d.opening = append(d.opening, a.Session)
		case DoLogout:
			d.leaving = append(d.leaving, a.Session)
		case DoSend:
			d.sent = append(d.sent, a.Exchange)
		case DoFinish:
			d.ends = append(d.ends, a)
		case DoKeep:
			d.keeps = append(d.keeps, a.Ticket)
			d.wrote = d.WriteDown(d.now, d.wall())
		case DoKeepalive:
			d.pinged = append(d.pinged, a.Session)
		case DoRecord:
			d.notes = append(d.notes, a)
		case DoRecall:
			d.recalled = append(d.recalled, a.Session)
		case DoAbort:
			d.aborted = append(d.aborted, a.Session)
		case DoSuspended:
			d.suspended++
		case DoDrained:
			d.drained++
		case DoClose:
			d.closed = append(d.closed, a.Session)
			d.Closed(a.Session, d.now)
		}
	}
}

// pass lets time pass, in the steps that the pool wants, until what comes true or the time is over.
func (d *desk) pass(most time.Duration, until func() bool) {
	for end := d.now + most; d.now < end && !until(); d.step() {
		d.now = max(d.now, min(end, d.Wake()))
		d.Advance(d.now)
	}
}

// wall is the wall clock.
func (d *desk) wall() time.Duration { return deskWall + d.off + d.now }

func (d *desk) wantsToOpen() bool  { return len(d.opening) > 0 }
func (d *desk) wantsToLeave() bool { return len(d.leaving) > 0 }
func (d *desk) nothing() bool      { return false }

// open opens the session that is to be opened.
func (d *desk) open() *Session {
	d.t.Helper()
	if len(d.opening) != 1 {
		d.t.Fatalf("%d sessions are to be opened, want one", len(d.opening))
	}
	s := d.opening[0]
	d.opening = nil
	d.Opened(s, d.now)
	d.step()
	return s
}

// logOut answers the logout that is to be written.
func (d *desk) logOut() *Session {
	d.t.Helper()
	if len(d.leaving) != 1 {
		d.t.Fatalf("%d sessions are to be logged out, want one", len(d.leaving))
	}
	s := d.leaving[0]
	d.leaving = nil
	d.Answered(s, CauseNone, d.now)
	d.step()
	return s
}

// ages lets all sessions come of age now.
func (d *desk) ages() {
	for _, s := range d.sessions {
		s.expires, s.deadline = d.now, d.now
	}
	d.Advance(d.now)
	d.step()
}

// ask submits a query, or a transform, of a client of its own.
func (d *desk) ask(query bool) *Exchange {
	x := &Exchange{Command: frame.CommandCreate, Weight: 1, Since: d.now}
	if query {
		x.Command, x.Query = frame.CommandCheck, true
	}
	d.submit(x)
	return x
}

// submit submits x, as that of a client of its own unless it has an author.
func (d *desk) submit(x *Exchange) {
	if x.Author == (Author{}) {
		d.authors++
		id := 1<<32 + d.authors
		x.Author = Author{Client: id, Identity: fmt.Sprint("client ", id), Content: id, Known: true}
	}
	d.Submit(x, d.now)
	d.step()
}

// kept ends the writing that is under way.
func (d *desk) kept(ok bool) {
	d.t.Helper()
	if len(d.keeps) != 1 {
		d.t.Fatalf("at %v %d writings are under way, want one", d.now, len(d.keeps))
	}
	ticket := d.keeps[0]
	d.keeps = nil
	d.Kept(ticket, ok, d.now)
	d.step()
}

// keptAll ends the writings that are under way, and those that follow.
func (d *desk) keptAll() {
	d.t.Helper()
	for len(d.keeps) > 0 {
		d.kept(true)
	}
}

// wantQuiet fails if a writing is under way.
func (d *desk) wantQuiet() {
	d.t.Helper()
	if len(d.keeps) > 0 {
		d.t.Errorf("at %v something is written: %+v", d.now, d.wrote)
	}
}

// answer answers what is in flight on s.
func (d *desk) answer(s *Session, end Cause) {
	d.Answered(s, end, d.now)
	d.step()
}

// breaks has the registry close s.
func (d *desk) breaks(s *Session) {
	d.Closed(s, d.now)
	d.step()
}

// fails ends the attempt to open the session that is to be opened.
func (d *desk) fails(cause Cause) {
	d.t.Helper()
	if len(d.opening) != 1 {
		d.t.Fatalf("%d sessions are to be opened, want one", len(d.opening))
	}
	s := d.opening[0]
	d.opening = nil
	d.OpenFailed(s, cause, d.now)
	d.step()
}

// wait lets time pass.
func (d *desk) wait(t time.Duration) { d.pass(t, d.nothing) }

// wantSent fails unless the exchanges were sent since it was called last, in their order.
func (d *desk) wantSent(xs ...*Exchange) {
	d.t.Helper()
	if !slices.Equal(d.sent, xs) {
		d.t.Errorf("at %v %d exchanges were sent, want %d, or others", d.now, len(d.sent), len(xs))
	}
	d.sent = nil
}

// wantEnd fails unless x has ended in this way, once.
func (d *desk) wantEnd(x *Exchange, end End, cause Cause) {
	d.t.Helper()
	n := 0
	for _, a := range d.ends {
		if a.Exchange == x {
			if n++; a.End != end || a.Cause != cause {
				d.t.Errorf("at %v it has ended as %v for %v, want %v for %v", d.now, a.End, a.Cause, end, cause)
			}
		}
	}
	if n != 1 {
		d.t.Errorf("at %v it has ended %d times, want once", d.now, n)
	}
}

// wantWaiting fails if x has ended or is in flight.
func (d *desk) wantWaiting(x *Exchange) {
	d.t.Helper()
	if x.state != exchangeQueued && x.state != exchangeHeld && x.state != exchangeGated {
		d.t.Errorf("at %v it does not wait: state %d", d.now, x.state)
	}
}

// wantStates fails unless the sessions are in these states, in the order of their IDs.
func (d *desk) wantStates(states ...SessionState) {
	d.t.Helper()
	var got []SessionState
	d.Sessions(func(s *Session) { got = append(got, s.State()) })
	if !slices.Equal(got, states) {
		d.t.Errorf("at %v the sessions are %v, want %v", d.now, got, states)
	}
}

// panics fails unless f panics with a BUG.
func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "BUG: ") {
			t.Error("no panic")
		}
	}()
	f()
}

// limited is a rule about every command.
func limited(n int, per time.Duration, scope Scope) Rule {
	return Rule{Limit: ratelimit.Limit{N: n, Per: per}, Scope: scope, Commands: allCommands()}
}

// only is a rule about one command.
func only(c frame.Command, n int, per time.Duration, scope Scope) Rule {
	return Rule{Limit: ratelimit.Limit{N: n, Per: per}, Scope: scope,
		Commands: Commands(func(d frame.Command, _ frame.Op) bool { return c == d })}
}

// TestDesk is the manual of the desk.
func TestDesk(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.wantStates(SessionDialing)
	x := d.ask(true) // before there is a session
	d.wantWaiting(x)
	s := d.open()
	d.wantSent(x)
	d.wantStates(SessionBusy)
	d.answer(s, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	d.Drain(d.now+time.Second, d.now)
	d.step()
	d.logOut()
	d.wantStates()
	if d.drained != 1 {
		t.Errorf("drained %d times, want once", d.drained)
	}
}

// newLimits returns limits that have counted nothing.
func newLimits(rules []Rule) limits {
	var l limits
	l.use(rules, 0)
	return l
}
