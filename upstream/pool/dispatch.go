package pool

import (
	"time"

	"eppmux/frame"
)

// dispatch hands waiting exchanges to idle sessions as the limits admit. An exchange that a limit
// holds does not stop the exchanges behind it to which that limit does not apply.
//
// Deadlines that have passed come first. When the process was stopped, or the host slept, the first
// thing that the pool hears may be an answer: its session must not carry an exchange for which nobody
// waits any more, nor anything after a drain.
func (p *Pool) dispatch(now time.Duration) {
	p.expire(now)
	p.shrink(now)
	if !p.halted() && now >= p.throttledUntil {
		p.dispatchAgain(now)
	}
	p.letRisky(now)
	for x := p.blame.admit(now); x != nil; x = p.blame.admit(now) {
		p.enter(x, now)
	}
	for x := p.limits.admit(now); x != nil; x = p.limits.admit(now) {
		p.line(x)
	}
	p.wakeForHeld()
	switch {
	case p.halted():
		p.standDown(now)
		if p.draining && p.paused { // nothing more will be sent
			p.endQueue(CauseShutdown, now)
		}
	case now < p.throttledUntil:
		p.wakeAt(p.throttledUntil)
	default:
		p.dispatchRows(now)
	}
	p.wind(now)
	p.size(now)
	if p.cfg.Ledger != LedgerNot {
		p.keep(now)
	}
}

// wakeForHeld sets wake to when the first of the budgets admits an exchange, or the first of the
// gates.
func (p *Pool) wakeForHeld() {
	if _, key, ok := p.limits.held.First(); ok {
		p.wakeAt(key.At)
	}
	if _, key, ok := p.blame.held.First(); ok {
		p.wakeAt(key.At)
	}
}

// dispatchRows sends the heads of rows until no idle session or no admitted head is left.
func (p *Pool) dispatchRows(now time.Duration) {
	var over ruleSet
	for len(p.idle) > 0 {
		l, i := p.choose(&over, now)
		if l == nil {
			break
		}
		x, _, _ := l.heap.First()
		p.queue.sent(x)
		p.send(p.take(i), x, now)
	}
	if over != p.limits.blocking {
		p.limits.hold(over, now)
	}
}

// choose returns the row whose head is to be sent next and the index of the idle session to send
// it on; nil where the limits admit no head now. It sets over to the rules that hold a head, and
// wake to when one of them admits it.
func (p *Pool) choose(over *ruleSet, now time.Duration) (best *row, session int) {
	*over = 0
	counts := p.limits.objects != 0
	if counts {
		p.jam(now)
	}
	for _, l := range p.queue.rows {
		if l.heap.Len() == 0 || best != nil && !l.goesBefore(best) || counts && p.jammed(l) {
			continue
		}
		d := p.needOf(l)
		if at := p.limits.registry.next(l.set, d, now); at > now {
			p.wakeAt(at)
			*over |= p.limits.registry.over(l.set, d, now)
			continue
		}
		if i := p.admitting(l.set, d, now); i >= 0 && p.risks(l.standing, now) {
			best, session = l, i
		}
	}
	return best, session
}

// goesBefore reports whether the head of l is sent before that of m: suspects last, then the class
// with less virtual time first, and within a class the client that has been without service longer.
func (l *row) goesBefore(m *row) bool {
	if l, m := l.standing == standingSuspect, m.standing == standingSuspect; l != m {
		return m
	}
	if l.class != m.class && l.class.time != m.class.time {
		return l.class.time < m.class.time
	}
	_, k, _ := l.heap.First()
	_, j, _ := m.heap.First()
	return k.less(j)
}

// admitting returns the index of the first idle session whose own limits admit a command that set's
// rules count, with its need; -1 where there is none. Then it sets wake to when one of them does.
func (p *Pool) admitting(set ruleSet, d need, now time.Duration) int {
	for i, s := range p.idle {
		at := max(s.rests, s.buckets.next(set, d, now))
		if at <= now {
			return i
		}
		p.wakeAt(at)
	}
	return -1
}

// dispatchAgain sends the exchanges that a session refused as not logged in, each on a session that
// has shown since then that it is logged in. The other sessions may have lost their login too.
// Where they take up all the room, it closes the one that has been idle longest, so that a new one
// can be opened.
func (p *Pool) dispatchAgain(now time.Duration) {
	for x := p.queue.again.head; x != nil; {
		next := x.rowLinks.next
		switch i, at := p.knownFor(x, now); {
		case at > now:
			p.wakeAt(at)
		case i >= 0:
			if x.Budget != nil {
				x.charges.take(x.Budget.buckets, p.limits.client[x.kind], p.limits.need(x), now)
			}
			p.send(p.take(i), x, now)
		case p.crowded(now) && !p.loggedInSince(x.lostAt):
			if at := max(p.openAt(), p.nextLogin(now)); at > now {
				p.wakeAt(at)
			} else {
				p.Poison(p.idle[0], CauseLoginLost)
			}
		}
		x = next
	}
}

// knownFor returns the index of an idle session on which x may be sent again, since it is known to
// be logged in; -1 where there is none. The instant is when x's limits admit it: now where they do.
func (p *Pool) knownFor(x *Exchange, now time.Duration) (int, time.Duration) {
	set, d := p.limits.shared[x.kind], p.limits.need(x)
	at := p.limits.registry.next(set, d, now)
	if x.Budget != nil {
		p.limits.current(x.Budget, now)
		at = max(at, x.Budget.buckets.next(p.limits.client[x.kind], d, now))
	}
	if at > now {
		return -1, at
	}
	for i, s := range p.idle {
		if s.loggedInAt < x.lostAt {
			continue
		}
		at := max(s.rests, s.buckets.next(set, d, now))
		if at <= now {
			return i, now
		}
		p.wakeAt(at)
	}
	return -1, now
}

// loggedInSince reports whether an idle session has shown since the given instant that it is logged
// in.
func (p *Pool) loggedInSince(since time.Duration) bool {
	for _, s := range p.idle {
		if s.loggedInAt >= since {
			return true
		}
	}
	return false
}

// crowded reports whether there is no room for another session and every session is idle.
func (p *Pool) crowded(now time.Duration) bool {
	full := p.taken(now) >= p.ceiling || p.own.refusals > 1
	return len(p.idle) > 0 && len(p.idle) == p.count() && full
}

// take removes the session at index i from the idle ones and returns it.
func (p *Pool) take(i int) *Session {
	s := p.idle[i]
	p.idle = append(p.idle[:i], p.idle[i+1:]...)
	return s
}

// send hands x to s.
func (p *Pool) send(s *Session, x *Exchange, now time.Duration) {
	p.dequeue(x, now)
	p.blame.leaves(&p.blame.risky[standingSuspect], x)
	x.state, x.session, x.sentAt = exchangeInFlight, s, now
	x.sentOn = s.ID
	x.tries++
	s.x = x
	p.limits.watch(x, s.buckets, now)
	p.occupy(s, p.limits.shared[x.kind], p.limits.need(x), now)
	if p.cfg.Record != RecordNot && !x.Query {
		p.record(s, x, now)
		return
	}
	p.write(s)
}

// write asks for the exchange of s to be written.
func (p *Pool) write(s *Session) {
	s.inFlight = CommandInFlight
	p.do(Action{Do: DoSend, Session: s, Exchange: s.x})
}

// occupy makes s busy with a command that the rules of set count.
func (p *Pool) occupy(s *Session, set ruleSet, d need, now time.Duration) {
	p.charge(s, set, d, now)
	s.state, s.since, s.deadline = SessionBusy, now, now+p.cfg.CommandTimeout
	s.commands++
	p.wakeAt(s.deadline)
}

// charge takes what a command on s needs of each registry- and session-scope rule of set.
func (p *Pool) charge(s *Session, set ruleSet, d need, now time.Duration) {
	s.charges.take(p.limits.registry, set, d, now)
	s.charges.take(s.buckets, set, d, now)
}

// admits returns the rules that count a command of our own, and the instant from which they admit
// it on s.
func (p *Pool) admits(s *Session, c frame.Command, op frame.Op, now time.Duration) (ruleSet, time.Duration) {
	set := p.limits.shared[kindOf(c, op)]
	return set, max(p.limits.registry.next(set, need{}, now), s.buckets.next(set, need{}, now))
}
