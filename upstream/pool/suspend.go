package pool

import (
	"cmp"
	"slices"
	"time"

	"eppmux/ratelimit"
)

// Whose the account is. A pool is the account's own, with sessions at the registry, or it relays to the
// host that owns the account, over lanes; or it is suspended, between two of those: nobody is known to
// own the account, so that nothing is sent. The exchanges that wait go on waiting all along, each until
// its deadline. An operator's Pause is beside that, and holds in each of the three.

// suspension is that nothing is sent, since this host does not own the account and nobody is known to.
type suspension struct {
	on    bool
	cause Cause         // for which sessions end
	by    time.Duration // when those that are left are closed; never: it is not on
	over  bool          // by has passed, see endSuspension
	told  bool          // DoSuspended was asked for, or need not be
}

// NewSuspended returns a Pool that begins suspended. It has no session and keeps nothing until Assume.
func NewSuspended(cfg Config, now time.Duration) *Pool {
	p := newPool(cfg, now)
	p.suspension = suspension{on: true, cause: CauseMoved, by: now, over: true, told: true}
	p.keeping.closed = true
	return p
}

// Suspend hands the account over. Nothing more is sent. Commands wait on, new ones too. What is in
// flight ends, opening sessions are recalled, and the others log out, as the limits admit. At the given
// instant those that are left are closed. When none is left, and the ledger says so where one is kept,
// DoSuspended follows, once. A writing that fails, or takes long, is not waited for.
func (p *Pool) Suspend(by, now time.Duration) {
	p.suspend(CauseMoved, by)
	p.recall()
	p.dispatch(now)
	p.checkDone(now)
}

// Abandon is Suspend for an account of which nothing more may be written, since another host may own it
// by now: neither a logout nor the ledger. All sessions are closed at once. Transforms in flight end as
// unknown, queries by the rule of a broken session. DoSuspended follows.
func (p *Pool) Abandon(now time.Duration) {
	p.suspend(CauseFenced, now)
	p.keeping.close()
	p.dispatch(now)
	p.checkDone(now)
}

// suspend begins a suspension, or has the one that is end sooner, or by closing.
func (p *Pool) suspend(cause Cause, by time.Duration) {
	q := &p.suspension
	if !q.on {
		*q = suspension{on: true, cause: cause, by: by}
	}
	if q.by, q.told = min(q.by, by), false; cause == CauseFenced {
		q.cause = cause
	}
	p.nextTry, p.downSince = 0, -1
}

// endSuspension closes the sessions that are open at the deadline of a suspension.
func (p *Pool) endSuspension(now time.Duration) {
	switch q := &p.suspension; {
	case q.over:
	case now < q.by:
		p.wakeAt(q.by)
	default:
		q.over = true
		p.closeAll(q.cause)
	}
}

// checkSuspended asks for DoSuspended, once, when no session is left and that is written down.
func (p *Pool) checkSuspended(now time.Duration) {
	q := &p.suspension
	if !q.on || q.told || len(p.sessions) > 0 || !p.closeLedger(now) {
		return
	}
	q.told = true
	p.do(Action{Do: DoSuspended})
}

// halted reports whether nothing is sent: by the operator, or since nobody is known to own the account.
func (p *Pool) halted() bool { return p.paused || p.suspension.on }

// cutAt is the instant from which nothing is written any more; never without a drain or a suspension.
func (p *Pool) cutAt() time.Duration { return min(p.drainBy, p.suspension.by) }

// Assume has the pool go on under another config, which says whether it owns the account or relays to
// the host that does. It ends a suspension. Exchanges that wait keep their deadlines and their turns.
// What was learnt of the registry is forgotten, but for how long its answers take, and on whose commands
// ends of sessions were blamed: it was another host's sight, or long ago. Where cfg keeps a ledger, l is
// what was kept last; nil: nothing was. wall is the wall clock at now.
//
// Sessions that are left carry nothing more: those that are idle end at once, the others behind their
// answers. Those at the registry are closed where another host owns the account by now.
func (p *Pool) Assume(cfg Config, l *Ledger, now, wall time.Duration) {
	if p.drained {
		return
	}
	cfg.Grant.check()
	cfg.fit()
	cfg.Rand = p.cfg.Rand
	if cfg.Ledger == LedgerNot {
		l = nil
	}
	before := p.learnt
	p.cfg, p.learnt = cfg, newLearnt(&cfg, now)
	p.paces = before.paces // of the same registry, so that a drain knows when to send no more
	p.suspension = suspension{by: never}
	if !p.draining {
		p.abandoned = 0 // the ledger has told of them
	}
	p.part(now)
	switch {
	case cfg.Relay:
	case l == nil: // what this pool itself knows of the registry is all that is known
		p.ghosts = before.ghosts
	case p.count() == 0: // the ledger has it all
		p.limits.registry, p.logins = nil, ratelimit.NewBucket(loginBudget(cfg.MaxSessions))
	}
	p.logins.SetLimit(now, loginBudget(cfg.MaxSessions))
	p.keeping = keeping{ticket: p.keeping.ticket + 1, settle: never}
	p.limits.lanes = cfg.Relay
	freed := p.unblame()
	p.useRules(now)
	p.adopt(l, now, wall)
	for _, b := range p.keeping.buckets {
		b.Ration()
	}
	for _, x := range freed {
		p.enter(x, now)
	}
	p.Advance(now)
}

// part ends the sessions of the role before.
func (p *Pool) part(now time.Duration) {
	p.apart, p.live, p.opening = 0, 0, 0
	for _, s := range p.sessions {
		s.stale, s.apart = newRole, s.lane || p.cfg.Relay
		switch {
		case s.apart:
			p.apart++
		case s.state == SessionIdle, s.state == SessionBusy:
			p.live++
		case s.state == SessionDialing:
			p.opening++
		}
	}
	p.leave(now)
	for _, s := range p.sessions {
		if p.cfg.Relay && !s.lane && s.state != SessionDialing {
			p.Poison(s, CauseMoved)
		}
	}
}

// unblame forgets on whose commands ends of sessions were blamed. It returns the exchanges that gates
// held, and those that sessions have refused as not logged in, in their order: they are to be lined up.
func (p *Pool) unblame() (freed []*Exchange) {
	for _, w := range []*list{&p.queue.timed1, &p.queue.timed2} {
		for x := w.head; x != nil; x = x.deadlineLinks.next {
			if x.state == exchangeGated || x.state == exchangeQueued && x.row == nil {
				x.list.remove(x)
				x.list, x.gate, x.state, x.lostAt = nil, nil, exchangeFree, 0
				freed = append(freed, x)
			}
			x.standing = p.standing(x)
		}
	}
	slices.SortFunc(freed, func(x, y *Exchange) int { return cmp.Compare(x.seq, y.seq) })
	p.blame = newBlame()
	return freed
}

// standing returns how x stands before anything is blamed: lanes know no difference.
func (p *Pool) standing(x *Exchange) standing {
	if p.cfg.Relay {
		return standingKnown
	}
	return x.Author.standing()
}

// passes reports whether x passes the gates, which lanes do not have.
func (p *Pool) passes(x *Exchange, now time.Duration) bool {
	if p.cfg.Relay {
		x.standing = standingKnown
		return true
	}
	return p.blame.pass(x, now)
}

// ownerless reports whether no host is known to own the account, or the one that is cannot be reached.
func (p *Pool) ownerless() bool {
	return p.suspension.on || p.cfg.Relay && p.live == 0 && p.failures > 0
}
