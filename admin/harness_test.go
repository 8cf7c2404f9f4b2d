package admin

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/admin/status"
	"eppmux/audit"
	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// evil is what nobody should be able to bring onto a page or a terminal.
const evil = "<script>alert(1)</script>\x1b[2J\x1b]0;x\x07\" onload=\"x\u202e"

// script is a looker that shows at each look what it is told to.
type script struct{ look func() *status.Snapshot }

func (s *script) Look() *status.Snapshot { return s.look() }

// statusOf is what a monitor makes of a subject that it has watched for a minute of a clock of its
// own. It begins at midnight of 2000-01-01.
func statusOf(t *testing.T, subject status.Subject, recent *status.Recent) (s *status.Status) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := status.NewMonitor(status.MonitorConfig{Version: "v1", Recent: recent, Subjects: func() []status.Subject { return []status.Subject{subject} }})
		time.Sleep(time.Minute)
		s = m.Status()
		m.Stop()
	})
	return s
}

// busy is a registry with 3 sessions that answers 11 commands each second, and of which nothing is
// to be said.
func busy() *status.Snapshot {
	s := &status.Snapshot{At: time.Now().UTC()}
	n := uint64(time.Since(midnight) / time.Second)
	a := &s.Account
	a.RTT[upstream.ClassQuery].Counts[3] = 10 * n
	a.RTT[upstream.ClassTransform].Counts[4] = n
	a.Wait[upstream.ClassQuery].Counts[0] = 11 * n
	a.Commands[frame.CommandCheck][frame.Code(1000).Index()] = 10 * n
	a.Commands[frame.CommandCreate][frame.Code(1000).Index()] = n
	a.Sessions[pool.SessionIdle], a.Sessions[pool.SessionBusy], a.Max = 2, 1, 3
	a.Used, a.Rules = []float64{0.5, 0}, []string{"all", "the-second"}
	s.Sessions = []upstream.SessionInfo{{ID: 7, State: pool.SessionBusy, Age: 90 * time.Second, Commands: 3, Doing: "create"}, {ID: 8}}
	s.Clients.Connected = 5
	return s
}

// midnight is when the clock of a bubble begins.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// busySubject is a subject that shows what look does.
func busySubject(look func() *status.Snapshot) status.Subject {
	return status.Subject{Name: "a", Address: "epp.example:700", Looker: &script{look}, MinSessions: 1, MaxSessions: 3, MaxClients: 100,
		QueueTimeout: 8 * time.Second,
		Limits: []status.Limit{{Name: "all", Limit: 5, PerSeconds: 60, Burst: 2, Scope: "registry", Commands: "all"},
			{Name: "the-second", Index: 1, Limit: 9, PerSeconds: 1, Burst: 9, Scope: "client", Shadow: true}}}
}

// warn logs a warning three times, about a registry or, where the name is empty, about none.
func warn(to *status.Recent, registry, text string) {
	log := slog.New(to.Handler(slog.DiscardHandler))
	if registry != "" {
		log = log.With("registry", registry)
	}
	for range 3 {
		log.Warn(text, "err", text)
	}
}

// evilStatus has evil in every string that others have a part in.
func evilStatus(t *testing.T) *status.Status {
	t.Helper()
	subject := busySubject(func() *status.Snapshot {
		s := busy()
		s.Sessions[0].Client, s.Sessions[0].Listener = evil, evil
		s.Account.Trouble, s.Account.Cause = evil, pool.CauseConnect
		s.Account.LoginEvents = []frame.LoginEvent{{Type: evil, Level: evil, Text: evil, Expires: midnight.Add(time.Hour)}, {Type: evil, Text: evil}}
		s.Account.Exceeded[1] = 4
		s.Account.Culprits = []upstream.Culprit{{Listener: evil, Client: evil, Identity: evil, Command: evil, Cause: pool.CauseFrame, Ends: 2, HeldBack: true}}
		s.Clients.Faults, s.Clients.AcceptErrors, s.Clients.AcceptError = 1, 1, evil
		s.Clients.Blame = &status.Blame{At: s.At, Listener: evil, Client: evil, Reason: "ahead"}
		return s
	})
	subject.Address = evil
	subject.Expiries = func(now time.Time) []status.Expiry {
		return []status.Expiry{{What: "our certificate", File: "client.pem", At: now.Add(4 * 24 * time.Hour), Ours: true, Near: status.Look}}
	}
	subject.Audit = func() (audit.State, bool) {
		return audit.State{File: evil, Why: evil, Failing: time.Now().Add(-time.Minute), Lost: 1, LostAt: time.Now()}, true
	}
	recent := status.NewRecent()
	warn(recent, "a", evil)
	warn(recent, "", evil)
	return statusOf(t, subject, recent)
}
