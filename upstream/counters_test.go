package upstream

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// TestCountersSums: by code and by outcome over all commands, and by class over all buckets.
func TestCountersSums(t *testing.T) {
	var c Counters
	c.Commands[frame.CommandCheck][frame.Code(1000).Index()] = 3
	c.Commands[frame.CommandCreate][frame.Code(1000).Index()] = 4
	c.Commands[frame.CommandCreate][frame.Code(1777).Index()] = 5
	if got, want := c.Answers(), (CodeCounts{0: 7, frame.NumCodes: 5}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Outcomes[frame.CommandCheck][pool.EndUnknown] = 1
	c.Outcomes[frame.CommandDelete][pool.EndUnknown] = 2
	c.Outcomes[frame.CommandDelete][OutcomeDropped] = 4
	for outcome, want := range map[int]uint64{int(pool.EndUnknown): 3, OutcomeDropped: 4, OutcomeOrphan: 0} {
		if got := c.Ended(outcome); got != want {
			t.Errorf("outcome %d: got %d, want %d", outcome, got, want)
		}
	}
	for _, d := range []time.Duration{0, time.Second, time.Hour} {
		c.Wait[ClassQuery].observe(d)
	}
	if n, other := c.Wait[ClassQuery].Count(), c.Wait[ClassTransform].Count(); n != 3 || other != 0 {
		t.Errorf("got %d and %d durations, want 3 and 0", n, other)
	}
}
