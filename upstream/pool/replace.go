package pool

import "time"

// worn says why s is to be replaced; CauseNone: it is not.
func (p *Pool) worn(s *Session, now time.Duration) Cause {
	switch {
	case s.most > 0 && s.commands >= s.most:
		return CauseCount
	case now >= s.expires:
		return s.outdated
	}
	return CauseNone
}

// letGo says whether s, which is idle and worn, may be logged out now: when another has been opened
// in its place, which this asks for. It goes first where there is no room for both, where it can
// carry nothing more, and where it is to go for another reason than its age or count. One session
// is replaced at a time, so that not all go at once.
func (p *Pool) letGo(s *Session, why Cause, now time.Duration) bool {
	switch {
	case why == CauseCount && s.commands >= p.cfg.MaxCommands-1: // the last is the logout
		return true
	case !p.steady(s):
		return false
	case p.draining, why != CauseAge && why != CauseCount, why == CauseAge && now-s.opened >= p.cfg.MaxAge:
		return true
	case p.outgoing != nil && p.outgoing != s:
		return false
	case !p.room(), p.spare(), p.replaced():
		return true
	}
	p.outgoing = s
	return false
}

// steady says that no session but s comes or goes.
func (p *Pool) steady(s *Session) bool {
	for _, t := range p.sessions {
		if t != s && t.state != SessionIdle && t.state != SessionBusy {
			return false
		}
	}
	return true
}

// room says whether one more session may be open.
func (p *Pool) room() bool { return len(p.sessions) < min(p.ceiling, p.cfg.MaxSessions) }

// spare says whether the pool does as well with one idle session less.
func (p *Pool) spare() bool {
	return p.live > p.cfg.MinSessions && len(p.idle) > 1 && p.Queued() == 0
}

// replaced says whether another session has been opened in the place of outgoing.
func (p *Pool) replaced() bool { return p.relieved && p.live > p.cfg.MinSessions }

// relieve lets the outgoing session go, since another has been opened.
func (p *Pool) relieve(now time.Duration) {
	s := p.outgoing
	if s == nil {
		return
	}
	p.relieved = true
	if s.state == SessionIdle && p.letGo(s, p.worn(s, now), now) {
		p.retire(s, p.worn(s, now), now)
	}
}

// stay takes back that a session is to go.
func (p *Pool) stay() { p.outgoing, p.relieved = nil, false }
