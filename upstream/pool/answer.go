package pool

import "time"

// What an answer does to its session and to its exchange.

// Answered says that the response to the command in flight on s has come whole and matched. A
// client's exchange ends as answered by it. The session ends for the given cause, unless that is
// CauseNone. The answer shows that s is logged in; AnsweredUnproven is for one that does not.
func (p *Pool) Answered(s *Session, end Cause, now time.Duration) {
	p.answeredBy(s, end, loginShown, now)
}

// AnsweredUnproven is as Answered, for an answer that a session may get without a login.
func (p *Pool) AnsweredUnproven(s *Session, end Cause, now time.Duration) {
	s.passed = true
	p.answeredBy(s, end, loginUnshown, now)
}

// answeredBy does the work of Answered.
func (p *Pool) answeredBy(s *Session, end Cause, shows loginSign, now time.Duration) {
	switch s.state {
	case SessionDraining: // our logout
		p.Poison(s, s.cause)
		return
	case SessionBusy:
	default:
		panic("BUG: answer on a session that is " + s.state.String())
	}
	was := s.inFlight
	if was != HelloInFlight {
		s.answers++
	}
	if end != CauseNone {
		p.struck(s, end, true, now)
	}
	x := p.release(s, now)
	if x != nil {
		p.took(s, x, now)
		p.deliver(s, x, now)
	} else {
		if s.doubted != nil && shows == loginShown {
			s.honestAt = now
		}
		p.undoubt(s, now)
	}
	if shows == loginShown && was != HelloInFlight { // a hello is answered without a login too
		p.showed(s, was, now)
	}
	s.proven = true
	p.worksSince(s)
	if p.hasty > 0 && now-s.opened >= min(provenAge, hastyLife*p.hastyBackoff()) {
		p.hasty = 0
	}
	p.rested(s, end, now)
}

// took notes when the answer to x has come, and that it was the last on s.
func (p *Pool) took(s *Session, x *Exchange, now time.Duration) {
	p.paceOf(x).answered(now - x.sentAt)
	p.fastest = min(p.fastest, now-x.sentAt)
	s.answeredFor, s.answeredAs, s.answeredSent, s.answeredAt = x.Author, x.standing, x.sentAt, now
	if x.standing == standingSuspect {
		s.rests = now + convalescence
	}
}

// deliver ends x as answered, on s.
func (p *Pool) deliver(s *Session, x *Exchange, now time.Duration) {
	if s.blame == nil {
		p.worked++
		p.blame.proved(&x.Author, now)
	}
	p.answered(x)
	if now >= p.throttledUntil {
		p.throttle = 0
	}
}

// answered ends an exchange as answered.
func (p *Pool) answered(x *Exchange) {
	p.ended(x)
	p.do(Action{Do: DoFinish, Exchange: x, End: EndAnswered})
}

// rested makes s idle after an answer, or ends it for the given cause.
func (p *Pool) rested(s *Session, end Cause, now time.Duration) {
	if end != CauseNone {
		p.Poison(s, end)
		return
	}
	if !s.apart {
		p.live--
	}
	p.rest(s, now)
	p.dispatch(now)
}

// LoginLost stands for Answered where the response says that the session is not logged in. The
// command was not executed, and the session carries nothing more. A client's exchange waits again
// for a session that is known to be logged in; LoginLost reports whether it does. Otherwise the
// exchange ends as answered. It waits once: a second response of this kind may be about the command
// as well, and the shell calls Answered for it, see Exchange.LoginLost.
func (p *Pool) LoginLost(s *Session, now time.Duration) bool {
	if s.x != nil && s.x.LoginLost() {
		panic("BUG: login lost twice by one exchange")
	}
	return p.loseLogin(s, p.release(s, now), now)
}

// loseLogin ends s, which has lost its login, and lets x wait again, which it refused for that; nil:
// it refused none. It reports whether x waits.
func (p *Pool) loseLogin(s *Session, x *Exchange, now time.Duration) bool {
	again := x != nil && !x.orphan && !(p.draining && now >= p.drainBy)
	if x != nil && !again { // before the session closes
		p.answered(x)
	}
	p.Poison(s, CauseLoginLost)
	if !again {
		return false
	}
	x.lostAt, x.rejected = max(now, 1), true
	x.deadline = now + p.cfg.QueueTimeout
	x.tries-- // it was not executed
	p.wait(x, now)
	p.dispatch(now)
	return true
}

// Throttled stands for Answered where the response says that the registry wants fewer commands. The
// command was not executed. No client's command is sent for a while, for twice as long as the last
// time if this one was sent after that. The exchange waits again, within the time that it had. The
// session ends for the given cause, unless that is CauseNone.
func (p *Pool) Throttled(s *Session, end Cause, now time.Duration) {
	if !s.ofOld() && p.telling(s) {
		if p.throttle == 0 || s.since >= p.throttledUntil {
			p.throttle = min(max(throttleMin, 2*p.throttle), throttleMax)
		}
		p.throttledUntil = max(p.throttledUntil, now+max(p.throttle, s.told))
		p.wakeAt(p.throttledUntil)
	}
	x := p.release(s, now)
	p.undoubt(s, now)
	s.answers++
	s.loggedInAt, s.answeredAt, s.told = now, never, 0
	if x != nil {
		x.tries-- // it was not executed
		x.rejected = true
		if x.deadline = x.queuedAt + p.cfg.QueueTimeout; x.orphan || x.deadline <= p.throttledUntil || p.draining {
			p.ended(x)
			p.finish(x, CauseThrottled)
		} else {
			p.wait(x, now)
		}
	}
	p.rested(s, end, now)
}
