package pool

import "time"

// How many sessions the registry grants, by its answers 2502 to logins. Such an answer means that
// somebody else has a session, or that the registry still counts one of ours that has ended: many
// look at the end of a connection only later. The second is likely where a session of ours ended a
// moment ago, and at the first login, since the process before may have been killed. Then the login
// is tried again a few times, soon, before it is taken for the first.

const (
	// ceilingBackoff is the least time until one session more is tried after 2502 at login, see
	// jittered. A session must end first: somebody else's, or one of ours that the registry still
	// counts.
	ceilingBackoff = 30 * time.Second

	// besideFull is the number of logins in a row, beside other sessions, in place of whose answer the
	// registry closes or fails, from which that is taken for the most that it grants.
	besideFull = 2

	// ownWindow is how long behind the end of a session of ours 2502 may be due to that.
	ownWindow = 10 * time.Second

	// lagMin is how long the slot of a session counts as taken that we have logged out: the end of its
	// connection is still to reach the registry. lagMax bounds what is learned of it.
	lagMin = 100 * time.Millisecond
	lagMax = 16 * time.Second
)

// ownWaits are the waits, with jitter, behind each 2502 that is likely due to a session of our own.
var ownWaits = [...]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// own is what the pool knows of its own sessions that have ended, and how late the registry takes
// note of it.
type own struct {
	// held is the number of sessions that were open when the last ended, with those that ended shortly
	// before; 0: it is long ago.
	held     int
	endedAt  time.Duration // when the last ended; never: none did, another process may have had some
	refusals int           // 2502 since, that are taken for theirs
	lag      time.Duration // how long the registry counts a session that has ended, as learned; 0: not at all
}

// firstLogin is own before the first login, with which a process, or an account, begins.
func firstLogin() own { return own{held: 1, endedAt: never} }

// ended says that a session has ended, of the given number that were open.
func (o *own) ended(open int, now time.Duration) {
	if o.refusals == 0 && (o.endedAt == never || now-o.endedAt > ownWindow) {
		o.held = 0
	}
	o.held, o.endedAt = max(o.held, open), now
}

// counted reports whether 2502 to a login sent at an instant, beside so many live sessions, is likely
// due to a session of our own.
func (o *own) counted(live int, at time.Duration) bool {
	return live < o.held && o.refusals < len(ownWaits) &&
		(o.refusals > 0 || o.endedAt == never || at-o.endedAt <= ownWindow)
}

// refused notes such a 2502, and returns how long to wait.
func (o *own) refused() time.Duration {
	o.refusals++
	return ownWaits[o.refusals-1]
}

// opened says that the login begun at an instant was granted. The shortest wait that worked is kept,
// and tried a little shorter each time: it may have been somebody else's session.
func (o *own) opened(at time.Duration) {
	switch since := at - o.endedAt; {
	case o.endedAt == never:
		o.held = 0
	case since < 0: // one has ended meanwhile: how late that is noted, this login does not show
	case o.refusals > 0:
		o.lag = min(since, lagMax)
	case since <= ownWindow+o.lag:
		o.lag -= o.lag / 8
	}
	o.refusals = 0
}

// lingers returns for how long the slot of s, which is closed, counts as taken.
func (p *Pool) lingers(s *Session) time.Duration {
	switch {
	case s.ghost:
		return max(ghostLife, p.own.lag)
	case s.cause.ours():
		return max(lagMin, p.own.lag)
	}
	return p.own.lag
}

// OwnCounted reports whether the registry grants no session, most likely since it still counts one of
// ours that has ended.
func (p *Pool) OwnCounted() bool { return p.own.refusals > 0 }

// Allowed returns the number of sessions that may be open now, see Snapshot.Max.
func (p *Pool) Allowed() int { return p.ceiling }

// lowerCeiling takes the sessions that there are for all that the registry grants.
func (p *Pool) lowerCeiling(now time.Duration) {
	p.own.held, p.own.refusals = 0, 0
	p.ceiling = max(1, p.count())
	p.raiseAt = now + p.jittered(ceilingBackoff)
	p.keepSoon()
}

// raiseCeiling lets one session more be tried.
func (p *Pool) raiseCeiling(now time.Duration) {
	p.ceiling = min(p.ceiling+1, p.cfg.MaxSessions)
	p.raiseAt = never
	if p.ceiling < p.cfg.MaxSessions {
		p.raiseAt = now + p.jittered(ceilingBackoff)
	}
}
