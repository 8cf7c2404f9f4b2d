package pool

import "time"

// How long the next attempt to open a session is put off behind failures. Those that failed while
// other sessions were live are counted apart: that the others work says nothing of them, and when the
// others have gone, they say nothing of the next attempt.

const (
	backoffMin = time.Second // after the first attempt that failed; doubles
	backoffMax = time.Minute

	// refusedBackoff is the least time until the next attempt after the credentials were refused,
	// see jittered: registries count such attempts and lock accounts.
	refusedBackoff = 15 * time.Minute

	// provenAge is the age from which a lost session counts as one that worked, even if it carried
	// no command.
	provenAge = time.Minute

	// hastyLife is a multiple of hastyBackoff. A session that has lived hastyLife times
	// hastyBackoff, or provenAge, ends that back-off with its next answer: it shows that the
	// registry does not end every session.
	hastyLife = 4

	// worksBetween is the number of answers between two ends of young sessions by an answer from which
	// the registry does not end every session.
	worksBetween = 2
)

// backoff counts attempts that failed while other sessions were live.
type backoff struct {
	failures int           // in a row
	last     time.Duration // when the last one failed
	until    time.Duration // no attempt before, while others are live
}

// openAt returns the earliest instant of the next attempt, by back-off.
func (p *Pool) openAt() time.Duration {
	if p.live > 0 {
		return max(p.nextOpen, p.beside.until)
	}
	return p.nextOpen
}

// backOff delays the next attempt: by a second at first, twice as long each time, a minute at most,
// with jitter.
func (p *Pool) backOff(now time.Duration) {
	failures, until := &p.failures, &p.nextOpen
	if p.live > 0 {
		failures, until = &p.beside.failures, &p.beside.until
		p.beside.last = now
	}
	d := backoffMin << min(*failures, 10)
	*failures++
	*until = max(*until, now+p.jittered(min(d, backoffMax)*2/3))
}

// worksSince says that s works: it has answered a command, or is old. Failures before it was opened
// are forgotten; of those beside others only where it was opened beside others.
func (p *Pool) worksSince(s *Session) {
	p.failures = 0
	if s.beside && s.opened >= p.beside.last {
		p.beside = backoff{}
	}
}

// OpenFailed says that s could not be opened, and why: for CauseShutdown if its opening was given
// up before its login was sent.
func (p *Pool) OpenFailed(s *Session, cause Cause, now time.Duration) {
	p.release(s, now)
	if !s.apart {
		p.opening--
	}
	p.forget(s)
	if cause != CauseShutdown && now >= p.cutAt() && !s.lane {
		p.abandoned++ // the registry may have taken its login
	}
	if s.stale != SameLogin {
		cause = CauseShutdown // of what is tried now, it says nothing
	}
	if s.lane {
		if cause != CauseShutdown {
			p.laneFailed(now)
		}
		p.dispatch(now)
		p.checkDone(now)
		return
	}
	own := cause == CauseTooManySessions && p.own.counted(p.live, p.triedAt)
	if p.downSince < 0 && p.live == 0 && cause != CauseShutdown && !own {
		p.downSince = now
	}
	switch {
	case cause == CauseShutdown:
	case own:
		p.nextOpen = max(p.nextOpen, now+p.jittered(p.own.refused()))
	default:
		p.failed(s, cause, now)
	}
	p.endRefused(now)
	p.dispatch(now)
	p.checkDone(now)
}

// failed puts off the next attempt, behind one that failed for the given cause.
func (p *Pool) failed(s *Session, cause Cause, now time.Duration) {
	switch cause {
	case CauseLoginRefused:
		p.failures++
		p.nextOpen = now + p.jittered(refusedBackoff)
		p.refused = true
		p.keepSoon()
	case CauseTooManySessions:
		p.lowerCeiling(now)
		if p.count() == 0 { // somebody else has them all
			p.nextOpen = p.raiseAt
		}
	case CauseThrottled:
		p.nextOpen = max(p.nextOpen, now+s.told)
	case CauseRegistryClosed:
		if p.backOff(now); p.live > 0 && p.beside.failures >= besideFull {
			p.lowerCeiling(now)
		}
	default:
		p.backOff(now)
	}
}

// lost counts a session that the registry ended young and unproven as a failed attempt: a registry
// that accepts logins and then closes must not get a storm of them.
func (p *Pool) lost(s *Session, now time.Duration) {
	switch {
	case s.lane:
		p.laneLost(s, now)
	case p.draining, s.ofOld(), s.cause.ours():
	case s.blame != nil && !s.blame.general: // one client's trouble
	case s.silent(now) > 0: // it was idle for longer than the registry, or a firewall, likes
	case s.cause == CauseCodeCloses && now-s.opened < provenAge:
		// It worked, and the registry ended it by an answer all the same: it is restarting, or
		// punishes us. Or several clients ruin sessions, while it answers others.
		others := p.worked >= worksBetween
		if p.worked = 0; others {
			break
		}
		p.hasty++
		p.nextOpen = max(p.nextOpen, now+p.jittered(p.hastyBackoff()*2/3))
	case s.proven:
	case now-s.opened >= provenAge:
		p.worksSince(s)
	default:
		p.backOff(now)
		if p.live == 0 && p.downSince < 0 {
			p.downSince = now
		}
	}
	p.endRefused(now)
}

// hastyBackoff returns how long no session is opened after one that the registry ended young by an
// answer.
func (p *Pool) hastyBackoff() time.Duration { return min(backoffMin<<min(p.hasty-1, 10), backoffMax) }
