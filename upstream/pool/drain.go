package pool

import "time"

// Drain ends the pool's work by the given instant. Waiting exchanges are still sent while there is
// time for their answers, see lastSend; then they end as not sent. New ones do so at once, and
// sessions without work log out. At the given instant exchanges in flight end as unknown. DoDrained
// follows once no exchange waits and no session is left.
func (p *Pool) Drain(by, now time.Duration) {
	p.draining, p.drainBy = true, by
	p.wakeAt(by)
	p.dispatch(now)
	p.checkDone(now)
}

// lastSend returns the instant from which a drain has nothing more sent: an answer may take as long
// as the longest of late, and a quarter more, and must come before the deadline. What is sent later
// would end as unknown by our own choice, though it can be told as not sent. Never without a drain.
func (p *Pool) lastSend() time.Duration {
	longest := max(p.paces[0].longest(), p.paces[1].longest())
	return p.drainBy - longest - longest/4
}

// endDrain ends the waiting exchanges and closes the sessions that are open at the drain's
// deadline.
func (p *Pool) endDrain(now time.Duration) {
	p.drainOver = true
	p.endQueue(CauseShutdown, now)
	p.closeAll(CauseShutdown)
}

// closeAll closes all sessions, for the given cause, and writes nothing.
func (p *Pool) closeAll(cause Cause) {
	for _, s := range p.sessions {
		switch s.state {
		case SessionClosing:
		case SessionDialing:
			p.abort(s, cause)
		default:
			p.cutOff(s, cause)
		}
	}
}

// cutOff closes s without a logout, for the given cause. The registry may count it on.
func (p *Pool) cutOff(s *Session, cause Cause) {
	if !s.lane {
		p.abandoned++
	}
	p.Poison(s, cause)
}

// endCause is why sessions end behind cutAt.
func (p *Pool) endCause() Cause {
	if p.suspension.on {
		return p.suspension.cause
	}
	return CauseShutdown
}

// checkDone asks for DoSuspended and DoDrained where they are due.
func (p *Pool) checkDone(now time.Duration) {
	p.checkSuspended(now)
	p.checkDrained(now)
}

// checkDrained asks for DoDrained, once, when a drain has nothing left and its end is written down.
func (p *Pool) checkDrained(now time.Duration) {
	if !p.draining || p.drained || p.Queued() > 0 || len(p.sessions) > 0 || !p.closeLedger(now) {
		return
	}
	p.drained = true
	p.do(Action{Do: DoDrained})
}

// wind retires all idle sessions once a drain has nothing left to send, and recalls the sessions
// that are being opened.
func (p *Pool) wind(now time.Duration) {
	if !p.draining || p.Queued() > 0 {
		return
	}
	for i := len(p.idle) - 1; i >= 0; i-- {
		p.retire(p.idle[i], CauseShutdown, now)
	}
	p.recall()
}

// recall asks for the opening of sessions to be given up where no login was sent yet, and of all lanes.
func (p *Pool) recall() {
	for _, s := range p.sessions {
		switch {
		case s.state != SessionDialing || s.cause != CauseNone: // it was asked for
		case s.lane:
			p.abort(s, CauseShutdown)
		default:
			s.cause = CauseShutdown
			p.do(Action{Do: DoRecall, Session: s})
		}
	}
}

// abort asks, once, for the opening of s to be given up at once.
func (p *Pool) abort(s *Session, cause Cause) {
	if !s.aborted {
		s.aborted, s.cause = true, cause
		p.do(Action{Do: DoAbort, Session: s})
	}
}
