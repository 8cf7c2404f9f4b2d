package cluster

import (
	"bytes"
	"log/slog"
	"time"
)

// state is what this host is for an account.
type state uint8

const (
	stateNone      state = iota // a candidate
	stateReading                // it has won the lease, and reads the ledger
	stateOwner                  // the tenant owns
	stateYielding               // the tenant is about to end
	stateReleasing              // the tenant has ended; the release is being written
)

// account is one account's election, as this host sees it.
type account struct {
	Account
	state   state
	parting bool          // see machine.part
	leaving bool          // see machine.leave
	wake    time.Duration // when step is due
	asked   uint64        // Swap under way; 0: none
	endedAt time.Duration // when the last one ended

	// The record.
	rec     []byte
	lease   Lease // rec, where it can be read
	clear   bool  // it can be read
	muddled bool  // it was said that it cannot
	seenAt  Instant
	read    bool          // seenAt is when the last reading was asked for
	watch   time.Duration // since when rec was seen to be the same
	fast    bool          // it was seen to be released, so that it need not be watched
	first   bool          // it was there when it was read for the first time
	ever    bool          // there was a record
	kept    bool          // there was a ledger
	maxTerm uint64        // the highest that was seen
	writer  writer        // of the ledger
	tried   uint64        // the last that this host has asked for

	// What was told to the tenant last, when state is stateNone.
	told  Owner // Host empty: Orphan
	toldN bool  // something was told
	since time.Duration

	// Of the lease that this host has, or tries to get.
	mine    Lease
	base    Instant // before the request that was granted last
	fence   *Fence
	claims  []*claim // Swaps whose outcome is not known to be "no", the oldest first
	beat    uint64
	renewAt time.Duration
	retryAt time.Duration // after a Swap that failed
	lost    bool          // see Tenure.Lost
	getting uint64        // Get under way
	getAt   time.Duration
	own     bool // the tenant was told to own

	yield   yield
	viewed  uint64 // machine.view when it was last asked whether to yield
	leaves  bool   // it was owned when machine.leave was called for it
	ledger  ledger
	down    time.Duration
	unfit   time.Duration // for how long this host was unfit last
	unfitAt time.Duration // since when
	stayTo  time.Duration // not given to a better member before
	changes map[Reason]uint64
	counted Owner // the owner that changes has counted last
	fenced  uint64
}

// claim is one Swap of a lease that this host has asked for.
type claim struct {
	value   []byte
	lease   Lease
	at      Instant // before the request
	lost    bool    // a ledger was kept, or may have been: see Tenure.Lost
	seq     uint64  // of the ledger's content that goes with it; 0: none
	clock   writer  // of the ledger that is there where this has landed
	release bool
	again   bool // this host has released it, and its successor did not come
}

// span is the time from a request to the fence.
func (m *machine) span() time.Duration { return m.cfg.TTL - m.cfg.TTL/10 }

// over reports whether a lease that was asked for at base has passed its fence.
func (m *machine) over(base, now Instant) bool {
	return now.Boot >= base.Boot+m.span() || now.Wall >= base.Wall+m.span()
}

// observe is told what the record was at some instant between at and now.
func (m *machine) observe(a *account, rec []byte, at, now Instant) {
	gap := !a.read || at.Boot-a.seenAt.Boot > m.cfg.TTL/2
	if same := bytes.Equal(a.rec, rec) && a.read; !same || gap {
		before, beforeClear := a.lease, a.clear && !gap
		a.watch = now.Boot
		a.rec = rec
		a.lease, a.clear = readLease(rec)
		m.clock(a, now)
		a.fast = a.clear && a.lease.Released && a.lease.Term >= a.maxTerm && beforeClear && !before.Released &&
			before.Term == a.lease.Term && before.Instance == a.lease.Instance
		a.first = !a.read
	}
	if !a.read || at.Boot > a.seenAt.Boot {
		a.seenAt, a.read = at, true
	}
	if rec != nil {
		a.ever = true
		if !a.clear && !a.muddled {
			m.say(slog.LevelWarn, "the record of a lease cannot be read; it counts as somebody's", "registry", a.Name)
		}
		a.muddled = !a.clear
	}
	a.kept = a.kept || a.lease.Kept
	a.maxTerm = max(a.maxTerm, a.lease.Term)
	m.judge(a, now)
}

// judge looks at what the record says of the lease that this host has, or tries to get.
func (m *machine) judge(a *account, now Instant) {
	c := a.find(a.rec)
	switch {
	case a.state == stateNone:
		if c != nil && !m.over(c.at, now) {
			m.won(a, c, now)
		}
	case c != nil:
		m.landed(a, c, now)
	case a.rec == nil: // the engine has forgotten it: it is written again, with the ledger
		a.renewAt, a.ledger.landed = now.Boot, 0
	case a.clear && a.lease.Instance == m.cfg.Instance && a.lease.Term == a.mine.Term:
		// The engine went back to an earlier beat. The ledger went with it.
		a.renewAt, a.ledger.landed = now.Boot, 0
	default:
		m.lose(a, "another host has the lease", now)
	}
}

func (a *account) find(rec []byte) *claim {
	for _, c := range a.claims {
		if rec != nil && bytes.Equal(c.value, rec) {
			return c
		}
	}
	return nil
}

// won begins a tenure by the claim c.
func (m *machine) won(a *account, c *claim, now Instant) {
	a.state, a.mine, a.fence = stateReading, c.lease, NewFence(m.cfg.Clocks)
	a.base = Instant{}
	a.lost = c.lost
	a.getting, a.getAt, a.down, a.own = 0, now.Boot, 0, false
	a.viewed = 0
	a.yield, a.retryAt, a.stayTo = yield{}, now.Boot, now.Boot+settled
	if c.again {
		a.stayTo = now.Boot + unfitFor
	}
	m.landed(a, c, now)
}

// landed is told that the record is what c wrote.
func (m *machine) landed(a *account, c *claim, now Instant) {
	a.ever = true
	a.writer = c.clock
	if c.seq > 0 {
		a.ledger.landed = max(a.ledger.landed, c.seq)
		m.settle(a)
	}
	if c.release {
		m.free(a, now)
		return
	}
	if c.at.Boot > a.base.Boot || a.base == (Instant{}) {
		a.base = c.at
		if a.state != stateReleasing && !a.fence.Set(c.at, m.cfg.TTL) {
			a.fenced++
			m.lose(a, "the lease was renewed too late", now)
			return
		}
	}
	a.renewAt = a.base.Boot + m.cfg.TTL/3
}

// step does what is due for one account.
func (m *machine) step(a *account, now Instant) {
	a.wake = never
	m.overdue(a, now)
	if a.state != stateNone && m.over(a.base, now) {
		if a.state != stateReleasing {
			a.fenced++
		}
		m.lose(a, "the lease was not renewed in time", now)
	}
	if a.state == stateNone {
		m.tell(a, now)
		m.candidate(a, now)
		return
	}
	a.wakeAt(a.base.Boot + m.span())
	m.readLedger(a, now)
	m.weigh(a, now)
	m.endYield(a, now)
	if a.asked != 0 {
		return
	}
	due := a.renewAt
	if a.ledger.dirty() || a.state == stateReleasing {
		due = now.Boot
	}
	if due = max(due, a.retryAt); now.Boot < due {
		a.wakeAt(due)
		return
	}
	m.renew(a, now)
}

func (a *account) wakeAt(at time.Duration) { a.wake = min(a.wake, at) }

// lose ends a tenure at once.
func (m *machine) lose(a *account, why string, now Instant) {
	a.fence.End()
	if a.own {
		m.act(action{do: doLose, account: a.Key})
		m.say(slog.LevelWarn, "the account is lost", "registry", a.Name, "term", a.mine.Term, "reason", why)
	}
	m.free(a, now)
}

// free ends a tenure whose fence has ended.
func (m *machine) free(a *account, now Instant) {
	a.state, a.own, a.claims, a.getting = stateNone, false, nil, 0
	a.told, a.toldN, a.since = Owner{}, false, now.Wall
	a.retryAt = now.Boot
	a.ledger.end()
	m.settle(a)
}

// tell tells the tenant who owns the account, where that has changed.
func (m *machine) tell(a *account, now Instant) {
	if !a.read {
		return
	}
	stale := now.Boot >= a.watch+m.cfg.TTL
	if !stale {
		a.wakeAt(a.watch + m.cfg.TTL)
	}
	o, known := Owner{}, stale
	if a.clear {
		known = true
		if !a.lease.Released && a.lease.Instance != m.cfg.Instance && !stale {
			o = Owner{Host: a.lease.Host, Peer: a.lease.Peer, Term: a.lease.Term}
			a.count(o, a.lease.Reason)
		}
	}
	// A record that is gone or cannot be read says nothing of the owner, before it was watched.
	if !known && a.toldN || a.toldN && a.told == o {
		return
	}
	a.told, a.toldN, a.since = o, true, now.Wall
	if o.Host == "" {
		m.act(action{do: doOrphan, account: a.Key})
		return
	}
	m.act(action{do: doFollow, account: a.Key, owner: o})
	m.say(slog.LevelInfo, "the account has an owner", "registry", a.Name, "owner", o.Host, "term", o.Term,
		"reason", string(a.lease.Reason))
}

func (a *account) count(o Owner, why Reason) {
	if a.counted != o {
		a.counted = o
		a.changes[why]++
	}
}
