package proxy

import (
	"math"
	"time"

	"eppmux/upstream/pool"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

// timers are the clients that must be looked at by some instant, the soonest first. A client is in
// it only while it has something to be late with. Usually it has not: a whole frame that is
// answered touches no timer. An instant may be earlier than needed, never later: a client that is
// looked at too early is put back. Owned by the loop.
type timers struct{ heap pool.Heap[*client] }

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
	case !c.timer.In():
		t.heap.Push(c, &c.timer, pool.Key{At: at})
	case at < t.of(c):
		t.heap.Move(c.timer, pool.Key{At: at})
	}
}

// of is the instant for which c is in.
func (t *timers) of(c *client) time.Duration { return t.heap.Key(c.timer).At }

// remove takes c out; it may be out already.
func (t *timers) remove(c *client) {
	if c.timer.In() {
		t.heap.Remove(c.timer)
	}
}

// due takes out the next client whose instant has come; nil if there is none.
func (t *timers) due(now time.Duration) *client {
	c, key, ok := t.heap.First()
	if !ok || key.At > now {
		return nil
	}
	t.heap.Remove(c.timer)
	return c
}

// next is the soonest instant; never if there is none.
func (t *timers) next() time.Duration {
	if _, key, ok := t.heap.First(); ok {
		return key.At
	}
	return never
}
