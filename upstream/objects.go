package upstream

import (
	"math"
	"sync/atomic"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Limits that count the objects of checks.

// objectLimits are what an account's rules say of the objects of checks. From any goroutine.
type objectLimits struct {
	// n is 0 where no rule counts them; otherwise how many one check may have, and one more: 1, where only
	// shadows count them, is no bound.
	n atomic.Int64
}

func (l *objectLimits) counts() bool { return l.n.Load() > 0 }

// use takes over what rules say, and reports whether they count objects and those of before did not.
func (l *objectLimits) use(rules []pool.Rule) bool {
	counts, most := false, 0
	for i := range rules {
		r := &rules[i]
		if r.Unit != pool.UnitObjects || !r.Commands.Has(frame.CommandCheck, frame.OpNone) {
			continue
		}
		counts = true
		if n := r.Limit.Most(); !r.Shadow && (most == 0 || n < most) {
			most = n
		}
	}
	now := int64(0)
	if counts {
		now = int64(most) + 1
	}
	return l.n.Swap(now) == 0 && counts
}

// CountsObjects reports whether a limit counts the objects of checks, not the checks: then a check is not
// filled late, see Call. most is how many objects one check may have, to be ever sent; 0: no limit says so.
// From any goroutine.
func (a *Account) CountsObjects() (most int, counts bool) {
	n := a.objects.n.Load()
	return int(max(0, n-1)), n > 0
}

// noteObjects notes what the config's rules say, before the pool has them. What waits was not counted where
// no rule did so far.
func (a *Account) noteObjects() {
	if !a.objects.use(a.cfg.Pool.Rules) || a.pool == nil {
		return
	}
	count := func(x *pool.Exchange) {
		if x == nil || x.Command != frame.CommandCheck {
			return
		}
		if m, err := a.calls.reader.Scan(of(x).unit()[frame.HeaderLen:]); err == nil {
			a.countObjects(of(x), m)
		}
	}
	a.pool.Waiting(count)
	a.pool.Sessions(func(s *pool.Session) { count(s.Exchange()) })
}

// countObjects counts the objects of x, whose message is m, where a limit does.
func (a *Account) countObjects(x *Exchange, m *frame.Message) {
	if m.Command == frame.CommandCheck && a.objects.counts() {
		x.Objects = int32(min(m.Objects(), math.MaxInt32))
	}
}
