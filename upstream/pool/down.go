package pool

import "time"

// Down reports whether the pool wants a session and has none.
func (p *Pool) Down(now time.Duration) bool {
	return p.live == 0 && !p.halted() && !p.draining && !p.onDemand(now)
}

// Up reports whether commands can be sent: there is a session, or one is opened at once for a command that comes.
func (p *Pool) Up(now time.Duration) bool {
	return !p.halted() && !p.draining && (p.live > 0 || p.onDemand(now))
}
