package pool

import (
	"time"

	"eppmux/frame"
)

// dispatch hands waiting exchanges to idle sessions as the limits admit. An exchange that a limit
// holds back does not stop those behind it to which that limit does not apply.
func (p *Pool) dispatch(now time.Duration) {
	p.shrink(now)
	if !p.paused && now >= p.throttledUntil {
		p.dispatchAgain(now)
	}
	for x := p.limits.admit(now); x != nil; x = p.limits.admit(now) {
		x.state = exchangeQueued
		p.queue.laneFor(p.limits.shared[x.kind], x.Weight).push(x)
	}
	p.wakeForBudgets()
	switch {
	case p.paused:
		p.standDown(now)
		if p.draining { // nothing more will be sent
			p.endQueue(CauseShutdown, now)
		}
	case now < p.throttledUntil:
		p.wakeAt(p.throttledUntil)
	default:
		p.dispatchLanes(now)
	}
	p.wind(now)
	p.size(now)
}

// wakeForBudgets sets wake to when the first of the budgets admits an exchange.
func (p *Pool) wakeForBudgets() {
	if _, key, ok := p.limits.held.First(); ok {
		p.wakeAt(key.At)
	}
}

func (p *Pool) dispatchLanes(now time.Duration) {
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

// choose finds the lane whose head is next among those that the limits admit now, and the idle
// session, by index, that admits it. Nil when there is none; then wake is set to when that may
// change, and over to the rules that hold a head back.
func (p *Pool) choose(over *ruleSet, now time.Duration) (best *lane, session int) {
	*over = 0
	for _, l := range p.queue.lanes {
		if l.heap.Len() == 0 || best != nil && !l.goesBefore(best) {
			continue
		}
		if at := p.limits.registry.next(l.set, now); at > now {
			p.wakeAt(at)
			*over |= p.limits.registry.over(l.set, now)
			continue
		}
		if i := p.admitting(l.set, now); i >= 0 {
			best, session = l, i
		}
	}
	return best, session
}

// goesBefore says which of two heads is next: that of the class that is behind, within a class that
// whose client has been without service longer.
func (l *lane) goesBefore(m *lane) bool {
	if l.class != m.class && l.class.time != m.class.time {
		return l.class.time < m.class.time
	}
	_, k, _ := l.heap.First()
	_, j, _ := m.heap.First()
	return k.less(j)
}

// admitting is the index of the first idle session whose own limits admit a command under the rules
// of set; -1: none.
func (p *Pool) admitting(set ruleSet, now time.Duration) int {
	for i, s := range p.idle {
		at := s.buckets.next(set, now)
		if at <= now {
			return i
		}
		p.wakeAt(at)
	}
	return -1
}

// dispatchAgain hands on what a session refused as not logged in: to one that has shown since then
// that it is. The others may have lost their login too; where they leave no room for a new one, the
// longest idle goes.
func (p *Pool) dispatchAgain(now time.Duration) {
	for x := p.queue.again.head; x != nil; {
		next := x.laneLinks.next
		switch i, at := p.knownFor(x, now); {
		case at > now:
			p.wakeAt(at)
		case i >= 0:
			if x.Budget != nil {
				x.charges.take(x.Budget.buckets, p.limits.client[x.kind], now)
			}
			p.send(p.take(i), x, now)
		case p.crowded() && !p.anyFresh(x.lostAt):
			if at := max(p.nextOpen, p.logins.Next(now)); at > now {
				p.wakeAt(at)
			} else {
				p.Poison(p.idle[0], CauseLoginLost)
			}
		}
		x = next
	}
}

// knownFor finds an idle session for x that is known to be logged in, by index, -1: none; or says
// when the limits admit x.
func (p *Pool) knownFor(x *Exchange, now time.Duration) (int, time.Duration) {
	set := p.limits.shared[x.kind]
	at := p.limits.registry.next(set, now)
	if x.Budget != nil {
		p.limits.current(x.Budget, now)
		at = max(at, x.Budget.buckets.next(p.limits.client[x.kind], now))
	}
	if at > now {
		return -1, at
	}
	for i, s := range p.idle {
		if s.fresh < x.lostAt {
			continue
		}
		at := s.buckets.next(set, now)
		if at <= now {
			return i, now
		}
		p.wakeAt(at)
	}
	return -1, now
}

// anyFresh says whether an idle session has shown since an instant that it is logged in.
func (p *Pool) anyFresh(since time.Duration) bool {
	for _, s := range p.idle {
		if s.fresh >= since {
			return true
		}
	}
	return false
}

// crowded says that there is no room for another session, and that all there are are idle.
func (p *Pool) crowded() bool {
	return len(p.idle) > 0 && len(p.idle) == len(p.sessions) && len(p.sessions) >= p.ceiling
}

// take takes the session out of those that are idle.
func (p *Pool) take(i int) *Session {
	s := p.idle[i]
	p.idle = append(p.idle[:i], p.idle[i+1:]...)
	return s
}

// send hands x to s.
func (p *Pool) send(s *Session, x *Exchange, now time.Duration) {
	p.dequeue(x, now)
	x.state, x.session, x.sentAt = exchangeInFlight, s, now
	x.sentOn = s.ID
	x.tries++
	s.x = x
	p.limits.watch(x, s.buckets, now)
	p.occupy(s, p.limits.shared[x.kind], now)
	if p.cfg.Record != RecordNot && !x.Query {
		p.record(s, x, now)
		return
	}
	p.write(s)
}

// write has the shell write the exchange that s was handed.
func (p *Pool) write(s *Session) {
	s.inFlight = CommandInFlight
	p.do(Action{Do: DoSend, Session: s, Exchange: s.x})
}

// occupy makes s busy with a command to which the rules of set apply.
func (p *Pool) occupy(s *Session, set ruleSet, now time.Duration) {
	p.charge(s, set, now)
	s.state, s.since, s.deadline = SessionBusy, now, now+p.cfg.CommandTimeout
	s.commands++
	p.wakeAt(s.deadline)
}

func (p *Pool) charge(s *Session, set ruleSet, now time.Duration) {
	s.charges.take(p.limits.registry, set, now)
	s.charges.take(s.buckets, set, now)
}

// admits is the instant from which a command of our own may be sent on s.
func (p *Pool) admits(s *Session, c frame.Command, op frame.Op, now time.Duration) (ruleSet, time.Duration) {
	set := p.limits.shared[kindOf(c, op)]
	return set, max(p.limits.registry.next(set, now), s.buckets.next(set, now))
}
