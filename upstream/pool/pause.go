package pool

import "time"

// Pause stops the work until Resume, as for the registry's maintenance. Commands in flight are
// answered, then the sessions log out. Commands that are submitted wait until their deadline.
func (p *Pool) Pause(now time.Duration) {
	p.paused, p.nextTry, p.downSince = true, 0, -1
	p.recall()
	p.dispatch(now)
	p.checkDone(now)
}

// Resume ends a Pause.
func (p *Pool) Resume(now time.Duration) {
	p.paused, p.downSince = false, -1
	p.dispatch(now)
}

// standDown retires every idle session, for a pause or a suspension.
func (p *Pool) standDown(now time.Duration) {
	cause := CausePaused
	if p.suspension.on {
		cause = p.suspension.cause
	}
	for i := len(p.idle) - 1; i >= 0; i-- {
		p.retire(p.idle[i], cause, now)
	}
}

// Reconnect replaces the sessions by new ones, one at a time, each when it has nothing in flight.
// It forgets failed attempts to log in, so the next attempt is made at once.
func (p *Pool) Reconnect(now time.Duration) {
	p.refused, p.failures, p.hasty, p.nextOpen = false, 0, 0, now
	p.ceiling, p.raiseAt = p.cfg.MaxSessions, never
	p.beside, p.warmAt = backoff{}, now
	for _, s := range p.sessions {
		if s.state == SessionIdle || s.state == SessionBusy {
			s.expires, s.outdated = now, CauseReconnect
		}
		if s.state == SessionIdle {
			s.deadline = now
		}
	}
	p.Advance(now)
}
