package upstream

import (
	"time"

	"eppmux/frame"
)

const (
	backoffMin = time.Second // after the first attempt that failed; doubles
	backoffMax = time.Minute

	// refusedBackoff is the time until a login is tried again whose credentials were refused: registries count such
	// attempts and lock accounts.
	refusedBackoff = 15 * time.Minute

	// ceilingBackoff is the time until a session more is tried after 2502 at login: somebody else's session, or one of
	// ours that the registry still counts, must end first.
	ceilingBackoff = 30 * time.Second

	// loginsPerSession and loginsMin bound the attempts to log in within a minute, whatever their cause: registries
	// count and penalise logins, and a session that is lost after each command must not make a storm of them.
	loginsPerSession = 4
	loginsMin        = 10

	// provenAge is the age from which a session that is lost counts as having worked, even if it carried no command.
	provenAge = time.Minute

	// logoutTimeout is how long a logout's answer is waited for.
	logoutTimeout = 5 * time.Second

	// ageJitter is the part of max_age and max_commands by which sessions end earlier, each by its own draw, so that
	// those opened together do not end together.
	ageJitter = 0.1
)

// size opens a session where one is missing: below MinSessions, or when an exchange waits that the limits admit and no
// idle session can take. One at a time, within the ceiling, and not while back-off lasts.
func (p *Pool) size(now time.Duration) {
	if p.opening > 0 || len(p.sessions) >= p.cfg.MaxSessions || !p.wanted(now) {
		return
	}
	if now >= p.raiseAt {
		p.raiseCeiling(now)
	}
	if len(p.sessions) >= p.ceiling {
		if p.ceiling < p.cfg.MaxSessions {
			p.wakeAt(p.raiseAt)
		}
		return
	}
	s := &Session{ID: p.lastID + 1, state: SessionDialing, since: now, deadline: never, buckets: p.limits.buckets(ScopeSession)}
	set, at := p.admits(s, frame.CommandLogin, frame.OpNone, now)
	if at = max(at, p.nextOpen, p.logins.Next(now)); at > now {
		p.wakeAt(at)
		return
	}
	p.lastID++
	p.logins.Take(now)
	p.charge(s, set, now)
	p.sessions = append(p.sessions, s)
	p.opening++
	p.do(Action{Do: DoOpen, Session: s})
}

// wanted says whether one more session would do good.
func (p *Pool) wanted(now time.Duration) bool {
	if p.draining {
		return p.live == 0 && p.Queued() > 0 && now < p.drainBy
	}
	if p.live < p.cfg.MinSessions {
		return true
	}
	for _, l := range p.lanes {
		if l.head == nil {
			continue
		}
		at := next(p.limits.registry, l.set, now)
		if at <= now {
			return true
		}
		p.wakeAt(at)
	}
	return false
}

func (p *Pool) raiseCeiling(now time.Duration) {
	p.ceiling++
	p.raiseAt = never
	if p.ceiling < p.cfg.MaxSessions {
		p.raiseAt = now + p.jittered(ceilingBackoff)
	}
}

// jittered returns a duration from d to 1.5 d.
func (p *Pool) jittered(d time.Duration) time.Duration {
	return d + time.Duration(p.cfg.Rand.Float64()*float64(d)/2)
}

// shortened returns n less a part of at most ageJitter.
func (p *Pool) shortened(n float64) float64 { return n * (1 - ageJitter*p.cfg.Rand.Float64()) }

// Opened says that s has logged in.
func (p *Pool) Opened(s *Session, now time.Duration) {
	p.release(s, now)
	p.logins.Done(now)
	p.opening--
	p.downSince, p.refused = -1, false
	s.opened, s.expires = now, never
	if p.cfg.MaxAge > 0 {
		s.expires = now + time.Duration(p.shortened(float64(p.cfg.MaxAge)))
	}
	if p.cfg.MaxCommands > 0 {
		s.most = max(1, int(p.shortened(0.95*float64(p.cfg.MaxCommands))))
	}
	p.rest(s, now)
	p.dispatch(now)
}

// rest makes a session idle that has nothing in flight, or retires it where it is too old, or there are too many. The
// session is counted as live from here on, unless it is retired.
func (p *Pool) rest(s *Session, now time.Duration) {
	s.state, s.since = SessionIdle, now
	p.live++
	p.idle = append(p.idle, s)
	p.idleDeadline(s)
	if s.most > 0 && s.commands >= p.cfg.MaxCommands {
		p.Poison(s, CauseCount) // no logout has been admitted since most was reached
	} else if s.most > 0 && s.commands >= s.most {
		p.retire(s, CauseCount, now)
	} else if now >= s.expires && p.mayAge(s) {
		p.retire(s, CauseAge, now)
	}
}

// idleDeadline says when an idle session must be looked at.
func (p *Pool) idleDeadline(s *Session) {
	s.deadline = s.expires
	if p.cfg.Keepalive > 0 {
		s.deadline = min(s.deadline, s.since+p.cfg.Keepalive)
	}
	p.wakeAt(s.deadline)
}

// mayAge says whether s may be retired for its age now: one at a time, so that not all sessions go at once.
func (p *Pool) mayAge(s *Session) bool {
	if p.opening > 0 {
		return false
	}
	for _, t := range p.sessions {
		if t != s && (t.state == SessionDraining || t.state == SessionClosing) {
			return false
		}
	}
	return true
}

// due does what an instant demands of a session that has reached its deadline.
func (p *Pool) due(s *Session, now time.Duration) {
	switch s.state {
	case SessionBusy:
		p.Poison(s, CauseCommandTimeout)
	case SessionDraining:
		p.Poison(s, s.cause)
	case SessionIdle:
		p.idleDue(s, now)
	}
}

func (p *Pool) idleDue(s *Session, now time.Duration) {
	switch {
	case p.draining && p.Queued() == 0:
		p.retire(s, CauseShutdown, now)
	case s.most > 0 && s.commands >= s.most:
		p.retire(s, CauseCount, now)
	case now >= s.expires && p.mayAge(s):
		p.retire(s, CauseAge, now)
	case p.cfg.Keepalive == 0 || now < s.since+p.cfg.Keepalive:
		s.deadline = now + time.Second // its age: when the others are done
	case p.live > p.cfg.MinSessions && p.Queued() == 0:
		p.retire(s, CauseIdle, now)
	default:
		p.keepalive(s, now)
	}
}

func (p *Pool) keepalive(s *Session, now time.Duration) {
	op := frame.OpNone
	if p.cfg.KeepaliveCommand == frame.CommandPoll {
		op = frame.OpReq
	}
	set, at := p.admits(s, p.cfg.KeepaliveCommand, op, now)
	if at > now {
		s.deadline = at
		return
	}
	for i, t := range p.idle {
		if t == s {
			p.take(i)
			break
		}
	}
	p.occupy(s, set, now)
	p.do(Action{Do: DoKeepalive, Session: s})
}

// retire logs an idle session out, as soon as the limits that count logouts admit one; until then it stays as it is and
// this is called again.
func (p *Pool) retire(s *Session, cause Cause, now time.Duration) {
	set, at := p.admits(s, frame.CommandLogout, frame.OpNone, now)
	if at > now {
		s.deadline = at
		p.wakeAt(at)
		return
	}
	p.leave(s)
	p.charge(s, set, now)
	s.state, s.since, s.cause = SessionDraining, now, cause
	s.deadline = now + min(logoutTimeout, p.cfg.CommandTimeout)
	p.wakeAt(s.deadline)
	p.do(Action{Do: DoLogout, Session: s})
}

// OpenFailed says that s could not be opened, and why: CauseConnect, CauseGreeting, CauseLoginRefused,
// CauseTooManySessions or CauseRegistryClosed.
func (p *Pool) OpenFailed(s *Session, cause Cause, now time.Duration) {
	p.release(s, now)
	p.logins.Done(now)
	p.opening--
	p.forget(s)
	if p.downSince < 0 && p.live == 0 {
		p.downSince = now
	}
	switch cause {
	case CauseLoginRefused:
		p.failures++
		p.nextOpen = now + p.jittered(refusedBackoff)
		p.refuse(now)
	case CauseTooManySessions:
		p.ceiling = max(1, len(p.sessions))
		p.raiseAt = now + p.jittered(ceilingBackoff)
		p.nextOpen = p.raiseAt
	default:
		p.backOff(now)
	}
	p.dispatch(now)
	p.checkDrained()
}

// refuse ends what waits, when a refused login leaves no session that could carry it.
func (p *Pool) refuse(now time.Duration) {
	p.refused = true
	if p.live > 0 {
		return
	}
	p.endQueue(CauseLoginRefused, now)
}

func (p *Pool) endQueue(cause Cause, now time.Duration) {
	for _, w := range []*list{&p.patient, &p.impatient} {
		for w.head != nil {
			p.notSent(w.head, cause, now)
		}
	}
}

// backOff puts the next attempt off: a second at first, twice as long each time, a minute at most, with jitter.
func (p *Pool) backOff(now time.Duration) {
	d := backoffMin << min(p.failures, 10)
	p.failures++
	p.nextOpen = max(p.nextOpen, now+p.jittered(min(d, backoffMax)*2/3))
}

// lost counts a session that the registry ended young and unproven as an attempt that failed: a registry that takes
// logins and closes must not be met with a storm of them.
func (p *Pool) lost(s *Session, now time.Duration) {
	if !s.proven && now-s.opened < provenAge && !p.draining {
		p.backOff(now)
	}
	if p.live == 0 && p.downSince < 0 && s.cause == CauseRegistryClosed && !s.proven {
		p.downSince = now
	}
}

// Drain ends the pool's work: what waits is still sent until by, new exchanges are not; idle sessions log out. At by,
// what waits ends as not sent and what is in flight as unknown. DoDrained says that nothing is left.
func (p *Pool) Drain(by, now time.Duration) {
	p.draining, p.drainBy = true, by
	p.wakeAt(by)
	p.dispatch(now)
	p.checkDrained()
}

// endDrain closes what has not ended by the deadline.
func (p *Pool) endDrain(now time.Duration) {
	p.endQueue(CauseShutdown, now)
	for _, s := range p.sessions {
		if s.state != SessionDialing {
			p.Poison(s, CauseShutdown)
		}
	}
}

// checkDrained says once that nothing is left.
func (p *Pool) checkDrained() {
	if !p.draining || p.drained || p.Queued() > 0 || len(p.sessions) > 0 {
		return
	}
	p.drained = true
	p.do(Action{Do: DoDrained})
}

// Used is the part of a registry-scope rule that is in use, from 0 to 1; 0 for rules of other scopes.
func (p *Pool) Used(rule int, now time.Duration) float64 {
	b := p.limits.registry[rule]
	if b == nil {
		return 0
	}
	return float64(b.Used(now)) / float64(b.Limit().N)
}
