package proxy

import (
	"testing"
	"time"
)

// TestWakeBy: a client is looked at by the soonest of its instants, and not at all once it is
// closed.
func TestWakeBy(t *testing.T) {
	r := connected(t)
	for _, step := range []struct{ at, want time.Duration }{{50, 50}, {60, 50}, {40, 40}, {40, 40}} {
		if r.c.wakeBy(1<<40 + step.at); r.s.timers.next() != 1<<40+step.want || r.s.timers.heap.Len() != 1 {
			t.Errorf("at %d: got %v, want %d", step.at, r.s.timers.next(), step.want)
		}
	}
	r.c.Closed(nil)
	if r.c.wakeBy(1); r.s.timers.heap.Len() != 0 {
		t.Error("a closed client is to be looked at")
	}
}
