package upstream

import (
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Snapshot is an Account as one moment shows it.
type Snapshot struct {
	Counters
	pool.Snapshot

	// Trouble is why there is no session, or one less: an attempt to open one failed, or the
	// registry ended one by its answer. Cause is its kind, and TroubleFor the time since the first
	// of those events. Empty once a session was opened since.
	Trouble    string
	TroubleFor time.Duration
	Cause      pool.Cause

	// Role is what the account is to its registry, Term and Owner those of the host that owns it; Owner
	// is empty where that is this one, or none is known. LaneCounts are the lanes to it by state: they
	// are not in Sessions.
	Role       Role
	Term       uint64
	Owner      string
	LaneCounts [pool.NumSessionStates]int

	Remembered int // octets of clTRIDs that did not fit into their muxTRIDs, with their keys

	// What the last login showed: when the registry's certificate ends, zero without TLS, how long
	// it lives in all, and what the registry says of our login. The slice must not be changed.
	ServerExpires time.Time
	ServerLife    time.Duration
	LoginEvents   []frame.LoginEvent

	Messages MessageQueue // at the registry

	// Culprits are the clients behind whose commands sessions ended last, the latest first.
	Culprits []Culprit
}

// Snapshot fills s, on the loop; Look does so from elsewhere.
func (a *Account) Snapshot(s *Snapshot) {
	now := a.clock()
	s.Counters = a.counts
	a.pool.Snapshot(&s.Snapshot, now)
	s.Queued += a.calls.behind.Len()
	s.Oldest = max(s.Oldest, a.calls.oldest(now))
	s.Role, s.Term, s.Owner = a.duty.role, a.duty.term, a.duty.lanes.Owner
	s.LaneCounts = [pool.NumSessionStates]int{}
	if a.cfg.Shared {
		a.pool.Sessions(func(ps *pool.Session) {
			if isLane(ps) {
				s.LaneCounts[ps.State()]++
				s.Sessions[ps.State()]--
			}
		})
	}
	s.Remembered = a.trids.octets
	s.Trouble, s.TroubleFor, s.Cause = a.trouble, 0, a.cause
	if a.trouble != "" {
		s.TroubleFor = now - a.troubleSince
	}
	s.Culprits = s.Culprits[:0]
	for i := range s.Blames {
		s.Culprits = append(s.Culprits, a.culprit(&s.Blames[i]))
	}
	s.Messages = a.mailbox.snapshot(time.Now())
	s.ServerExpires, s.ServerLife, s.LoginEvents = a.seen.expires, a.seen.life, a.seen.events
}
