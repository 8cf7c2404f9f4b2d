package batch

import (
	"context"
	"testing"
	"time"

	"eppmux/gateway/carry"
)

// TestPause: the first answer is flushed at once, those behind it in steps that grow, none later than
// longestHold, and the last ones by the return.
func TestPause(t *testing.T) {
	inPlay(t, 1, func(f *fake) { f.interval = 10 * time.Millisecond }, func(p *play, _ *fake) {
		const names = 500
		begin := time.Now()
		var pauses []time.Duration
		given, came := 0, make([]time.Duration, 0, names)
		p.c.Check(context.Background(), Request{User: &carry.User{Name: "shop"}, Names: namesOf("n", names),
			Pause: func() {
				if len(came) == given {
					t.Errorf("a pause at %v with nothing to flush", time.Since(begin))
				}
				given = len(came)
				pauses = append(pauses, time.Since(begin))
			}}, func(Answer) { came = append(came, time.Since(begin)) })
		if len(came) != names || given == names {
			t.Fatalf("%d answers, %d before the last pause", len(came), given)
		}
		if pauses[0] > 10*time.Millisecond || pauses[1]-pauses[0] < shortestHold || pauses[1] > 40*time.Millisecond {
			t.Errorf("the first pauses were at %v", pauses[:2])
		}
		for i, at := range pauses[1:] {
			if step := at - pauses[i]; step > longestHold+10*time.Millisecond {
				t.Errorf("%v from one pause to the next", step)
			}
		}
		if n := len(pauses); n < 20 || n > 50 {
			t.Errorf("%d pauses in %v", n, time.Since(begin))
		}
		if end := time.Since(begin); came[names-1] != end {
			t.Errorf("returned at %v, the last answer came at %v", end, came[names-1])
		}
	})
}

// TestNoPause: without Pause the answers come together, when all are there.
func TestNoPause(t *testing.T) {
	inPlay(t, 1, func(f *fake) { f.interval = 10 * time.Millisecond }, func(p *play, _ *fake) {
		var first time.Time
		p.c.Check(context.Background(), Request{User: &carry.User{Name: "shop"}, Names: namesOf("n", 50)}, func(Answer) {
			if first.IsZero() {
				first = time.Now()
			}
		})
		if !first.Equal(time.Now()) {
			t.Errorf("the first answer came %v before the last", time.Since(first))
		}
	})
}
