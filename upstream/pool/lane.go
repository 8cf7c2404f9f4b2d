package pool

import "time"

// Lanes: the sessions of a pool whose account another host owns, see Config.Relay. That host has the
// sessions with the registry. So opening a lane is no login and ending one no logout, nothing that
// happens on a lane says anything of the registry, and its slot is no slot of the account's.
//
// What a lane does not have is left out in one place each: in its config by fit; limits by buckets; what
// is learnt of sessions by telling; the login by open and OpenFailed; the logout by retire and depart.

const (
	// lanesAtOnce is how many lanes are opened at the same time. A burst of clients must not wait for
	// one handshake after the other.
	lanesAtOnce = 8

	// laneIdle is how long a lane above MinSessions may be idle.
	laneIdle = time.Minute

	// laneBackoffMin is about the time until the next lane is opened behind one that failed. It doubles
	// while lanes fail, up to laneBackoffMax: the next owner is there any moment.
	laneBackoffMin = 100 * time.Millisecond
	laneBackoffMax = time.Second
)

// fit leaves out of the numbers what lanes do not have.
func (c *Config) fit() {
	if !c.Relay {
		return
	}
	c.Keepalive, c.MaxAge, c.MaxCommands, c.EqualErrors = 0, 0, 0, 0
	c.Ledger = LedgerNot
}

// telling reports whether what happens to s says something of the registry.
func (p *Pool) telling(s *Session) bool { return !s.lane && !p.cfg.Relay }

// atOnce is how many sessions may be opened at the same time.
func (p *Pool) atOnce() int {
	if p.cfg.Relay {
		return lanesAtOnce
	}
	return 1
}

// wantsLane reports whether one more lane would be of use: below MinSessions, or for an exchange that
// nothing holds and for which none is opened yet.
func (p *Pool) wantsLane(now time.Duration) bool {
	if now >= p.drainBy {
		return false
	}
	waiting := p.queue.again.n
	for _, l := range p.queue.rows {
		waiting += l.heap.Len()
	}
	return waiting > p.opening || !p.draining && p.live+p.opening < p.cfg.MinSessions
}

// laneFailed puts off the next lane, behind one that could not be opened or has not carried a command
// to its end. Of lanes that fail together the first counts.
func (p *Pool) laneFailed(now time.Duration) {
	if now < p.nextOpen {
		return
	}
	d := min(laneBackoffMin<<min(p.failures, 10), laneBackoffMax)
	p.failures++
	p.nextOpen = now + p.jittered(d*2/3)
}

// laneLost counts the end of s, a lane, as a failure, once, unless it worked. One that ends since the account
// has moved counts too: commands must not run after the owner in a circle.
func (p *Pool) laneLost(s *Session, now time.Duration) {
	lost := s.laneLost
	s.laneLost = true
	switch {
	case lost, s.ofOld(), s.proven, s.cause.ours() && s.cause != CauseMoved:
	case now-s.opened >= provenAge:
		p.failures = 0
	default:
		p.laneFailed(now)
	}
}

// Ended stands for Answered on a lane where the owner of the account says that the command has ended
// there without an answer: as EndNotSent or EndUnknown, for the given cause. The exchange ends so; the
// owner has repeated it as often as it may be. The lane goes on.
func (p *Pool) Ended(s *Session, end End, cause Cause, now time.Duration) {
	if !s.lane || s.state != SessionBusy || s.inFlight != CommandInFlight || end == EndAnswered || cause == CauseNone {
		panic("BUG: a command ended where none can")
	}
	x := p.release(s, now)
	if end == EndNotSent {
		x.tries--
		end = x.EndNow() // a lane that broke may have carried it before
	}
	p.ended(x)
	p.do(Action{Do: DoFinish, Exchange: x, End: end, Cause: cause})
	s.proven = true
	p.worksSince(s)
	p.rested(s, CauseNone, now)
}
