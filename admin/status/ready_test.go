package status

import (
	"slices"
	"testing"
	"time"

	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// account makes a snapshot of an account.
func account(change func(*upstream.Snapshot)) *Snapshot {
	s := new(Snapshot)
	change(&s.Account)
	return s
}

// ungreetedBy is an account with a session whose last greeting has a fault.
func ungreetedBy(fault string, greets bool) *Snapshot {
	s := account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionIdle] = 1 })
	s.Clients.GreetingFault, s.Clients.Greets = fault, greets
	return s
}

// TestReadiness holds the words of /readyz: scripts may match them.
func TestReadiness(t *testing.T) {
	for _, tt := range []struct {
		name     string
		snapshot *Snapshot
		stopping bool
		want     string // empty: ready
	}{
		{"idle session", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionIdle] = 1 }), false, ""},
		{"busy session", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionBusy] = 1 }), false, ""},
		{"session that is paused and still there", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionIdle], a.Paused = 1, true }), false, ""},
		{"trouble with others", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionIdle], a.Trouble = 1, "x" }), false, ""},
		{"no answer", nil, false, "event loop does not answer"},
		{"stopping", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionIdle] = 1 }), true, "draining"},
		{"stopping, no answer", nil, true, "draining"},
		{"opened when a command comes", account(func(a *upstream.Snapshot) { a.OnDemand = true }), false, ""},
		{"none", account(func(a *upstream.Snapshot) {}), false, "no session is logged in"},
		{"dialing", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionDialing] = 1 }), false, "no session is logged in"},
		{"draining", account(func(a *upstream.Snapshot) { a.Sessions[pool.SessionDraining] = 1 }), false, "no session is logged in"},
		{"paused", account(func(a *upstream.Snapshot) { a.Paused, a.Trouble = true, "x" }), false, "paused by the operator"},
		{"trouble", account(func(a *upstream.Snapshot) { a.Trouble = "connect: dial tcp 127.0.0.1:1: connect: connection refused" }), false,
			"no session is logged in; last: connect: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"trouble, and soon another attempt", account(func(a *upstream.Snapshot) { a.Trouble, a.NextTry = "login: refused", 1499*time.Millisecond }), false,
			"no session is logged in; last: login: refused; next attempt in 1s"},
		{"limit used up", account(func(a *upstream.Snapshot) {
			a.Spent, a.NextTry = pool.Spent{Rule: "all-1000-per-24h", For: 3 * time.Hour}, 3*time.Hour
		}), false, "no session is logged in; limit all-1000-per-24h counts logins and is used up; next attempt in 3h0m0s"},
		{"no greeting to pass on", ungreetedBy("too long", false), false, "clients are not greeted: registry's greeting: too long"},
		{"an old greeting", ungreetedBy("too long", true), false, ""},
		{"only waiting", account(func(a *upstream.Snapshot) { a.NextTry = 90 * time.Second }), false, "no session is logged in; next attempt in 1m30s"},
	} {
		got := readiness("a", tt.snapshot, nil, tt.stopping)
		if want := (Readiness{Registry: "a", OK: tt.want == "", Reason: tt.want}); got != want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
		}
	}
}

// TestReady: each registry in the order of the subjects, then what is drained. What it says is
// fresh, and it goes on after Stop.
func TestReady(t *testing.T) {
	a, b := &fake{sessions: 1}, &fake{}
	cfg := MonitorConfig{Subjects: fixed(subjectOf("a", a), subjectOf("b", b)), Drained: func() []string { return []string{"c"} }}
	watch(t, cfg, func(t *testing.T, m *Monitor) {
		want := []Readiness{
			{Registry: "a", OK: true},
			{Registry: "b", Reason: "no session is logged in"},
			{Registry: "c", Reason: "drained by the operator; a reload serves it again"},
		}
		if got := m.Ready(); !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		a.away.Store(true) // no time passes
		if got := m.Ready()[0]; got.OK || got.Reason != "event loop does not answer" {
			t.Errorf("got %+v, want the truth of now", got)
		}
	})
	m := NewMonitor(cfg)
	m.Stop()
	if got := m.Ready(); len(got) != 3 {
		t.Errorf("after Stop: got %+v", got)
	}
}

// TestReadyAsThePage: while no session can be opened, /readyz is not ready and the page says
// broken. With one session, neither says so.
func TestReadyAsThePage(t *testing.T) {
	causes := []pool.Cause{pool.CauseLoginRefused, pool.CauseTooManySessions, pool.CauseTLS, pool.CauseConnect, pool.CauseGreeting}
	for _, cause := range causes {
		s := account(func(a *upstream.Snapshot) { a.Trouble, a.Cause, a.Max = "x", cause, 3 })
		r := Registry{Answers: true}
		r.account(&s.Account)
		if got, verdict := readiness("a", s, nil, false), judge(&r, false)[0]; got.OK || verdict.Gravity != Broken {
			t.Errorf("%v: got %+v and %+v", cause, got, verdict)
		}
		s.Account.Sessions[pool.SessionIdle] = 1
		r.account(&s.Account)
		if got, verdict := readiness("a", s, nil, false), judge(&r, false)[0]; !got.OK || verdict.Gravity == Broken {
			t.Errorf("%v, one session: got %+v and %+v", cause, got, verdict)
		}
	}
}
