package pool

import "time"

// Many a registry, or a firewall, ends sessions that were silent for a while. That is no failure: the
// next login works. A command that waits has a session opened at once. Where none waits, sessions are
// opened for stock no more often than once in warmEvery, since they may end the same way.

const (
	// silentLeast is the least time without a command after which an end is taken for one by silence.
	// A registry that closes sooner does not want the session.
	silentLeast = 2 * time.Second
	// warmEvery bounds the logins for stock: four a minute, a fifth of the least budget.
	warmEvery = 15 * time.Second
	// silentEnds is the number of ends in a row, behind equal silence, that show a limit, and
	// silentMemory is how long behind the last of them it is told, and three times the limit more.
	silentEnds   = 5
	silentMemory = 10 * time.Minute
)

// silence is the time without a command after which sessions end.
type silence struct {
	ends  int           // in a row, behind about the same silence
	limit time.Duration // the shortest of those
	last  time.Duration // when the last of them was
}

// silent returns how long s, which the registry has ended, was idle before that; 0 if it was not, or
// not for so long that it may have ended for that.
func (s *Session) silent(now time.Duration) time.Duration {
	if d := now - s.since; s.wasIdle && s.cause == CauseRegistryClosed && d >= silentLeast {
		return d
	}
	return 0
}

// endedSilent notes that a session has ended which was idle for d. Of sessions that end together only
// the first counts: a registry that is restarted ends all of them.
func (p *Pool) endedSilent(d, now time.Duration) {
	p.warmAt = p.triedAt + warmEvery
	q := &p.silence
	if q.ends > 0 && now-q.last < d/2 {
		return
	}
	q.last = now
	if q.ends > 0 && (d-q.limit).Abs() <= q.limit/10+time.Second/2 {
		q.ends, q.limit = q.ends+1, min(q.limit, d)
	} else {
		q.ends, q.limit = 1, d
	}
}

// IdleLimit returns the silence after which sessions end, as measured: five in a row did, behind about
// the same time. 0: none is known.
func (p *Pool) IdleLimit(now time.Duration) time.Duration {
	if q := &p.silence; q.ends >= silentEnds && now-q.last < silentMemory+3*q.limit {
		return q.limit
	}
	return 0
}

// onDemand reports whether no session is open since the last one ended behind silence, nothing has
// failed since, and a command that comes has one opened at once.
func (p *Pool) onDemand(now time.Duration) bool {
	return p.live == 0 && now < p.warmAt && p.failures == 0 && !p.halted() && !p.draining &&
		now >= max(p.openAt(), p.throttledUntil) &&
		(p.opening > 0 || p.taken(now) < p.ceiling && p.nextLogin(now) <= now)
}

// warm reports whether a session below MinSessions is opened now.
func (p *Pool) warm(now time.Duration) bool {
	if now >= p.warmAt || p.Queued() > 0 {
		return true
	}
	p.nextTry = p.warmAt
	p.wakeAt(p.warmAt)
	return false
}
