package cluster

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// simClocks are the clocks of one host, which run by the model's true time.
type simClocks struct {
	s          *sim
	rate       float64       // of boot; the wall clock is kept right by others
	boot, wall time.Duration // at the instant set
	set        time.Duration
	paused     bool // of a virtual machine: only the wall clock runs on
}

func (c *simClocks) Boot() time.Duration {
	if c.paused {
		return c.boot
	}
	return c.boot + time.Duration(float64(c.s.now-c.set)*c.rate)
}

func (c *simClocks) Wall() time.Duration {
	return c.wall + c.s.now - c.set
}

// turn lets the clocks go on from here with other settings.
func (c *simClocks) turn(change func()) {
	c.boot, c.wall = c.Boot(), c.Wall()
	c.set = c.s.now
	change()
}

// simEvent is something that happens at an instant of the true time.
type simEvent struct {
	at   time.Duration
	seq  int
	host *simHost // nil: of the world. A host that is frozen gets it when it wakes
	do   func()
}

type simEvents []simEvent

func (q simEvents) Len() int { return len(q) }
func (q simEvents) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q simEvents) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simEvents) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *simEvents) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func (s *sim) after(d time.Duration, h *simHost, do func()) {
	s.seq++
	heap.Push(&s.events, simEvent{at: s.now + max(d, 0), seq: s.seq, host: h, do: do})
}

// between returns a random duration.
func between(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Int64N(int64(hi-lo+1)))
}
