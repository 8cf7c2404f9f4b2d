package pool

import (
	"testing"
	"time"

	"eppmux/ratelimit"
)

// TestReloadKeepsWhatWasUsed: limits that are reordered, or lose one beside them, still know what
// was used of them.
func TestReloadKeepsWhatWasUsed(t *testing.T) {
	second := Rule{Limit: ratelimit.Limit{N: 10, Per: time.Second}, Commands: allCommands()}
	hour := Rule{Limit: ratelimit.Limit{N: 100, Per: time.Hour}, Commands: allCommands()}
	for _, after := range [][]Rule{{hour}, {hour, second}, {second, second, hour}, {{Limit: ratelimit.Limit{N: 50, Per: time.Hour}, Commands: allCommands()}, second}} {
		l := newLimits([]Rule{second, hour})
		var c charges
		for range 9 {
			c.take(l.registry, 3, 0)
		}
		l.use(after, 0)
		for i, r := range after {
			if r.Limit.Per == time.Hour && l.registry[i].Used(0) != 9 {
				t.Errorf("%v: %d are used of the hour's, want 9", after, l.registry[i].Used(0))
			}
		}
	}
}
