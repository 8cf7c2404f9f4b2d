package pool

import "time"

// Down reports whether the pool wants a session and has none.
func (p *Pool) Down(now time.Duration) bool {
	return p.live == 0 && !p.halted() && !p.draining && !p.onDemand(now)
}
