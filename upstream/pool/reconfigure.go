package pool

import "time"

// Fresh says whether what makes a login has changed with the config.
type Fresh uint8

const (
	SameLogin Fresh = iota
	// NewLogin: other credentials or certificates. Sessions that are logged in stay; a refusal of
	// the old ones does not hold back an attempt with the new.
	NewLogin
	// NewRegistry: another address or account. Sessions are replaced, one at a time.
	NewRegistry
)

// Reconfigure changes the numbers while the pool works. What waits goes on waiting with the
// deadline that it has, what has been used of a limit still counts, and sessions above a lower
// MaxSessions retire when they are idle.
func (p *Pool) Reconfigure(cfg Config, login Fresh, now time.Duration) {
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
