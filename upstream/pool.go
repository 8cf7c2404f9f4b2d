package upstream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

// Do says what the shell of a Pool is to do.
type Do uint8

const (
	// DoOpen: connect and log in for Session, then call Opened or OpenFailed.
	DoOpen Do = iota
	// DoSend: write Exchange on Session, then call Answered when its response has come, or Poison.
	DoSend
	// DoKeepalive: write the keepalive command on Session; the answer as for DoSend.
	DoKeepalive
	// DoLogout: write a logout on Session; when it is answered, Poison with the session's own Cause.
	DoLogout
	// DoClose: close Session's socket, then call Closed.
	DoClose
	// DoFinish: Exchange has ended as End for Cause, without an answer; it is the shell's again.
	DoFinish
	// DoDrained: after Drain, nothing is left.
	DoDrained
)

// Action is one thing to do. Exchange, End and Cause are set where Do says so.
type Action struct {
	Do       Do
	Session  *Session
	Exchange *Exchange
	End      End
	Cause    Cause
}

// PoolConfig are the numbers a Pool goes by. Durations of zero mean "none" where that makes sense.
type PoolConfig struct {
	MinSessions, MaxSessions int // 1 <= MinSessions <= MaxSessions

	QueueTimeout   time.Duration // longest wait in the queue
	CommandTimeout time.Duration // longest wait for an answer

	Keepalive        time.Duration // idle time after which a keepalive is due; 0: none
	KeepaliveCommand frame.Command // CommandHello or CommandPoll
	MaxAge           time.Duration // of a session; 0: none
	MaxCommands      int           // on a session; 0: no limit

	Rules []Rule
	Rand  *rand.Rand // for jitter
}

// Pool schedules the exchanges of one registrar account over its sessions. It does no I/O, starts nothing and reads no
// clock: methods take the instant, as time since any fixed moment by a monotonic clock, and leave actions to be taken
// from Next. After any call, the shell does what Next yields until it yields nothing.
type Pool struct {
	cfg    PoolConfig
	limits limits

	// The queue. A lane holds, in order of arrival, the exchanges to which the same rules apply.
	lanes     []*poolLane
	laneOf    [numKinds]*poolLane
	patient   list // all that wait for QueueTimeout, in order of deadline
	impatient list // all that wait for impatience, likewise
	seq       uint64

	sessions []*Session // every one that has or may have a socket
	idle     []*Session // the longest idle first
	opening  int        // dialing
	live     int        // idle or busy
	lastID   uint64

	// Opening sessions, see sizing.go.
	ceiling   int           // MaxSessions, or less while the registry answers 2502 to logins
	raiseAt   time.Duration // when ceiling may grow by one
	failures  int           // attempts in a row that gave no working session
	nextOpen  time.Duration // not before
	downSince time.Duration // when the registry went away; -1 while it is there
	refused   bool          // the last login was refused for good
	logins    *ratelimit.Bucket

	draining bool
	drained  bool
	drainBy  time.Duration

	wake    time.Duration // Advance is due
	actions []Action
	done    int // actions[:done] have been taken
}

// poolLane is one of the queue's lanes.
type poolLane struct {
	list
	set ruleSet
}

// impatience is how long a command waits while the registry has been away for longer than QueueTimeout: long enough for
// a login under way, short enough that a client is not held for nothing.
const impatience = time.Second

// NewPool returns a pool at instant now. Its first actions are there at once: it opens MinSessions.
func NewPool(cfg PoolConfig, now time.Duration) *Pool {
	if cfg.MinSessions < 1 || cfg.MaxSessions < cfg.MinSessions {
		panic(fmt.Sprintf("BUG: pool of %d to %d sessions", cfg.MinSessions, cfg.MaxSessions))
	}
	p := &Pool{
		cfg:       cfg,
		limits:    newLimits(cfg.Rules),
		patient:   list{links: wait},
		impatient: list{links: wait},
		ceiling:   cfg.MaxSessions,
		raiseAt:   never,
		nextOpen:  now,
		downSince: -1,
		drainBy:   never,
		wake:      never,
		logins: ratelimit.NewBucket(ratelimit.Limit{
			N: max(loginsMin, loginsPerSession*cfg.MaxSessions), Per: time.Minute,
		}),
	}
	for k := range p.laneOf {
		p.laneOf[k] = p.lane(p.limits.shared[k])
	}
	p.size(now)
	return p
}

// lane returns the lane of a set of rules, a new one where there is none yet.
func (p *Pool) lane(set ruleSet) *poolLane {
	for _, l := range p.lanes {
		if l.set == set {
			return l
		}
	}
	l := &poolLane{list: list{links: lane}, set: set}
	p.lanes = append(p.lanes, l)
	return l
}

// Next takes the next action; false when there is none left.
func (p *Pool) Next() (Action, bool) {
	if p.done == len(p.actions) {
		p.actions, p.done = p.actions[:0], 0
		return Action{}, false
	}
	a := p.actions[p.done]
	p.actions[p.done] = Action{}
	p.done++
	return a, true
}

func (p *Pool) do(a Action) { p.actions = append(p.actions, a) }

// Wake is the instant at which Advance must be called, if nothing else happens before; it is never too late, but may be
// too early.
func (p *Pool) Wake() time.Duration { return p.wake }

func (p *Pool) wakeAt(t time.Duration) { p.wake = min(p.wake, t) }

// Queued is the number of exchanges that wait.
func (p *Pool) Queued() int { return p.patient.n + p.impatient.n }

// Oldest is how long the oldest waiting exchange has waited.
func (p *Pool) Oldest(now time.Duration) time.Duration {
	var d time.Duration
	for _, l := range []*list{&p.patient, &p.impatient} {
		if l.head != nil {
			d = max(d, now-l.head.queuedAt)
		}
	}
	return d
}

// Submit puts x into the queue. The caller has set its Command, Op, Query and budget.
func (p *Pool) Submit(x *Exchange, now time.Duration) {
	if x.state != exchangeFree {
		panic("BUG: exchange submitted twice")
	}
	p.seq++
	x.seq, x.queuedAt, x.kind = p.seq, now, kindOf(x.Command, x.Op)
	switch {
	case p.draining:
		p.do(Action{Do: DoFinish, Exchange: x, End: EndNotSent, Cause: CauseShutdown})
		return
	case p.refused && p.live == 0:
		p.do(Action{Do: DoFinish, Exchange: x, End: EndNotSent, Cause: CauseLoginRefused})
		return
	}
	p.enqueue(x, now)
	p.dispatch(now)
}

func (p *Pool) enqueue(x *Exchange, now time.Duration) {
	w, patience := &p.patient, p.cfg.QueueTimeout
	if p.away(now) {
		w, patience = &p.impatient, impatience
	}
	x.deadline, x.waitList = now+patience, w
	w.pushBack(x)
	p.wakeAt(x.deadline)
	if p.limits.charge(x, now) {
		x.state = exchangeQueued
		p.laneOf[x.kind].pushBack(x)
	} else {
		p.wakeAt(x.budget.wakeAt)
	}
}

// away says whether the registry has been away for longer than QueueTimeout.
func (p *Pool) away(now time.Duration) bool {
	return p.downSince >= 0 && p.live == 0 && now-p.downSince > p.cfg.QueueTimeout
}

// dequeue takes x out of the lists in which it waits.
func (p *Pool) dequeue(x *Exchange, now time.Duration) {
	switch x.state {
	case exchangeQueued:
		p.laneOf[x.kind].remove(x)
	case exchangeHeld:
		p.limits.unhold(x, now)
	default:
		panic("BUG: exchange waits in no list")
	}
	x.waitList.remove(x)
	x.waitList, x.state = nil, exchangeFree
}

// notSent ends a waiting exchange of which nothing has been sent.
func (p *Pool) notSent(x *Exchange, cause Cause, now time.Duration) {
	p.dequeue(x, now)
	p.limits.discharge(x, (*ratelimit.Bucket).Undo, now)
	p.do(Action{Do: DoFinish, Exchange: x, End: EndNotSent, Cause: cause})
}

// Cancel says that x's client has gone. What waits ends as not sent; what is in flight goes on as an orphan: its answer
// is read, so that the session stays good.
func (p *Pool) Cancel(x *Exchange, now time.Duration) {
	x.orphan = true
	if x.state == exchangeQueued || x.state == exchangeHeld {
		p.notSent(x, CauseClientGone, now)
	}
}

// Answered says that the response to what is in flight on s has come whole and matched. The exchange, if it was a
// client's, is the shell's again. The session ends for the given cause, unless that is CauseNone.
func (p *Pool) Answered(s *Session, end Cause, now time.Duration) {
	switch s.state {
	case SessionDraining: // our logout
		p.Poison(s, s.cause)
		return
	case SessionBusy:
	default:
		panic("BUG: answer on a session that is " + s.state.String())
	}
	p.release(s, now)
	s.proven, p.failures = true, 0
	if end != CauseNone {
		p.Poison(s, end)
		return
	}
	p.live--
	p.rest(s, now)
	p.dispatch(now)
}

// release ends what is in flight on s, as answered: its slots are free again a period from now.
func (p *Pool) release(s *Session, now time.Duration) {
	each(p.limits.registry, s.set, (*ratelimit.Bucket).Done, now)
	each(s.buckets, s.set, (*ratelimit.Bucket).Done, now)
	s.set = 0
	if x := s.x; x != nil {
		p.limits.discharge(x, (*ratelimit.Bucket).Done, now)
		x.state, x.session, s.x = exchangeFree, nil, nil
	}
}

// Poison says that s carries nothing more: it timed out, broke a frame, mismatched, spoke unasked, or the registry ends
// it. What is in flight ends when the socket is closed.
func (p *Pool) Poison(s *Session, cause Cause) {
	if s.state == SessionDialing {
		panic("BUG: session poisoned while dialing")
	}
	if s.state == SessionClosing {
		return
	}
	p.leave(s)
	s.state, s.cause, s.deadline = SessionClosing, cause, never
	p.do(Action{Do: DoClose, Session: s})
}

// leave takes s out of the counts of its state.
func (p *Pool) leave(s *Session) {
	switch s.state {
	case SessionIdle:
		p.idle = slices.DeleteFunc(p.idle, func(t *Session) bool { return t == s })
		p.live--
	case SessionBusy:
		p.live--
	case SessionDialing:
		p.opening--
	}
}

// Closed says that s's socket is closed, by either side. It is called once for each session that was opened.
func (p *Pool) Closed(s *Session, now time.Duration) {
	if s.state != SessionClosing {
		p.leave(s)
		if s.state != SessionDraining {
			s.cause = CauseRegistryClosed
		}
		s.state = SessionClosing
	}
	x := s.x
	p.release(s, now)
	p.forget(s)
	p.lost(s, now)
	if x != nil {
		p.broken(x, s.cause, now)
	}
	p.dispatch(now)
	p.checkDrained()
}

func (p *Pool) forget(s *Session) {
	p.sessions = slices.DeleteFunc(p.sessions, func(t *Session) bool { return t == s })
}

// broken decides about an exchange whose session was closed before the answer: a query goes to another session, once;
// of a transform nothing is known, and it is never sent twice.
func (p *Pool) broken(x *Exchange, cause Cause, now time.Duration) {
	if x.Query && !x.orphan && x.tries < 2 && cause != CauseShutdown && !(p.draining && now >= p.drainBy) {
		p.enqueue(x, now)
		if x.state == exchangeQueued { // it has waited before
			l := p.laneOf[x.kind]
			l.remove(x)
			l.pushFront(x)
		}
		return
	}
	p.do(Action{Do: DoFinish, Exchange: x, End: EndUnknown, Cause: cause})
}

// Advance does what is due at now: deadlines, keepalives, expiries, limits that admit again.
func (p *Pool) Advance(now time.Duration) {
	p.wake = never
	for _, w := range []*list{&p.patient, &p.impatient} {
		for w.head != nil && w.head.deadline <= now {
			p.notSent(w.head, p.waitCause(now), now)
		}
	}
	for i := len(p.sessions) - 1; i >= 0; i-- {
		if s := p.sessions[i]; s.deadline <= now {
			p.due(s, now)
		}
	}
	if p.draining && now >= p.drainBy {
		p.endDrain(now)
	}
	p.dispatch(now)
	p.rewake(now)
	p.checkDrained()
}

func (p *Pool) waitCause(now time.Duration) Cause {
	if p.away(now) {
		return CauseRegistryAway
	}
	return CauseQueueTimeout
}

// rewake finds the next instant at which something is due.
func (p *Pool) rewake(now time.Duration) {
	for _, w := range []*list{&p.patient, &p.impatient} {
		if w.head != nil {
			p.wakeAt(w.head.deadline)
		}
	}
	for _, s := range p.sessions {
		p.wakeAt(s.deadline)
	}
	if len(p.limits.held) > 0 {
		p.wakeAt(p.limits.held[0].wakeAt)
	}
	if p.draining && now < p.drainBy {
		p.wakeAt(p.drainBy)
	}
}
