package ratelimit

import (
	"math"
	"time"
)

// ration is what a Bucket may Take before more of it is written down.
type ration struct {
	left  int // slots that may be taken; about unbound where nothing bounds them
	ahead int // reserved by the last Write
	since int // slots taken since that
	want  int // the most for which NextN has said Never for want of it, since the last Write; 0: it has not
}

// unbound is more commands than any bucket takes.
const unbound = math.MaxInt

// reserveTime is the least time for which a block of reserved commands lasts at the rate of the
// limit: several times what a disk takes to keep them.
const reserveTime = 100 * time.Millisecond

// block is how many commands are reserved at once. After a crash they count as used: 1 of 128 of the
// limit, but at least what it admits within reserveTime, and 1. (Of 1,000 a day, ten crashes lose less
// than 100.)
func (l Limit) block() int {
	return max(1, l.N/128, int(float64(l.N)*float64(reserveTime)/float64(l.Per)))
}

// Ration has Next say Never from now on where no command is reserved: Write and Written reserve
// them. A new bucket is not rationed.
func (b *Bucket) Ration() { b.ration = ration{} }

// Loose ends Ration until Written: b admits commands though nobody has written them down.
func (b *Bucket) Loose() { b.ration.left, b.ration.want = unbound, 0 }

// Rationed reports whether b admits only commands that are reserved.
func (b *Bucket) Rationed() bool { return b.ration.left < unbound/2 }

// Dry reports whether Next has said Never since the last Write for want of a reservation alone.
func (b *Bucket) Dry() bool { return b.ration.want > 0 }

// Wants reports whether it is time for Write: a command waits for a reservation, or half of what was
// reserved is spent.
func (b *Bucket) Wants() bool {
	r := &b.ration
	return r.want > 0 || r.since > 0 && r.left <= b.limit.block()/2
}

// Write writes b down, with a block of commands reserved if one was taken within the time recent, or
// waits for that, and more where one waits that takes several slots. They may be taken once Written has been called. wall is the wall clock at now.
func (b *Bucket) Write(now, wall, recent time.Duration) Page {
	r := &b.ration
	r.ahead = 0
	if r.want > 0 || r.since > 0 || b.latest >= now-recent {
		r.ahead = b.limit.block()
	}
	if r.want > 1 { // it is admitted though others take some meanwhile
		r.ahead += r.want - 1
	}
	// What is left of the writing before is within what this one reserves: both hold while nobody
	// knows which of them a crash leaves.
	if b.Rationed() {
		r.left = min(r.left, r.ahead)
	}
	r.since, r.want = 0, 0
	p := b.Page(now, wall)
	p.Open += r.ahead
	return p
}

// Written says that what the last Write returned would outlive the process. It ends Loose.
func (b *Bucket) Written() {
	r := &b.ration
	r.left = max(0, r.ahead-r.since)
	if r.left >= r.want {
		r.want = 0
	}
}
