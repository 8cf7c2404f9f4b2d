package ratelimit

import (
	"math"
	"time"
)

// Never is the instant that does not come by waiting: every slot is held by a command that has no
// answer yet.
const Never time.Duration = math.MaxInt64

// Bucket is the state of one Limit. Instants are durations since any fixed moment, from a monotonic
// clock; an instant before an earlier one does no harm but delay. A Bucket has one owner: its
// methods must not be called concurrently.
//
// It is made of two parts that must both admit a command: a log of slots, which carries the
// promise, and a spacing of the kind known as the generic cell rate algorithm (GCRA), which keeps
// bursts small.
type Bucket struct {
	limit Limit

	// The log. A command holds a slot from Take until Per after its answer, so the slots in use are
	// those in flight and those whose answer came less than Per ago. Slots are alike: only their
	// number counts.
	inFlight int
	answered ring // instants of the answers, rising

	// The spacing. due is the instant at which a stream of commands, evenly spaced, would send the
	// next one; it is ahead of the clock by as much as has been sent too early.
	due     time.Duration
	spacing time.Duration // of limit
	ahead   time.Duration // how far due may be ahead of the clock

	// For Undo: latest is the instant of the latest Take, older how many of those in flight may
	// have been taken before.
	latest time.Duration
	older  int
}

// NewBucket returns a bucket of which nothing is used. It panics when the limit is not valid.
func NewBucket(l Limit) *Bucket {
	b := &Bucket{due: math.MinInt64, latest: math.MinInt64}
	b.use(l)
	return b
}

func (b *Bucket) use(l Limit) {
	if err := l.Validate(); err != nil {
		panic("BUG: ratelimit: " + err.Error())
	}
	b.limit, b.spacing, b.ahead = l, l.spacing(), l.tolerance()
}

// Limit is the rule that the bucket now follows.
func (b *Bucket) Limit() Limit { return b.limit }

// Next is the earliest instant at which Take is allowed if nothing else happens until then: now
// when it is allowed now, Never when it is not before a Done. It starts nothing and promises
// nothing: ask again at that instant.
func (b *Bucket) Next(now time.Duration) time.Duration {
	at := now
	if excess := b.Used(now) - b.limit.N; excess >= 0 {
		if excess >= b.answered.len() {
			return Never
		}
		at = b.answered.at(excess) + b.limit.Per
	}
	if b.paced() {
		at = max(at, b.due-b.ahead)
	}
	return at
}

// paced says whether the spacing asks for more than the log does. With a burst of N it does not.
func (b *Bucket) paced() bool { return b.limit.burst() < b.limit.N && b.due != math.MinInt64 }

// Take uses one slot from now on. It panics when Next does not allow it.
func (b *Bucket) Take(now time.Duration) {
	if b.Next(now) > now {
		panic("BUG: ratelimit: Take before Next allows it")
	}
	if now != b.latest {
		b.latest, b.older = now, b.inFlight
	}
	b.inFlight++
	b.due = max(b.due, now) + b.spacing
}

// Done says that the answer to a command has come, or that its session is gone and none will come:
// the slot is free at now+Per. It must be called once for each Take that was not undone.
func (b *Bucket) Done(now time.Duration) {
	b.drop("Done")
	b.answered.push(now, b.limit.N)
}

// Undo says that nothing of a command has left for the registry: its slot is free at once. Its
// place in the spacing is given back only when it is sure to be of the latest Take, or else more
// than Burst could go back to back.
func (b *Bucket) Undo(now time.Duration) {
	if b.older == 0 && b.inFlight > 0 {
		b.due -= b.spacing
	}
	b.drop("Undo")
	b.expire(now)
}

// drop takes one command out of flight. Which one is not known: those that may be older stay so as
// long as they can.
func (b *Bucket) drop(method string) {
	if b.inFlight == 0 {
		panic("BUG: ratelimit: " + method + " without Take")
	}
	b.inFlight--
	b.older = min(b.older, b.inFlight)
}

// Used is how many slots are in use, 0 to N; above N only after SetLimit has lowered N.
func (b *Bucket) Used(now time.Duration) int {
	b.expire(now)
	return b.inFlight + b.answered.len()
}

// expire forgets the answers that came Per ago or earlier.
func (b *Bucket) expire(now time.Duration) {
	for b.answered.len() > 0 && b.answered.at(0)+b.limit.Per <= now {
		b.answered.pop()
	}
}

// Idle says that a new bucket would answer as this one does: it may be forgotten.
func (b *Bucket) Idle(now time.Duration) bool {
	return b.Used(now) == 0 && b.due <= now
}

// SetLimit changes the rule. What has been used still counts, for the new period from its answer;
// what the old limit had forgotten by now does not, so after a longer period the promise holds for
// what is sent from now on and for what the old one still remembered. It panics when the limit is
// not valid.
func (b *Bucket) SetLimit(now time.Duration, l Limit) {
	b.expire(now)
	var early time.Duration // commands that were sent ahead of an even spacing, rounded up
	if b.due > now {
		early = (b.due - now + b.spacing - 1) / b.spacing
	}
	b.use(l)
	if early > 0 {
		b.due = now + min(early, time.Duration(l.N))*b.spacing
	}
	// What is in flight was counted in the old spacing: an Undo of it would give back too much of
	// the new one.
	b.older = b.inFlight
}
