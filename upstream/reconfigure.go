package upstream

import (
	"slices"
	"time"
)

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
func (p *Pool) Reconfigure(cfg PoolConfig, login Fresh, now time.Duration) {
	cfg.check()
	cfg.Rand = p.cfg.Rand
	if p.ceiling >= p.cfg.MaxSessions || p.ceiling > cfg.MaxSessions {
		p.ceiling, p.raiseAt = cfg.MaxSessions, never
	}
	p.cfg = cfg
	p.logins.SetLimit(now, loginBudget(cfg.MaxSessions))
	p.limits.hold(0, now)
	p.limits.use(cfg.Rules, now)
	p.requeue(now)
	if login != SameLogin {
		p.refused, p.failures, p.nextOpen = false, 0, now
	}
	if login == NewRegistry {
		p.ceiling, p.raiseAt = cfg.MaxSessions, never
		p.pausedUntil, p.pause = 0, 0
	}
	p.stay()
	for _, s := range p.sessions {
		old := s.buckets
		s.buckets = p.limits.buckets(ScopeSession)
		carry(s.buckets, cfg.Rules, old, s.rules, now)
		s.rules = cfg.Rules
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

// requeue puts what waits into the lanes of the new rules, in its order.
func (p *Pool) requeue(now time.Duration) {
	var waiting []*Exchange
	for _, l := range p.queue.lanes {
		waiting = append(waiting, l.heap...)
	}
	p.queue.lanes = p.queue.lanes[:0]
	for _, x := range waiting {
		p.queue.lane(p.limits.shared[x.kind], x.weight).push(x)
	}
	for _, b := range slices.Clone(p.limits.held) {
		p.limits.rewake(b, now)
	}
}
