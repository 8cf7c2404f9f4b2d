package pool

import (
	"math"
	"math/rand/v2"
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
	// DoRecall: give up opening Session if its login has not been sent yet, then call OpenFailed
	// with CauseShutdown. Otherwise go on: a session that the registry may have logged in must be
	// logged out.
	DoRecall
	// DoAbort: give up opening Session at once, then call OpenFailed, with CauseShutdown only if no
	// login was sent.
	DoAbort
	// DoSend: write Exchange on Session, or call Unsent where nothing may be written there any
	// more. When the response has come, call Answered, LoginLost, Throttled or Poison.
	DoSend
	// DoRecord: have a note kept that Exchange is about to be written on Session, then call
	// Recorded with Ticket.
	DoRecord
	// DoKeep: have what WriteDown returns kept in place of what was kept before, then call Kept with
	// Ticket.
	DoKeep
	// DoKeepalive: write the keepalive command on Session. Its answer is told as for DoSend.
	DoKeepalive
	// DoLogout: write a logout on Session, then call Answered when its response has come.
	DoLogout
	// DoClose: close Session's socket, then call Closed.
	DoClose
	// DoFinish: Exchange has ended as End, for Cause unless it is answered, and belongs to the
	// shell again. No exchange ends in another way. If it is answered, then by the answer that the
	// shell has told the Pool of last.
	DoFinish
	// DoDrained: the Pool has no exchange and no session any more, after Drain.
	DoDrained
	// DoSuspended: the Pool has no session any more, after Suspend or Abandon.
	DoSuspended
)

// Action is one thing to do. The fields that the comment of its Do names are set.
type Action struct {
	Do       Do
	Session  *Session
	Exchange *Exchange
	End      End
	Cause    Cause
	Ticket   uint64
}

// Config holds the numbers of a Pool.
type Config struct {
	Grant

	// Relay: another host owns the account, and the sessions are lanes to it. Of the rules only those of
	// client scope apply, and nothing of what follows but the timeouts and Record. It changes by Assume.
	Relay bool

	QueueTimeout   time.Duration // longest wait in the queue
	CommandTimeout time.Duration // longest wait for an answer

	Keepalive        time.Duration // idle time after which a keepalive is due; 0: none
	KeepaliveCommand frame.Command // CommandHello or CommandPoll
	MaxAge           time.Duration // of a session; 0: none
	MaxCommands      int           // on a session; 0: no limit
	EqualErrors      int           // in a session with the same code, with which it ends; from 2; 0: no limit

	Record Record       // whether a note of a transform is kept first
	Ledger LedgerPolicy // whether use of limits is written down first
	// Skew is by how much the wall clock may be ahead of the one by which a ledger was written.
	Skew time.Duration

	Rand *rand.Rand // for jitter
}

// Pool schedules the exchanges of one registrar account over its sessions. After any call, the
// shell takes the actions from Next, and does them, until there are none. Methods take the instant
// as the time since any fixed moment by a monotonic clock. A Pool is not safe for concurrent use.
type Pool struct {
	cfg    Config
	limits limits
	queue  queue
	blame  blame

	sessions []*Session // all that have or may have a connection, in the order of their IDs
	idle     []*Session // the longest idle first
	opening  int        // number of dialing ones
	live     int        // number of idle and busy ones
	lastID   uint64

	learnt
	logins *ratelimit.Bucket
	apart  int // sessions that have no place among those of the role

	suspension suspension

	paused    bool          // by Pause
	draining  bool          // by Drain
	drained   bool          // DoDrained was asked for
	drainBy   time.Duration // the drain's deadline
	drainOver bool          // drainBy has passed, see endDrain
	// abandoned counts the sessions that the end of a drain or a suspension closed without a logout.
	abandoned int

	wake    time.Duration // when Advance is due
	actions []Action
	done    int // actions[:done] were taken

	keeping keeping
}

// New returns a Pool. It opens MinSessions sessions, one after the other; the first DoOpen is there
// at once.
func New(cfg Config, now time.Duration) *Pool { return Resume(cfg, nil, now, now) }

// Resume is New for a process that goes on where another has ended, which has kept l last; nil: nothing
// was ever kept. wall is the wall clock at now, as time since 1970.
func Resume(cfg Config, l *Ledger, now, wall time.Duration) *Pool {
	p := newPool(cfg, now)
	p.adopt(l, now, wall)
	p.ration()
	p.size(now)
	p.keep(now)
	return p
}

// newPool returns a Pool that has done nothing yet.
func newPool(cfg Config, now time.Duration) *Pool {
	cfg.Grant.check()
	cfg.fit()
	p := &Pool{
		cfg:        cfg,
		limits:     limits{lanes: cfg.Relay},
		blame:      newBlame(),
		learnt:     newLearnt(&cfg, now),
		suspension: suspension{by: never},
		drainBy:    never,
		wake:       never,
		logins:     ratelimit.NewBucket(loginBudget(cfg.MaxSessions)),
	}
	p.limits.use(cfg.Rules, now)
	p.keeping.settle = never
	p.queue.init()
	return p
}

// Next takes the next action; false when there is none.
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

// Wake returns the instant at which Advance must be called, if nothing else happens before. It may
// be too early, but is never too late.
func (p *Pool) Wake() time.Duration { return p.wake }

func (p *Pool) wakeAt(t time.Duration) { p.wake = min(p.wake, t) }

// Queued returns the number of waiting exchanges.
func (p *Pool) Queued() int { return p.queue.len() }

// Oldest returns the longest time that an exchange in the queue has waited.
func (p *Pool) Oldest(now time.Duration) time.Duration { return p.queue.oldest(now) }

// Submit puts x into the queue. The caller has set Command, Op, Query, and the fields about its
// client.
func (p *Pool) Submit(x *Exchange, now time.Duration) {
	if x.state != exchangeFree {
		panic("BUG: exchange submitted twice")
	}
	x.queuedAt, x.kind = now, kindOf(x.Command, x.Op)
	if x.Asked > 0 {
		x.queuedAt = x.Asked
	}
	if cause := p.Refuses(); cause != CauseNone {
		p.finish(x, cause)
		return
	}
	p.queue.began(x)
	x.deadline = min(x.queuedAt+p.cfg.QueueTimeout, now+p.Patience(now))
	p.wait(x, now)
	p.dispatch(now)
}

// Patience is how long a command that comes now may wait: QueueTimeout, or impatience while the registry is
// away.
func (p *Pool) Patience(now time.Duration) time.Duration {
	if p.away(now) {
		return impatience
	}
	return p.cfg.QueueTimeout
}

// Refuses returns why a command that comes now ends at once; CauseNone: it does not.
func (p *Pool) Refuses() Cause {
	switch {
	case p.draining:
		return CauseShutdown
	case p.hopeless():
		return CauseLoginRefused
	}
	return CauseNone
}

// finish ends an exchange that is in no list and has no answer.
func (p *Pool) finish(x *Exchange, cause Cause) {
	p.do(Action{Do: DoFinish, Exchange: x, End: x.EndNow(), Cause: cause})
}

// enqueue lets x wait as one that comes now.
func (p *Pool) enqueue(x *Exchange, now time.Duration) {
	x.deadline = now + p.Patience(now)
	p.wait(x, now)
}

// wait puts x, whose deadline is set, into the lists of waiting exchanges.
func (p *Pool) wait(x *Exchange, now time.Duration) {
	p.queue.timed(x)
	p.wakeAt(x.deadline)
	switch {
	case x.lostAt > 0:
		x.state = exchangeQueued
		x.list = &p.queue.again
		p.queue.again.pushBack(x)
	case p.passes(x, now) && p.enter(x, now):
	default:
		p.wakeForHeld()
	}
}

// enter lets x, which no gate holds, wait for its client's limits, then for a session. So what waits
// at a gate has none of the slots that its client's other commands need. It reports whether the limits
// admit x already.
func (p *Pool) enter(x *Exchange, now time.Duration) bool {
	if !p.lets(x, now) || !p.limits.charge(x, now) {
		return false
	}
	p.line(x)
	return true
}

// line puts x, which nothing holds, into its row.
func (p *Pool) line(x *Exchange) {
	x.state = exchangeQueued
	p.queue.rowFor(p.limits.shared[x.kind], x).push(x)
}

// away reports whether the registry has been away for longer than QueueTimeout.
func (p *Pool) away(now time.Duration) bool {
	return p.downSince >= 0 && p.live == 0 && now-p.downSince > p.cfg.QueueTimeout
}

// dequeue takes x out of the lists of waiting exchanges.
func (p *Pool) dequeue(x *Exchange, now time.Duration) {
	switch x.state {
	case exchangeQueued:
		x.unqueue()
	case exchangeHeld:
		p.limits.unhold(x, now)
		x.list = nil
	case exchangeGated:
		p.blame.unhold(x)
	default:
		panic("BUG: exchange is in no list")
	}
	x.waitList.remove(x)
	x.waitList, x.state = nil, exchangeFree
}

// giveUp ends a waiting exchange as not sent, or as unknown if it was sent on a lost session.
func (p *Pool) giveUp(x *Exchange, cause Cause, now time.Duration) {
	p.dequeue(x, now)
	p.uncharge(x, now)
	p.ended(x)
	p.finish(x, cause)
}

// ended says that x is about to end.
func (p *Pool) ended(x *Exchange) {
	p.queue.ended(x)
	p.blame.ended(x)
}

// uncharge gives back the slots that an exchange itself has, since nothing was sent after they were
// taken.
func (p *Pool) uncharge(x *Exchange, now time.Duration) {
	x.charges.unsent(now)
	if x.Budget != nil {
		p.limits.rewake(x.Budget, now)
	}
}

// Cancel says that x's client has gone. A waiting exchange ends as not sent, or as unknown if it
// was sent on a lost session. One that waits for its record is taken back. One that was written
// goes on as an orphan: its answer is read, so that the session stays in step.
func (p *Pool) Cancel(x *Exchange, now time.Duration) { p.cancel(x, CauseClientGone, now) }

// Withdraw is Cancel, for want of room: the octets of an exchange that waits are needed for others.
func (p *Pool) Withdraw(x *Exchange, now time.Duration) { p.cancel(x, CauseNoRoom, now) }

func (p *Pool) cancel(x *Exchange, cause Cause, now time.Duration) {
	x.orphan = true
	switch {
	case x.state == exchangeQueued || x.state == exchangeHeld || x.state == exchangeGated:
		p.giveUp(x, cause, now)
		p.dispatch(now)
		p.checkDone(now)
	case x.state == exchangeInFlight && x.session.recording && x.session.state == SessionBusy:
		p.takeBack(x.session, cause, now)
	}
}

// Unsent says that x was not written on s, since nothing may be written there any more; of a lane, that
// the owner has written nothing of it, for CauseMoved. x waits again, in its client's turn, which is an
// early one, and no longer than it could before. The session ends for the given cause.
func (p *Pool) Unsent(s *Session, x *Exchange, cause Cause, now time.Duration) {
	if s.x != x {
		panic("BUG: unsent exchange of another session")
	}
	p.unsend(s, now)
	p.Poison(s, cause)
	if s.lane {
		p.laneLost(s, now) // before another is opened
	}
	p.again(x, now)
	p.dispatch(now)
}

// unsend takes the exchange back from s, where it was not written, and gives its slots back.
func (p *Pool) unsend(s *Session, now time.Duration) *Exchange {
	x := s.x
	s.charges.unsent(now)
	p.uncharge(x, now)
	x.state, x.session, s.x, s.recording, s.inFlight = exchangeFree, nil, nil, false, NothingInFlight
	x.tries--
	s.commands--
	return x
}

// again lets an exchange that was taken back wait again, with the deadline that it had.
func (p *Pool) again(x *Exchange, now time.Duration) {
	switch {
	case x.orphan:
		p.ended(x)
		p.finish(x, CauseClientGone)
	case p.draining && now >= p.drainBy:
		p.ended(x)
		p.finish(x, CauseShutdown)
	default:
		p.wait(x, now)
	}
}

// release ends the flight of the command on s. Its slots are free again a period from now. It
// returns the exchange of a client's command; nil for one of our own.
func (p *Pool) release(s *Session, now time.Duration) *Exchange {
	s.charges.answered(now)
	s.inFlight = NothingInFlight
	x := s.x
	if x == nil {
		return nil
	}
	x.charges.answered(now)
	if x.Budget != nil {
		p.limits.rewake(x.Budget, now)
	}
	x.state, x.session, s.x = exchangeFree, nil, nil
	return x
}

// Advance does everything that is due at now: deadlines, keepalives, expiries, limits that admit
// again.
func (p *Pool) Advance(now time.Duration) {
	p.followOffer(now)
	p.wake = never
	p.keepLate(now)
	p.expire(now)
	for i := len(p.sessions) - 1; i >= 0; i-- {
		if s := p.sessions[i]; s.deadline <= now {
			p.due(s, now)
		}
	}
	p.dispatch(now)
	p.rewake(now)
	p.checkDone(now)
}

// expire ends the exchanges that have waited until their deadlines, and a suspension and a drain at
// their own.
func (p *Pool) expire(now time.Duration) {
	if p.suspension.on {
		p.endSuspension(now)
	}
	for x := p.queue.overdue(now); x != nil; x = p.queue.overdue(now) {
		p.giveUp(x, p.waitCause(x, now), now)
	}
	if !p.draining {
		return
	}
	if last := p.lastSend(); now >= last {
		p.endQueue(CauseShutdown, now)
	} else {
		p.wakeAt(last)
	}
	if now >= p.drainBy && !p.drainOver {
		p.endDrain(now)
	}
}

// waitCause is the reason for which x, which has waited too long, was not sent.
func (p *Pool) waitCause(x *Exchange, now time.Duration) Cause {
	switch cause := p.WaitCause(now); {
	case cause != CauseQueueTimeout:
		return cause
	case p.unkept(x):
		return CauseLedger
	case x.gate == &p.blame.risky[standingNew]: // nothing is said against it
	case x.state == exchangeGated, x.standing == standingSuspect:
		return CauseBlamed
	}
	return CauseQueueTimeout
}

// WaitCause is the reason for which any command that has waited too long was not sent, as far as it is none
// of its own; CauseQueueTimeout where there is no other.
func (p *Pool) WaitCause(now time.Duration) Cause {
	switch {
	case p.paused:
		return CausePaused
	case p.ownerless():
		return CauseNoOwner
	case p.away(now):
		return CauseRegistryAway
	case now < p.throttledUntil:
		return CauseThrottled
	}
	return CauseQueueTimeout
}

// rewake adds the deadlines to wake, which Advance has reset.
func (p *Pool) rewake(now time.Duration) {
	p.wakeAt(p.queue.deadline())
	p.wakeAt(p.offers.dueAt())
	for _, s := range p.sessions {
		p.wakeAt(s.deadline)
	}
	if p.draining && now < p.drainBy {
		p.wakeAt(p.drainBy)
	}
}
