package pool

import "time"

// Drain ends the pool's work: what waits is still sent until by, new exchanges are not; idle
// sessions log out. At by, what waits ends as not sent and what is in flight as unknown. DoDrained
// says that nothing is left.
func (p *Pool) Drain(by, now time.Duration) {
	p.draining, p.drainBy = true, by
	p.wakeAt(by)
	p.dispatch(now)
	p.checkDrained()
}

// endDrain closes what has not ended by the deadline.
func (p *Pool) endDrain(now time.Duration) {
	p.endQueue(CauseShutdown, now)
	for _, s := range p.sessions {
		switch s.state {
		case SessionClosing:
		case SessionDialing:
			s.cause = CauseShutdown
			p.do(Action{Do: DoAbort, Session: s})
		default:
			p.abandoned++
			p.Poison(s, CauseShutdown)
		}
	}
}

// checkDrained says once that nothing is left.
func (p *Pool) checkDrained() {
	if !p.draining || p.drained || p.Queued() > 0 || len(p.sessions) > 0 {
		return
	}
	p.drained = true
	p.do(Action{Do: DoDrained})
}

// wind retires all idle sessions once a drain has nothing left to send.
func (p *Pool) wind(now time.Duration) {
	if !p.draining || p.Queued() > 0 {
		return
	}
	for i := len(p.idle) - 1; i >= 0; i-- {
		p.retire(p.idle[i], CauseShutdown, now)
	}
	p.recall()
}

// recall gives up what is being opened and not logging in yet.
func (p *Pool) recall() {
	for _, s := range p.sessions {
		if s.state == SessionDialing && s.cause == CauseNone {
			s.cause = CauseShutdown // so that it is asked once
			p.do(Action{Do: DoRecall, Session: s})
		}
	}
}
