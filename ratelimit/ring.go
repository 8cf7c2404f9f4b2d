package ratelimit

import "time"

// smallest is the capacity of the first allocation, in instants.
const smallest = 8

// ring is a queue of rising instants. It grows with the number of instants that it holds and never
// shrinks, so in the steady state it allocates nothing. The zero value is empty.
type ring struct {
	buf  []time.Duration
	head int // index of the oldest
	n    int // instants held
}

func (r *ring) len() int { return r.n }

// at is the i-th oldest instant, 0 <= i < len.
func (r *ring) at(i int) time.Duration {
	i += r.head
	if i >= len(r.buf) {
		i -= len(r.buf)
	}
	return r.buf[i]
}

// pop forgets the oldest instant; there must be one.
func (r *ring) pop() {
	r.head++
	if r.head == len(r.buf) {
		r.head = 0
	}
	r.n--
}

// push appends t, or the newest instant if t is before that, so that the order holds. The capacity
// goes beyond bound only if the ring holds more instants than that.
func (r *ring) push(t time.Duration, bound int) {
	if r.n > 0 {
		t = max(t, r.at(r.n-1))
	}
	if r.n == len(r.buf) {
		r.grow(bound)
	}
	i := r.head + r.n
	if i >= len(r.buf) {
		i -= len(r.buf)
	}
	r.buf[i] = t
	r.n++
}

// grow doubles the capacity, but not beyond bound if that is enough for one more.
func (r *ring) grow(bound int) {
	size := max(2*r.n, smallest)
	if r.n < bound {
		size = min(size, bound)
	}
	buf := make([]time.Duration, size)
	k := copy(buf, r.buf[r.head:])
	copy(buf[k:], r.buf[:r.head])
	r.buf, r.head = buf, 0
}
