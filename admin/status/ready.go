package status

import (
	"sync"
	"time"

	"eppmux/upstream"
)

// Readiness says whether the clients of one registry can be served.
type Readiness struct {
	Registry string
	// OK: a session is logged in or opened for the next command, or a lane is there to the owner, or a
	// takeover is under way; clients are greeted, nothing is draining.
	OK     bool
	Reason string // why not, in one line; empty if OK
}

// Ready looks at every registry anew, side by side, and reports on each in the order of the
// subjects, then on what the operator has drained. Any goroutine may call it, also after Stop. It
// takes as long as the slowest Look.
func (m *Monitor) Ready() []Readiness {
	subjects, stopping := m.cfg.Subjects(), m.cfg.Stopping()
	all := make([]Readiness, len(subjects))
	var owned []Ownership
	if c := m.cfg.Cluster(); c != nil {
		_, owned = ClusterOf(c, time.Now())
	}
	var wg sync.WaitGroup
	for i := range subjects {
		name := subjects[i].Name
		wg.Go(func() { all[i] = readiness(name, subjects[i].Looker.Look(), ownershipIn(owned, name), stopping) })
	}
	wg.Wait()
	for _, name := range m.cfg.Drained() {
		all = append(all, Readiness{Registry: name, Reason: "drained by the operator; a reload serves it again"})
	}
	return all
}

// readiness answers a probe from the same Snapshot that the page is made of; nil means that the
// registry does not answer. It asks what the rules stalled, unowned, noLane, spent, noSession, connecting and
// ungreeted ask, and differs in two ways. Its words are a surface that scripts may match. And a paused account
// is ready until its last session has logged out.
func readiness(name string, s *Snapshot, o *Ownership, stopping bool) Readiness {
	switch {
	case stopping:
		return Readiness{Registry: name, Reason: "draining"}
	case s == nil:
		return Readiness{Registry: name, Reason: "event loop does not answer"}
	case !o.speaks():
		if reason := cannotForward(o); reason != "" {
			return Readiness{Registry: name, Reason: reason}
		}
	case !s.Account.Ready():
		return Readiness{Registry: name, Reason: noSessionReason(&s.Account)}
	}
	if s.Clients.ungreeted() {
		fault := s.Clients.GreetingFault
		return Readiness{Registry: name, Reason: "clients are not greeted: registry's greeting: " + fault}
	}
	return Readiness{Registry: name, OK: true}
}

// cannotForward says why commands of this host do not reach an owner; empty: they do, or wait for one
// that is to come soon.
func cannotForward(o *Ownership) string {
	switch {
	case o.orphaned() && !o.taking():
		return "nobody owns the account"
	case o.follows() && o.Lanes != nil && o.Lanes.Open() == 0 && !o.opens():
		text := "no lane to " + o.Owner + ", which owns the account"
		if o.Lanes.Trouble != "" {
			text += "; last: " + o.Lanes.Trouble
		}
		return text
	}
	return ""
}

// noSessionReason says why no session is logged in, as far as that is known.
func noSessionReason(a *upstream.Snapshot) string {
	if a.Paused {
		return "paused by the operator"
	}
	text := "no session is logged in"
	if a.Trouble != "" {
		text += "; last: " + a.Trouble
	}
	if a.Spent.Rule != "" {
		text += "; limit " + a.Spent.Rule + " counts logins and is used up"
	}
	if a.NextTry > 0 {
		text += "; next attempt in " + a.NextTry.Round(time.Second).String()
	}
	return text
}
