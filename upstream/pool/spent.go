package pool

import (
	"math/bits"
	"time"

	"eppmux/frame"
)

// A limit may count logins as well: one without names of commands does. When it is used up no session
// can be opened until its window moves, which may take hours.

// Spent is a limit of registry scope for which no session can be opened.
type Spent struct {
	Rule string        // its name, as in Rules of the Snapshot; empty: there is none
	For  time.Duration // until it admits a login
}

// spentFrom is the least such time that is worth a word. Limits of a second are used up all the time.
const spentFrom = 5 * time.Second

// Spent returns the limit that holds back the login for which clients wait, and is used up for longest.
func (p *Pool) Spent(now time.Duration) (s Spent) {
	if p.live > 0 || p.opening > 0 || p.halted() || p.draining {
		return s
	}
	for set := p.limits.shared[kindOf(frame.CommandLogin, frame.OpNone)]; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(uint64(set))
		b := p.limits.registry[i]
		if b == nil {
			continue
		}
		if at := b.Free(now); at != never && at-now >= max(spentFrom, s.For+1) {
			s = Spent{Rule: p.limits.rules[i].name(i), For: at - now}
		}
	}
	return s
}
