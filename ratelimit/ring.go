package ratelimit

import "time"

const (
	// smallest is the capacity of the first allocation, in runs.
	smallest = 8
	// runMax is where the count of a run ends: more answers than any registry gives, and so few that
	// all runs together stay below the largest int.
	runMax = 1 << 40
)

// run is a number of answers that count as if all had come at the instant of the last one.
type run struct {
	at time.Duration
	n  int
}

// ring is a queue of answers with rising instants, as runs. It grows with the number of runs that
// it holds and never shrinks, so in the steady state it allocates nothing. The zero value is empty.
type ring struct {
	buf   []run
	head  int // index of the oldest
	n     int // runs held
	total int // answers in them
}

// len is the number of answers held.
func (r *ring) len() int { return r.total }

// run is the i-th oldest run, 0 <= i < n.
func (r *ring) run(i int) *run {
	i += r.head
	if i >= len(r.buf) {
		i -= len(r.buf)
	}
	return &r.buf[i]
}

// at is the instant of the i-th oldest answer, 0 <= i < len. It takes a step for each run before
// that, so mostly one: i is above 0 only where more slots are in use than the limit has.
func (r *ring) at(i int) time.Duration {
	for k := 0; ; k++ {
		q := r.run(k)
		if i < q.n {
			return q.at
		}
		i -= q.n
	}
}

// appendRuns appends the runs to to, the oldest first.
func (r *ring) appendRuns(to []run) []run {
	for i := range r.n {
		to = append(to, *r.run(i))
	}
	return to
}

// pop forgets the oldest run; there must be one.
func (r *ring) pop() {
	r.total -= r.run(0).n
	r.head++
	if r.head == len(r.buf) {
		r.head = 0
	}
	r.n--
}

// push appends n answers that came at t, or at the newest instant if t is before that, so that the
// order holds. They join the newest run if both came within the same slice of time, of the length
// grain; 0: at the same instant. The capacity goes beyond bound only if the ring holds more runs
// than that.
func (r *ring) push(t time.Duration, n int, grain time.Duration, bound int) {
	if r.n > 0 {
		q := r.run(r.n - 1)
		if t <= q.at || grain > 0 && t/grain == q.at/grain {
			q.at = max(q.at, t)
			n = min(n, runMax-q.n)
			q.n += n
			r.total += n
			return
		}
	}
	if r.n == len(r.buf) {
		r.grow(bound)
	}
	n = min(n, runMax)
	r.n++
	*r.run(r.n - 1) = run{t, n}
	r.total += n
}

// grow doubles the capacity, but not beyond bound if that is enough for one more.
func (r *ring) grow(bound int) {
	size := max(2*r.n, smallest)
	if r.n < bound {
		size = min(size, bound)
	}
	buf := make([]run, size)
	k := copy(buf, r.buf[r.head:])
	copy(buf[k:], r.buf[:r.head])
	r.buf, r.head = buf, 0
}
