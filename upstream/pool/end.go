package pool

import (
	"slices"
	"time"
)

// How a session ends, and what becomes of the command that it carried.

// Poison ends s for the given cause: it timed out, broke a frame, sent what nobody asked for, or
// the registry ends it. It carries nothing more, and DoClose follows. The exchange in flight ends
// when the connection is closed.
func (p *Pool) Poison(s *Session, cause Cause) {
	if s.state == SessionDialing {
		panic("BUG: session poisoned while dialing")
	}
	if s.state == SessionClosing {
		return
	}
	p.uncount(s)
	s.state, s.cause, s.deadline = SessionClosing, cause, never
	p.do(Action{Do: DoClose, Session: s})
}

// uncount takes s out of the counts of its state.
func (p *Pool) uncount(s *Session) {
	if s == p.outgoing {
		p.stay()
	}
	if s.state == SessionIdle {
		s.wasIdle = true
		p.idle = slices.DeleteFunc(p.idle, func(t *Session) bool { return t == s })
	}
	switch {
	case s.apart:
	case s.state == SessionIdle, s.state == SessionBusy:
		p.live--
	case s.state == SessionDialing:
		p.opening--
	}
}

// Closed says that the connection of s is closed, by either side. It is called once for each
// session that was Opened.
func (p *Pool) Closed(s *Session, now time.Duration) {
	if s.state != SessionClosing {
		p.uncount(s)
		if s.state != SessionDraining {
			s.cause = CauseRegistryClosed
		}
		s.state = SessionClosing
	}
	open := p.count() - p.opening
	p.forget(s)
	p.linger(s, open, now)
	if d := s.silent(now); d > 0 && p.telling(s) {
		p.endedSilent(d, now)
	}
	p.struck(s, s.cause, false, now)
	if s.recording {
		x := p.unsend(s, now)
		p.lost(s, now)
		p.again(x, now)
	} else {
		x := p.release(s, now)
		p.lost(s, now)
		if x != nil {
			p.broken(x, s, now)
		}
		p.undoubt(s, now)
	}
	p.dispatch(now)
	p.checkDone(now)
}

// forget takes s out of the sessions.
func (p *Pool) forget(s *Session) {
	p.sessions = slices.DeleteFunc(p.sessions, func(t *Session) bool { return t == s })
	if s.apart {
		p.apart--
	}
}

// broken decides about an exchange whose session s was closed before the answer. A query is sent
// once more, on another session, unless it is blamed for more than this one's end. A transform is
// never sent twice: it ends as unknown.
func (p *Pool) broken(x *Exchange, s *Session, now time.Duration) {
	blamed := s.blame != nil && s.blame.Author.Client == x.Author.Client && s.blame.Sessions >= blamedEnds
	if x.Query && !x.orphan && x.tries < 2 && !blamed && s.cause != CauseShutdown && !(p.draining && now >= p.drainBy) {
		p.enqueue(x, now)
		return
	}
	p.ended(x)
	p.finish(x, s.cause)
}
