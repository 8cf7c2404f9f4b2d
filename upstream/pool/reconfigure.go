package pool

import "time"

// LoginChange is how far a new config changes the login.
type LoginChange uint8

const (
	SameLogin LoginChange = iota
	// NewLogin: other credentials or certificates. Sessions that are logged in stay. The next
	// attempt is made at once, whatever became of the old credentials.
	NewLogin
	// NewRegistry: another address or account. Sessions are replaced, one at a time.
	NewRegistry
)

// Reconfigure changes the numbers while the pool works. Waiting exchanges keep their deadlines,
// used slots of a limit still count, and sessions above a lower MaxSessions retire when they are
// idle. Unlike Grant, it draws the lives of the sessions anew.
func (p *Pool) Reconfigure(cfg Config, login LoginChange, now time.Duration) {
	to := cfg.Grant
	cfg.Rand, cfg.Grant = p.cfg.Rand, p.cfg.Grant
	p.cfg = cfg
	p.grant(to, now)
	if login != SameLogin {
		p.refused, p.failures, p.nextOpen = false, 0, now
	}
	if login == NewRegistry {
		p.ceiling, p.raiseAt = to.MaxSessions, never
		p.throttledUntil, p.throttle = 0, 0
	}
	p.stay()
	for _, s := range p.sessions {
		if s.state == SessionDialing {
			s.stale = max(s.stale, login)
			continue
		}
		p.allot(s)
		if login == NewRegistry {
			s.expires, s.outdated = now, CauseChanged
		}
		if s.state == SessionIdle {
			s.deadline = now // to be looked at
		}
	}
	p.Advance(now)
}
