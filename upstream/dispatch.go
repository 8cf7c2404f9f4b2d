package upstream

import (
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// dispatch hands waiting exchanges to idle sessions as the limits admit, in order of arrival: since a client has one
// exchange at a time, that is fair by client. An exchange that a limit holds back does not stop those behind it to which
// that limit does not apply.
func (p *Pool) dispatch(now time.Duration) {
	for x := p.limits.admit(now); x != nil; x = p.limits.admit(now) {
		x.state = exchangeQueued
		p.laneOf[x.kind].pushBack(x)
	}
	if len(p.limits.held) > 0 {
		p.wakeAt(p.limits.held[0].wakeAt)
	}
	for len(p.idle) > 0 {
		l, i := p.choose(now)
		if l == nil {
			break
		}
		p.send(p.take(i), l.head, now)
	}
	if p.draining && p.Queued() == 0 {
		for i := len(p.idle) - 1; i >= 0; i-- {
			p.retire(p.idle[i], CauseShutdown, now)
		}
	}
	p.size(now)
}

// choose finds the lane whose head has waited longest among those that the limits admit now, and the idle session, by
// index, that admits it. Nil when there is none; then wake is set to when that may change.
func (p *Pool) choose(now time.Duration) (best *poolLane, session int) {
	for _, l := range p.lanes {
		if l.head == nil || best != nil && best.head.seq < l.head.seq {
			continue
		}
		if at := next(p.limits.registry, l.set, now); at > now {
			p.wakeAt(at)
			continue
		}
		if i := p.admitting(l.set, now); i >= 0 {
			best, session = l, i
		}
	}
	return best, session
}

// admitting is the index of the first idle session whose own limits admit a command under the rules of set; -1: none.
func (p *Pool) admitting(set ruleSet, now time.Duration) int {
	for i, s := range p.idle {
		at := next(s.buckets, set, now)
		if at <= now {
			return i
		}
		p.wakeAt(at)
	}
	return -1
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
	x.tries++
	s.x = x
	p.occupy(s, p.laneOf[x.kind].set, now)
	p.do(Action{Do: DoSend, Session: s, Exchange: x})
}

// occupy makes s busy with a command to which the rules of set apply.
func (p *Pool) occupy(s *Session, set ruleSet, now time.Duration) {
	p.charge(s, set, now)
	s.state, s.since, s.deadline = SessionBusy, now, now+p.cfg.CommandTimeout
	s.commands++
	p.wakeAt(s.deadline)
}

func (p *Pool) charge(s *Session, set ruleSet, now time.Duration) {
	each(p.limits.registry, set, (*ratelimit.Bucket).Take, now)
	each(s.buckets, set, (*ratelimit.Bucket).Take, now)
	s.set = set
}

// admits is the instant from which a command of our own may be sent on s.
func (p *Pool) admits(s *Session, c frame.Command, op frame.Op, now time.Duration) (ruleSet, time.Duration) {
	set := p.limits.shared[kindOf(c, op)]
	return set, max(next(p.limits.registry, set, now), next(s.buckets, set, now))
}
