package ratelimit

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Never is the instant that Next gives if waiting does not help: every slot is held by a command
// that has no answer yet, so only a Done or an Undo helps.
const Never time.Duration = math.MaxInt64

// Bucket is the state of one Limit. An instant is a duration since some fixed moment, the same for
// all calls, from a monotonic clock. A clock that steps back delays commands and breaks no promise.
// A Bucket has one owner: its methods must not be called concurrently.
//
// It has two parts, and both must admit a command: a log of slots, which keeps the promise, and a
// spacing of the kind known as the generic cell rate algorithm (GCRA), which keeps bursts small.
type Bucket struct {
	limit Limit

	// The log. A command holds a slot from Take until Per after its answer. So the slots in use are
	// one for each command in flight and one for each answer that came less than Per ago. Slots are
	// alike: only their number counts.
	inFlight int
	answered ring          // the answers
	grain    time.Duration // of limit: how long a slice of them is, see Limit.grain

	// Inherited, see Inherit. before are the buckets whose commands in flight count here too, heirs
	// those where commands in flight of this one count.
	before, heirs []*Bucket

	// The spacing. due is the instant at which a stream of evenly spaced commands would send its
	// next one. It is ahead of the clock while commands were sent faster than that.
	due     time.Duration
	spacing time.Duration // of limit
	ahead   time.Duration // how far due may be ahead of the clock

	// For Undo. latest is the instant of the latest Take, older the number of slots in flight
	// that may have been taken before that instant.
	latest time.Duration
	older  int

	ration ration // see Ration
}

// NewBucket returns a bucket with all slots free. It panics if the limit is not valid.
func NewBucket(l Limit) *Bucket {
	b := &Bucket{due: math.MinInt64, latest: math.MinInt64, ration: ration{left: unbound}}
	b.use(l)
	return b
}

// use makes l the rule. It panics if l is not valid.
func (b *Bucket) use(l Limit) {
	if err := l.Validate(); err != nil {
		panic("BUG: ratelimit: " + err.Error())
	}
	b.limit, b.grain, b.spacing, b.ahead = l, l.grain(), l.spacing(), l.tolerance()
}

// Limit is the rule that the bucket now follows.
func (b *Bucket) Limit() Limit { return b.limit }

// Next is the earliest instant at which Take is allowed, if nothing else happens until then. It is
// now if Take is allowed now, and Never if a Done or Undo must come first, or a reservation, see
// Ration. It takes nothing: ask again at that instant.
func (b *Bucket) Next(now time.Duration) time.Duration { return b.NextN(now, 1) }

// NextN is Next for n slots at once, from 1 on. It is Never too where the limit never admits so many, see
// Limit.Most.
func (b *Bucket) NextN(now time.Duration, n int) time.Duration {
	at := b.FreeN(now, n)
	if at == Never || n > b.limit.burst() {
		return Never
	}
	if b.paced() {
		at = max(at, b.due+time.Duration(n-1)*b.spacing-b.ahead)
	}
	if b.ration.left < n && at <= now {
		b.ration.want = max(b.ration.want, n)
		return Never
	}
	return at
}

// Free is the earliest instant at which a slot is free, if nothing else happens until then: now if one
// is, and Never if a Done or Undo must come first. Unlike Next it asks for no reservation.
func (b *Bucket) Free(now time.Duration) time.Duration { return b.FreeN(now, 1) }

// FreeN is Free for n slots.
func (b *Bucket) FreeN(now time.Duration, n int) time.Duration {
	excess := b.Used(now) + n - 1 - b.limit.N
	switch {
	case excess < 0:
		return now
	case excess >= b.answered.len():
		return Never
	}
	return b.answered.at(excess) + b.limit.Per
}

// Frees is the instant at which the next slot in use is free again: a period behind the oldest
// answer; Never if no command was answered within the last period.
func (b *Bucket) Frees(now time.Duration) time.Duration {
	if b.expire(now); b.answered.n == 0 {
		return Never
	}
	return b.answered.at(0) + b.limit.Per
}

// paced reports whether the spacing can ask for a longer wait than the log does: not with a burst
// of N, and not before the first Take.
func (b *Bucket) paced() bool { return b.limit.burst() < b.limit.N && b.due != math.MinInt64 }

// Take uses one slot from now on. It panics unless Next(now) is now.
func (b *Bucket) Take(now time.Duration) { b.TakeN(now, 1) }

// TakeN uses n slots from now on. It panics unless NextN(now, n) is now.
func (b *Bucket) TakeN(now time.Duration, n int) {
	if b.NextN(now, n) > now {
		panic("BUG: ratelimit: Take before Next allows it")
	}
	if now != b.latest {
		b.latest, b.older = now, b.inFlight
	}
	b.inFlight += n
	b.ration.left -= n
	b.ration.since += n
	b.due = max(b.due, now) + time.Duration(n)*b.spacing
}

// Done tells the bucket that a command was answered, or that its session is gone and no answer will
// come. Its slot is free at now+Per. Done must be called once for each Take that was not undone; it
// panics without one.
func (b *Bucket) Done(now time.Duration) { b.DoneN(now, 1) }

// DoneN is Done for n slots.
func (b *Bucket) DoneN(now time.Duration, n int) {
	b.drop("Done", n)
	b.push(now, n)
	for _, h := range b.heirs {
		h.push(now, n)
	}
}

// push adds n answers.
func (b *Bucket) push(at time.Duration, n int) { b.answered.push(at, n, b.grain, b.limit.runs()) }

// Undo tells the bucket that nothing of a command was sent to the registry. Its slot is free at
// once. Its place in the spacing is given back only if the command is sure to be of the latest
// Take: otherwise more than Burst commands could go back to back. Undo panics without a Take.
func (b *Bucket) Undo(now time.Duration) { b.UndoN(now, 1) }

// UndoN is Undo for n slots.
func (b *Bucket) UndoN(now time.Duration, n int) {
	if b.older == 0 && b.inFlight >= n {
		b.due -= time.Duration(n) * b.spacing
	}
	b.drop("Undo", n)
	b.expire(now)
}

// drop takes n slots out of flight. Nobody says which ones, so they count as those of the latest
// Take as long as there are such.
func (b *Bucket) drop(method string, n int) {
	if b.inFlight < n {
		panic("BUG: ratelimit: " + method + " without Take")
	}
	b.inFlight -= n
	b.older = min(b.older, b.inFlight)
}

// Used is the number of slots in use: 0 to N, and above N only after SetLimit has lowered N.
func (b *Bucket) Used(now time.Duration) int {
	b.expire(now)
	used := b.inFlight + b.answered.len()
	for _, p := range b.before {
		used += p.inFlight
	}
	return used
}

// expire forgets the answers that came Per ago or earlier, and the buckets of which nothing is in
// flight any more.
func (b *Bucket) expire(now time.Duration) {
	for b.answered.n > 0 && b.answered.run(0).at+b.limit.Per <= now {
		b.answered.pop()
	}
	if b.before != nil {
		b.before = slices.DeleteFunc(b.before, func(p *Bucket) bool { return p.inFlight == 0 })
		if len(b.before) == 0 {
			b.before = nil
		}
	}
}

// Idle reports whether a new bucket would answer as this one does, so that this one may be
// forgotten.
func (b *Bucket) Idle(now time.Duration) bool {
	return b.Used(now) == 0 && b.due <= now
}

// Inherit makes a bucket count what others have counted: their answers, their commands in
// flight, and their places in the spacing, all together and beside its own. Commands in flight that it has from several
// of them in turn, as where one of them inherited from another, count once. The others are not used
// for further commands; Done and Undo of those in flight are still theirs, and b learns of it.
func (b *Bucket) Inherit(now time.Duration, from ...*Bucket) {
	b.expire(now)
	early, runs := b.early(now), b.answered.appendRuns(nil)
	for _, f := range from {
		f.expire(now)
		early += f.early(now)
		runs = f.answered.appendRuns(runs)
		for _, p := range slices.Concat(f.before, []*Bucket{f}) {
			if p.inFlight > 0 && !slices.Contains(b.before, p) {
				b.before = append(b.before, p)
				p.heirs = append(p.heirs, b)
			}
		}
	}
	slices.SortFunc(runs, func(x, y run) int { return cmp.Compare(x.at, y.at) })
	b.answered = ring{}
	for _, r := range runs {
		b.push(r.at, r.n)
	}
	b.hurry(now, early)
}

// early is how many commands were sent ahead of an even spacing, rounded up.
func (b *Bucket) early(now time.Duration) time.Duration {
	if b.due <= now {
		return 0
	}
	return (b.due - now + b.spacing - 1) / b.spacing
}

// hurry makes so many commands count as sent ahead of an even spacing.
func (b *Bucket) hurry(now, early time.Duration) {
	if early > 0 {
		b.due = now + min(early, time.Duration(b.limit.N))*b.spacing
	}
}

// SetLimit changes the rule. Slots in use stay in use; each is free the new Per after its answer. A
// command that the old limit had forgotten by now is not remembered again: if the new Per is
// longer, the promise holds for commands sent from now on together with those that were still
// remembered. SetLimit panics if the limit is not valid.
func (b *Bucket) SetLimit(now time.Duration, l Limit) {
	b.expire(now)
	early := b.early(now)
	b.use(l)
	b.hurry(now, early)
	// Commands in flight were spaced by the old rule. An Undo of one must not give back the new
	// spacing, which may be longer.
	b.older = b.inFlight
}
