package pool

import (
	"math/bits"
	"time"
)

// Snapshot is a Pool as one moment shows it.
type Snapshot struct {
	Sessions [NumSessionStates]int
	Max      int  // sessions that may be open now: MaxSessions, or less while the registry refuses more
	Paused   bool // by the operator
	// Suspended: no host is known to own the account, so that nothing is sent. Relay: the sessions are
	// lanes to the host that does.
	Suspended, Relay bool
	// LedgerFails is what the config says about a ledger that cannot be written; LedgerNot: it can.
	LedgerFails LedgerPolicy
	// OwnCounted: the last login was refused with 2502, most likely since the registry still counts a
	// session of ours that has ended.
	OwnCounted bool
	// IdleLimit is the silence after which sessions end, as measured; 0: none is known.
	IdleLimit time.Duration
	// OnDemand: no session is logged in, since the last one ended behind silence. A command that comes has
	// one opened at once.
	OnDemand bool
	// Backoff: fewer than MinSessions are open, and failed attempts, ends by silence, the budget of
	// logins, a limit or a ghost hold the next attempt back. NextTry is how long until then; 0: nothing holds it back.
	Backoff bool
	NextTry time.Duration
	// Spent is the limit for which there is no session, and NextTry is not before it admits a login.
	Spent    Spent
	Throttle time.Duration // for which nothing more is sent, since the registry wants fewer commands

	Queued int           // exchanges that wait
	Gated  int           // those of them that wait since sessions ended behind commands like them
	Oldest time.Duration // how long the one that has waited longest has waited

	Rules    []string         // by rule: its name
	Used     []float64        // by rule of registry scope: the part in use, from 0 to 1; 0 for other scopes
	Exceeded [MaxRules]uint64 // by rule in shadow mode: commands that it would have held back
	// Limited is, by rule of registry scope, how long it held a command back for which a session was
	// idle.
	Limited [MaxRules]time.Duration
	// Refusing are the sessions whose last answers to clients, refusingFrom of them or more, were all such
	// as a session without a login gives, and that nothing has shown to be logged in since.
	Refusing int
	// OtherServices are the sessions that are logged in with other services than the registry offers now,
	// until they are replaced. Failing are those whose last answers, five or more, were all 2400.
	OtherServices, Failing int
	PollRefused            bool // our own polls are refused on sessions that are logged in
	// Blames are the last ends of sessions behind clients' commands, the latest first, one for each
	// author, of those that are not forgotten yet.
	Blames []Blame
}

// Snapshot fills s; the memory of its slices is used again.
func (p *Pool) Snapshot(s *Snapshot, now time.Duration) {
	s.Sessions = [NumSessionStates]int{}
	s.Refusing, s.OtherServices, s.Failing = 0, 0, 0
	for _, t := range p.sessions {
		s.Sessions[t.state]++
		if t.doubtful >= refusingFrom {
			s.Refusing++
		}
		if t.outdated == CauseServices {
			s.OtherServices++
		}
		if t.codes.fails >= failingFrom {
			s.Failing++
		}
	}
	s.PollRefused = !p.pollsMean
	s.Max, s.Paused = p.ceiling, p.paused
	s.Suspended, s.Relay = p.suspension.on, p.cfg.Relay
	s.OwnCounted, s.IdleLimit = p.OwnCounted(), p.IdleLimit(now)
	s.OnDemand = p.onDemand(now)
	s.Backoff = p.opening == 0 && now < p.nextTry && p.live < p.cfg.MinSessions
	s.Spent = p.Spent(now)
	s.NextTry = max(0, p.nextTry-now, s.Spent.For)
	s.LedgerFails = LedgerNot
	if p.keeping.broken {
		s.LedgerFails = p.cfg.Ledger
	}
	s.Throttle = max(0, p.throttledUntil-now)
	s.Queued, s.Oldest = p.Queued(), p.Oldest(now)
	copy(s.Exceeded[:], p.limits.exceeded)
	copy(s.Limited[:], p.limits.limited)
	for set := p.limits.blocking; set != 0; set &= set - 1 {
		s.Limited[bits.TrailingZeros64(uint64(set))] += now - p.limits.blocked
	}
	s.Gated = p.blame.waiting()
	s.Blames = p.blame.appendRecent(s.Blames[:0], now)
	s.Rules, s.Used = s.Rules[:0], s.Used[:0]
	for i := range p.cfg.Rules {
		s.Rules = append(s.Rules, p.cfg.Rules[i].name(i))
		s.Used = append(s.Used, p.Used(i, now))
	}
}

// Ready reports whether a session is logged in, or is not since nobody had a command.
func (s *Snapshot) Ready() bool {
	return s.OnDemand || s.Sessions[SessionIdle]+s.Sessions[SessionBusy] > 0
}

// Sessions calls f for each session that has or may have a socket, in the order of their IDs.
func (p *Pool) Sessions(f func(*Session)) {
	for _, s := range p.sessions {
		f(s)
	}
}

// Abandoned is the number of sessions that the end of a drain, or of a suspension, closed without a logout.
func (p *Pool) Abandoned() int { return p.abandoned }
