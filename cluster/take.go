package cluster

import (
	"slices"
	"time"
)

// candidate takes the lease where it is this host's turn.
func (m *machine) candidate(a *account, now Instant) {
	if !m.takes(a) || a.asked != 0 || !a.read {
		return
	}
	if now.Boot < a.watch+m.cfg.TTL && !(a.clear && a.lease.Released) {
		a.wakeAt(a.watch + m.cfg.TTL)
		return
	}
	due := max(a.watch+m.patience(a, now), a.retryAt)
	if now.Boot < due {
		a.wakeAt(due)
		return
	}
	if now.Boot-a.seenAt.Boot > m.cfg.TTL/2 {
		return // the next reading begins the watch anew
	}
	a.tried = max(a.maxTerm, a.tried) + 1
	a.beat++
	why := ReasonLoss
	switch {
	case a.clear && a.lease.Released:
		why = a.lease.Reason
	case a.rec == nil && !a.ever:
		why = ReasonFirst
	}
	m.claim(a, Lease{Version: recordVersion, Account: a.Name, Host: m.cfg.Host, Instance: m.cfg.Instance,
		Peer: m.cfg.Peer, Term: a.tried, Beat: a.beat, Reason: why, Since: millis(now.Wall), Kept: a.kept}, now)
}

// takes reports whether this host may own the account.
func (m *machine) takes(a *account) bool {
	return m.fresh && !a.parting && !a.leaving && !m.leaving && !m.odd && !m.doubled
}

// patience is for how long the record must have been the same before this host takes the lease.
//
// A released record may be taken without a watch by one host only. If two could, and the engine then
// lost the first one's taking, the second would take it as well. So where a successor is named, the
// others watch as they would after a loss.
func (m *machine) patience(a *account, now Instant) time.Duration {
	rank := time.Duration(m.rank(a, now)) * rankStep
	if fast := a.fast || a.first && a.lease.Successor == "" && m.alone(); fast && a.clear && a.lease.Released {
		switch a.lease.Successor {
		case m.cfg.Instance:
			return 0
		case "":
			return rank
		}
	}
	return m.cfg.TTL + rank
}

// claim asks for the record to become l.
func (m *machine) claim(a *account, l Lease, now Instant) {
	c := &claim{lease: l, at: now, clock: a.writer, lost: a.kept || a.rec == nil && a.ever, release: l.Released,
		again: a.lease.Released && a.lease.Instance == m.cfg.Instance && a.lease.Successor != ""}
	var with []Record
	if a.state != stateNone && a.ledger.dirty() {
		c.seq, c.lease.Kept = a.ledger.seq, true
		with = []Record{{Table: Ledgers, Key: a.Key, Value: a.ledger.content}}
		if a.ledger.at != (Instant{}) {
			c.clock = writer{at: a.ledger.at}
		}
	}
	c.lease.Wall = millis(now.Wall - c.clock.skew(now))
	c.value = write(c.lease)
	// More of them are not in doubt: the oldest cannot land any more, as others have.
	if a.claims = append(a.claims, c); len(a.claims) > 16 {
		a.claims = slices.Delete(a.claims, 0, 1)
	}
	m.ask(action{do: doSwap, account: a.Key, record: Record{Table: Leases, Key: a.Key, Value: c.value}, old: a.rec,
		with: with}, asking{table: Leases, account: a, write: c, at: now})
	a.asked = m.lastID
}

// renew writes the lease that this host has, or its release.
func (m *machine) renew(a *account, now Instant) {
	l := a.mine
	a.beat++
	l.Beat = a.beat
	l.Kept = l.Kept || a.kept
	if a.state == stateReleasing {
		l.Released, l.Reason = true, a.yield.reason
		l.Successor = a.yield.to
	}
	m.claim(a, l, now)
}

// swapped is the answer to doSwap. now is the record that is there, where it was not done.
func (m *machine) swapped(id uint64, done bool, is []byte, err error, now Instant) {
	r := m.answer(id)
	switch {
	case r == nil || m.closed:
		return
	case r.table == Members:
		m.enrolled(id, done, is, err, r, now)
	default:
		m.claimed(r.account, id, r.write, done, is, err, now)
		m.step(r.account, now)
	}
	m.poll(now)
	m.tend(now)
	m.sweep(now)
}

// claimed is told the outcome of a claim.
func (m *machine) claimed(a *account, id uint64, c *claim, done bool, is []byte, err error, now Instant) {
	if a.asked != id {
		return
	}
	a.asked, a.endedAt = 0, now.Boot
	switch {
	case err != nil:
		// It may have been done, and may still be. The next one finds out.
		a.retryAt = now.Boot + m.cfg.TTL/15
		m.hinted = true
	case done:
		a.kept = a.kept || c.lease.Kept
		a.claims = slices.DeleteFunc(a.claims, func(o *claim) bool { return o != c && o.at.Boot <= c.at.Boot })
		m.observe(a, c.value, c.at, now)
	default:
		a.claims = slices.DeleteFunc(a.claims, func(o *claim) bool { return o == c })
		a.retryAt = now.Boot
		m.observe(a, is, c.at, now)
	}
}
