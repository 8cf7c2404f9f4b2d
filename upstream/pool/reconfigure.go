package pool

import (
	"time"

	"eppmux/frame"
)

// LoginChange is how far a new config changes the login.
type LoginChange uint8

const (
	SameLogin LoginChange = iota
	// NewLogin: other credentials or certificates. Sessions that are logged in stay. The next
	// attempt is made at once, whatever became of the old credentials.
	NewLogin
	// NewRegistry: another address or account. Nothing but a logout is sent on a session of the old
	// one any more, see leave.
	NewRegistry
	// newRole: the account has another owner, see Assume. Nothing is sent on a session of before.
	newRole
)

// Reconfigure changes the numbers while the pool works. Waiting exchanges keep their deadlines,
// used slots of a limit still count, and sessions above a lower MaxSessions retire when they are
// idle. Unlike Grant, it draws the lives of the sessions anew.
func (p *Pool) Reconfigure(cfg Config, login LoginChange, now time.Duration) {
	if cfg.Relay != p.cfg.Relay {
		panic("BUG: a reload changes the role")
	}
	cfg.fit()
	to := cfg.Grant
	cfg.Rand, cfg.Grant = p.cfg.Rand, p.cfg.Grant
	rations := cfg.Ledger != p.cfg.Ledger
	p.cfg = cfg
	if p.grant(to, now); rations {
		p.ration()
	}
	if login != SameLogin {
		p.keepSoon()
		p.refused, p.failures, p.nextOpen = false, 0, now
		p.beside, p.offers = backoff{}, offers{}
	}
	if login == NewRegistry {
		p.ceiling, p.raiseAt = to.MaxSessions, never
		p.throttledUntil, p.throttle = 0, 0
		p.own = firstLogin()
		p.hasty, p.downSince = 0, -1
	}
	p.silence, p.warmAt = silence{}, now
	p.stay()
	p.forgetPolls()
	for _, s := range p.sessions {
		if s.stale = max(s.stale, login); s.state == SessionDialing {
			continue
		}
		p.allot(s)
		if s.state == SessionIdle {
			s.deadline = now // to be looked at
		}
	}
	if login == NewRegistry {
		p.leave(now)
	}
	p.Advance(now)
}

// leave ends the sessions of a registry, or account, that is ours no more. Idle ones log out at
// once, and the opening of others is given up. Those that are busy depart behind their answer, see
// rest. So a client's next command never goes to the old one behind a command of it at the new one.
func (p *Pool) leave(now time.Duration) {
	for i := len(p.idle) - 1; i >= 0; i-- {
		s := p.idle[i]
		p.uncount(s)
		p.depart(s, now)
	}
	for _, s := range p.sessions {
		if s.state == SessionDialing {
			p.abort(s, s.leavesFor())
		}
	}
}

// depart logs out s, a session of the registry that was left, which has nothing in flight and is in
// no count. While the limits do not admit a logout, s waits for that, but for nothing else and no
// longer than for a logout's answer; then it is closed without.
func (p *Pool) depart(s *Session, now time.Duration) {
	why := s.leavesFor()
	if s.state != SessionDraining {
		s.state, s.since, s.cause = SessionDraining, now, why
	}
	set, at := p.admits(s, frame.CommandLogout, frame.OpNone, now)
	switch end := s.since + logoutTimeout; {
	case s.lane, p.cfg.Relay, now >= p.cutAt():
		p.cutOff(s, why)
	case at <= now:
		p.logOut(s, set, now)
	case now >= end:
		p.Poison(s, why)
	default:
		s.deadline = min(at, now+recheck, end)
		p.wakeAt(s.deadline)
	}
}

// ofOld reports whether s is a session of a registry, or account, that a reload has left, or of a role
// that the pool had.
func (s *Session) ofOld() bool { return s.stale >= NewRegistry }

// leavesFor is why s ends, if it is ofOld.
func (s *Session) leavesFor() Cause {
	if s.stale == newRole {
		return CauseMoved
	}
	return CauseChanged
}
