package proxy

import (
	"container/heap"
	"math"
	"time"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

// timers are the clients that must be looked at by some instant, the soonest first. A client is in
// it only while it has something to be late with. Usually it has not: a whole frame that is
// answered touches no timer. An instant may be earlier than needed, never later: a client that is
// looked at too early is put back. Owned by the loop.
type timers []*client

// Len implements heap.Interface, as the next four methods do.
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

// wakeBy has the client looked at, by due, by the given instant. A closed client needs no look.
func (c *client) wakeBy(at time.Duration) {
	if c.state == clientClosed {
		return
	}
	c.srv.timers.add(c, at)
	c.srv.alarm.Before(at)
}

// add puts c in for the given instant. If c is in for an earlier one, that stays.
func (t *timers) add(c *client, at time.Duration) {
	switch {
	case c.timer < 0:
		c.wake = at
		heap.Push(t, c)
	case at < c.wake:
		c.wake = at
		heap.Fix(t, int(c.timer))
	}
}

// remove takes c out; it may be out already.
func (t *timers) remove(c *client) {
	if c.timer >= 0 {
		heap.Remove(t, int(c.timer))
	}
}

// due takes out the next client whose instant has come; nil if there is none.
func (t *timers) due(now time.Duration) *client {
	if len(*t) == 0 || (*t)[0].wake > now {
		return nil
	}
	return heap.Pop(t).(*client)
}

// next is the soonest instant; never if there is none.
func (t timers) next() time.Duration {
	if len(t) == 0 {
		return never
	}
	return t[0].wake
}
