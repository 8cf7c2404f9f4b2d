package status

import (
	"sync"
	"time"

	"eppmux/upstream"
)

// Readiness says whether the clients of one registry can be served.
type Readiness struct {
	Registry string
	OK       bool   // a session is logged in or opened for the next command, clients are greeted, nothing is draining
	Reason   string // why not, in one line; empty if OK
}

// Ready looks at every registry anew, side by side, and reports on each in the order of the
// subjects, then on what the operator has drained. Any goroutine may call it, also after Stop. It
// takes as long as the slowest Look.
func (m *Monitor) Ready() []Readiness {
	subjects, stopping := m.cfg.Subjects(), m.cfg.Stopping()
	all := make([]Readiness, len(subjects))
	var wg sync.WaitGroup
	for i := range subjects {
		wg.Go(func() { all[i] = readiness(subjects[i].Name, subjects[i].Looker.Look(), stopping) })
	}
	wg.Wait()
	for _, name := range m.cfg.Drained() {
		all = append(all, Readiness{Registry: name, Reason: "drained by the operator; a reload serves it again"})
	}
	return all
}

// readiness answers a probe from the same Snapshot that the page is made of; nil means that the
// registry does not answer. It asks what the rules stalled, spent, noSession, connecting and ungreeted ask,
// and differs in two ways. Its words are a surface that scripts may match. And a paused account is
// ready until its last session has logged out.
func readiness(name string, s *Snapshot, stopping bool) Readiness {
	switch {
	case stopping:
		return Readiness{Registry: name, Reason: "draining"}
	case s == nil:
		return Readiness{Registry: name, Reason: "event loop does not answer"}
	case !s.Account.Ready():
		return Readiness{Registry: name, Reason: noSessionReason(&s.Account)}
	case s.Clients.ungreeted():
		return Readiness{Registry: name, Reason: "clients are not greeted: registry's greeting: " + s.Clients.GreetingFault}
	}
	return Readiness{Registry: name, OK: true}
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
