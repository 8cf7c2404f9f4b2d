package status

import (
	"sync"
	"time"

	"eppmux/upstream"
)

// Readiness says whether the clients of one registry can be served.
type Readiness struct {
	Registry string
	OK       bool   // at least one session is logged in, and nothing is draining
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

// readiness is the part of judge that a probe asks for: the reasons why no command can be carried,
// from the same Snapshot, in words that probes have always seen. Nil: the registry does not answer.
func readiness(name string, s *Snapshot, stopping bool) Readiness {
	switch {
	case stopping:
		return Readiness{Registry: name, Reason: "draining"}
	case s == nil:
		return Readiness{Registry: name, Reason: "event loop does not answer"}
	case !s.Account.Ready():
		return Readiness{Registry: name, Reason: noSessionReason(&s.Account)}
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
	if a.NextTry > 0 {
		text += "; next attempt in " + a.NextTry.Round(time.Second).String()
	}
	return text
}
