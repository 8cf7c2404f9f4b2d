package proxy

import (
	"container/heap"
	"math"
	"time"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

// timers are the clients that must be looked at by some instant, the soonest first. A client is in
// it only while it has something to be late with, and usually is not: a whole frame that is
// answered touches no timer. An instant may be earlier than needed, never later: whoever is looked
// at too early is put back. Owned by the loop.
type timers []*client

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].wake < t[j].wake }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = int32(i), int32(j)
}
func (t *timers) Push(x any) {
	c := x.(*client)
	c.timer = int32(len(*t))
	*t = append(*t, c)
}
func (t *timers) Pop() any {
	old := *t
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	c.timer = -1
	return c
}

// before has c looked at by the given instant.
func (t *timers) before(c *client, at time.Duration) {
	switch {
	case at == never:
	case c.timer < 0:
		c.wake = at
		heap.Push(t, c)
	case at < c.wake:
		c.wake = at
		heap.Fix(t, int(c.timer))
	}
}

// remove takes c out.
func (t *timers) remove(c *client) {
	if c.timer >= 0 {
		heap.Remove(t, int(c.timer))
	}
}

// due takes out the next client whose instant has come; nil when there is none.
func (t *timers) due(now time.Duration) *client {
	if len(*t) == 0 || (*t)[0].wake > now {
		return nil
	}
	return heap.Pop(t).(*client)
}

// next is the soonest instant.
func (t timers) next() time.Duration {
	if len(t) == 0 {
		return never
	}
	return t[0].wake
}
