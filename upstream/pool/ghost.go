package pool

import (
	"slices"
	"time"
)

// A ghost is a session that we have closed and the registry may still count: it had not answered in
// time, so it may be at work on what it was sent, and look at its connection only afterwards. Its
// slot counts as taken for a while. That of any other session does so too, for as long as it is known
// that the registry counts sessions which have ended, see own.

// ghostLife is how long the slot of a ghost counts as taken. Some seconds are as good as can be
// done: how long the registry works, nobody tells. If that is longer, it may answer 2502 to the next
// login.
const ghostLife = 5 * time.Second

// haunt ends s, which had no answer in time, for the given cause, and leaves a ghost.
func (p *Pool) haunt(s *Session, cause Cause) {
	s.ghost = true
	p.Poison(s, cause)
}

// taken returns the number of sessions that the registry may count by now.
func (p *Pool) taken(now time.Duration) int {
	for len(p.ghosts) > 0 && p.ghosts[0] <= now {
		p.ghosts = p.ghosts[1:]
	}
	return p.count() + len(p.ghosts)
}

// linger has the slot of s, which is closed, count as taken for a while. open is the number of sessions
// that were open until then.
func (p *Pool) linger(s *Session, open int, now time.Duration) {
	if !p.telling(s) || s.ofOld() && !s.ghost { // no slot of what is ours now
		return
	}
	p.own.ended(open, now)
	if d := p.lingers(s); d > 0 {
		p.ghosts = append(p.ghosts, now+d)
		slices.Sort(p.ghosts)
	}
}
