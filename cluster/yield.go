package cluster

import (
	"fmt"
	"log/slog"
	"time"
)

// yield is an account's end in good order, at this host.
type yield struct {
	reason Reason
	host   string // to which an operator gives it; empty: the best
	to     string // instance of the successor; empty: nobody
	by     time.Duration
}

// begin lets the tenant own, with the ledger that was found.
func (m *machine) begin(a *account, found []byte, now Instant) {
	a.state, a.own, a.since = stateOwner, true, now.Wall
	a.ledger.begin(found)
	a.kept = a.kept || found != nil
	o := Owner{Host: m.cfg.Host, Peer: m.cfg.Peer, Term: a.mine.Term}
	a.count(o, a.mine.Reason)
	m.act(action{do: doOwn, account: a.Key, tenure: Tenure{Term: a.mine.Term, Fence: a.fence, Ledger: found,
		Lost: found == nil && a.lost, Skew: max(m.cfg.MaxSkew, a.writer.skew(now))}})
	m.say(slog.LevelInfo, "this host owns the account", "registry", a.Name, "term", a.mine.Term,
		"reason", string(a.mine.Reason))
}

// weigh gives the account up where there is a reason to.
func (m *machine) weigh(a *account, now Instant) {
	ends := a.parting || m.closing
	switch {
	case a.state == stateReading && ends:
		a.yield.reason = ReasonShutdown
		m.release(a, now)
	case a.state == stateOwner && a.viewed != m.view:
		a.viewed = m.view
		why, to := m.reason(a, now)
		if why != "" && (to != nil || ends) {
			m.yieldTo(a, why, "", now)
		}
	}
}

// reason returns why the account is to be given up, and who would get it. Empty: it is not.
func (m *machine) reason(a *account, now Instant) (Reason, *member) {
	to := m.successor(a, "", now)
	switch {
	case a.parting || a.leaving || m.leaving:
		return ReasonShutdown, to
	case m.odd || m.doubled:
		return ReasonClock, to
	case a.down > m.cfg.YieldAfter && to != nil:
		m.unfit[a.Key] = millis(now.Wall + a.missed(now))
		m.self.at = now.Boot
		return ReasonYield, to
	case to != nil && m.rank(a, now) > 0 && now.Boot >= a.stayTo && now.Boot >= to.since+settled && !m.giving():
		return ReasonBetter, to
	}
	return "", nil
}

// missed notes that this host could open no session, and returns for how long it is unfit.
func (a *account) missed(now Instant) time.Duration {
	if now.Boot-a.unfitAt > 2*unfitMost {
		a.unfit = 0
	}
	a.unfit, a.unfitAt = min(max(2*a.unfit, unfitFor), unfitMost), now.Boot
	return a.unfit
}

// giving reports whether an account is being given up.
func (m *machine) giving() bool {
	for _, a := range m.accounts {
		if a.state == stateYielding || a.state == stateReleasing {
			return true
		}
	}
	return false
}

// handover gives the account to a host, or to the best of the others.
func (m *machine) handover(key, host string, now Instant) error {
	a := m.accounts[key]
	switch {
	case a == nil:
		return ErrNoAccount
	case a.state != stateOwner && a.told.Host != "" && a.told.Host != m.cfg.Host:
		return fmt.Errorf("%w, %s does: hand it over there", ErrNotOwner, a.told.Host)
	case a.state != stateOwner:
		return ErrNotOwner
	case m.successor(a, host, now) == nil:
		return ErrNoMember
	}
	m.yieldTo(a, ReasonHandover, host, now)
	m.advance(now)
	return nil
}

func (m *machine) yieldTo(a *account, why Reason, host string, now Instant) {
	a.state = stateYielding
	a.yield = yield{reason: why, host: host, by: now.Boot + m.cfg.Yield}
	a.wakeAt(a.yield.by)
	m.act(action{do: doYield, account: a.Key, within: m.cfg.Yield, tenure: Tenure{Term: a.mine.Term}})
	m.say(slog.LevelInfo, "the account is given up", "registry", a.Name, "term", a.mine.Term, "reason", string(why))
}

// yielded is told that the tenant has ended in good order.
func (m *machine) yielded(key string, term uint64, now Instant) {
	a := m.accounts[key]
	if a == nil || a.state != stateYielding || a.mine.Term != term {
		return
	}
	m.release(a, now)
	m.advance(now)
}

// endYield ends a tenant that takes too long.
func (m *machine) endYield(a *account, now Instant) {
	if a.state != stateYielding {
		return
	}
	if now.Boot < a.yield.by {
		a.wakeAt(a.yield.by)
		return
	}
	a.fence.End()
	m.act(action{do: doLose, account: a.Key})
	m.say(slog.LevelWarn, "the account was not given up in time", "registry", a.Name, "term", a.mine.Term)
	m.release(a, now)
}

// release begins to write that the lease is free. Nothing is written to the registry from here on.
func (m *machine) release(a *account, now Instant) {
	a.fence.End()
	a.state, a.own = stateReleasing, false
	a.stayTo = now.Boot + settled
	to := m.successor(a, a.yield.host, now)
	if to == nil {
		to = m.successor(a, "", now)
	}
	switch {
	case to != nil:
		a.yield.to = to.Instance
	case a.yield.reason == ReasonShutdown:
		a.yield.reason = ReasonReleased
	}
}

// setDown is told what Tenant.Down returned.
func (m *machine) setDown(key string, down time.Duration, now Instant) {
	if a := m.accounts[key]; a != nil && a.down != down {
		a.down = down
		m.view++
		if a.state == stateOwner {
			m.step(a, now)
		}
	}
}
