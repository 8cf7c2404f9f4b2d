package pool

import "time"

// outdate has s, which is live, replaced for the given cause, unless it is to go for another already. It
// is to be looked at when it is idle next.
func (p *Pool) outdate(s *Session, why Cause, now time.Duration) {
	if s.outdated != CauseAge || s.ofOld() {
		return
	}
	s.expires, s.outdated = now, why
}

// worn returns the cause for which s is to be replaced; CauseNone: it is not worn.
func (p *Pool) worn(s *Session, now time.Duration) Cause {
	switch {
	case s.most > 0 && s.commands >= s.most:
		return CauseCount
	case now >= s.expires:
		return s.outdated
	}
	return CauseNone
}

// retireWorn retires s, which is idle and worn for the given cause, if it may go now, and reports
// whether it did. Otherwise it marks s as outgoing, where no other session is, which makes size
// open a session in its place; a later call then retires s.
func (p *Pool) retireWorn(s *Session, why Cause, now time.Duration) bool {
	if p.mayGo(s, why, now) {
		p.retire(s, why, now)
		return true
	}
	if p.outgoing == nil && p.steady(s) {
		p.outgoing = s
	}
	return false
}

// mayGo reports whether s, which is idle and worn, may be retired now. It goes when another has been
// opened in its place. It goes first where there is no room for both, where it can carry nothing more,
// and where the operator wants new sessions. One session is replaced at a time, so that they do not
// all go at once.
func (p *Pool) mayGo(s *Session, why Cause, now time.Duration) bool {
	switch {
	case why == CauseCount && s.commands >= p.cfg.MaxCommands-1: // the last command is the logout
		return true
	case !p.steady(s):
		return false
	case p.draining, why == CauseReconnect, p.cfg.MaxAge > 0 && now-s.opened >= p.cfg.MaxAge:
		return true
	case p.outgoing != nil && p.outgoing != s:
		return false
	}
	return !p.room() || p.spare() || p.replaced()
}

// steady reports whether no session but s is being opened, logged out or closed.
func (p *Pool) steady(s *Session) bool {
	for _, t := range p.sessions {
		if t != s && t.state != SessionIdle && t.state != SessionBusy {
			return false
		}
	}
	return true
}

// room reports whether one more session may be open.
func (p *Pool) room() bool { return p.count() < min(p.ceiling, p.cfg.MaxSessions) }

// spare reports whether the pool does as well with one idle session less.
func (p *Pool) spare() bool {
	return p.live > p.cfg.MinSessions && len(p.idle) > 1 && p.Queued() == 0
}

// replaced reports whether another session has been opened in the place of outgoing.
func (p *Pool) replaced() bool { return p.relieved && p.live > p.cfg.MinSessions }

// relieve retires the outgoing session if it is idle, since another has been opened.
func (p *Pool) relieve(now time.Duration) {
	s := p.outgoing
	if s == nil {
		return
	}
	p.relieved = true
	if s.state == SessionIdle {
		p.retireWorn(s, p.worn(s, now), now)
	}
}

// stay makes no session outgoing.
func (p *Pool) stay() { p.outgoing, p.relieved = nil, false }
