package status

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// fake is a registry that answers so many checks each second since the clock of a bubble began.
type fake struct {
	perSecond uint64
	sessions  int           // logged in and idle
	away      atomic.Bool   // it does not answer
	late      time.Duration // for which a look takes
	looks     atomic.Int32
}

func (f *fake) Look() *Snapshot {
	f.looks.Add(1)
	time.Sleep(f.late) // in a bubble
	if f.away.Load() {
		return nil
	}
	s := &Snapshot{At: time.Now().UTC()}
	n := f.perSecond * uint64(time.Since(midnight)/time.Second)
	s.Account.RTT[upstream.ClassQuery].Counts[3] = n
	s.Account.Commands[frame.CommandCheck][frame.Code(1000).Index()] = n
	s.Account.Sessions[pool.SessionIdle], s.Account.Max = f.sessions, 9
	return s
}

// midnight is when the clock of a bubble begins.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// watch runs a test of a monitor of subjects within a bubble.
func watch(t *testing.T, cfg MonitorConfig, test func(t *testing.T, m *Monitor)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(cfg)
		defer m.Stop()
		test(t, m)
	})
}

// fixed are subjects that do not change.
func fixed(all ...Subject) func() []Subject { return func() []Subject { return all } }

func subjectOf(name string, f *fake) Subject { return Subject{Name: name, Looker: f, MaxSessions: 3} }

// TestMonitorShows: the registries in the order of the subjects, the gravest of them first in
// gravity, with the numbers of the last minute.
func TestMonitorShows(t *testing.T) {
	a, b := &fake{perSecond: 7, sessions: 2}, &fake{}
	cfg := MonitorConfig{Version: "v1", Subjects: fixed(subjectOf("b", b), subjectOf("a", a))}
	watch(t, cfg, func(t *testing.T, m *Monitor) {
		time.Sleep(2 * time.Minute)
		s := m.Status()
		if s.Version != "v1" || s.Host == "" || s.Stopping || !s.Started.Equal(midnight) || !s.Now.Equal(midnight.Add(2*time.Minute)) {
			t.Errorf("got %+v", s)
		}
		if len(s.Registries) != 2 || s.Registries[0].Name != "b" || s.Registries[1].Name != "a" {
			t.Fatalf("got %+v", s.Registries)
		}
		if s.Gravity != Broken || s.Registries[0].Gravity != Broken || s.Registries[1].Gravity != OK {
			t.Errorf("got gravities %v, %v, %v", s.Gravity, s.Registries[0].Gravity, s.Registries[1].Gravity)
		}
		r := &s.Registries[1]
		if r.Minute.Queries != 7*60 || r.Minute.Seconds != 60 || r.Recent.Queries != 7*120 || r.Total.Queries != 7*120 {
			t.Errorf("got %+v, %+v, %+v", r.Minute, r.Recent, r.Total)
		}
		if !r.Ready || r.Sessions.LoggedIn() != 2 || r.Findings[0].Rule != "well" {
			t.Errorf("got %+v", r)
		}
	})
}

// TestMonitorHistory: a row each five seconds, also when nobody asks.
func TestMonitorHistory(t *testing.T) {
	f := &fake{perSecond: 4, sessions: 1}
	watch(t, MonitorConfig{Subjects: fixed(subjectOf("a", f))}, func(t *testing.T, m *Monitor) {
		time.Sleep(32 * time.Second)
		if got := f.looks.Load(); got != 7 {
			t.Errorf("got %d looks in 32 s, want one at the beginning and one each 5 s", got)
		}
		h := m.Status().Registries[0].History
		if h.IntervalSeconds != 5 || !h.End.Equal(midnight.Add(30*time.Second)) || len(h.Queries) != historySlots {
			t.Errorf("got %v, %v, %d", h.IntervalSeconds, h.End, len(h.Queries))
		}
		for i, v := range h.Queries {
			known := i >= historySlots-6
			if known != (v != nil) || known && *v != 4 {
				t.Errorf("slot %d: got %v", i, v)
			}
		}
	})
}

// TestMonitorFresh: however many ask, a registry is looked at once each half second.
func TestMonitorFresh(t *testing.T) {
	f := &fake{sessions: 1}
	watch(t, MonitorConfig{Subjects: fixed(subjectOf("a", f))}, func(t *testing.T, m *Monitor) {
		time.Sleep(time.Second)
		before := f.looks.Load()
		first := m.Status()
		for range 100 {
			if m.Status() != first {
				t.Fatal("got another status at the same time")
			}
		}
		time.Sleep(freshFor)
		if m.Status() != first {
			t.Error("got another status within half a second")
		}
		time.Sleep(time.Millisecond)
		if m.Status() == first {
			t.Error("got the same status after half a second")
		}
		if n := f.looks.Load() - before; n != 2 {
			t.Errorf("got %d looks, want 2", n)
		}
	})
}

// TestMonitorTogether: all who wait for a slow look get what it shows.
func TestMonitorTogether(t *testing.T) {
	f := &fake{sessions: 1, late: time.Second}
	watch(t, MonitorConfig{Subjects: fixed(subjectOf("a", f))}, func(t *testing.T, m *Monitor) {
		time.Sleep(2 * time.Second)
		before := f.looks.Load()
		got := make([]*Status, 50)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i] = m.Status() })
		}
		wg.Wait()
		if n := f.looks.Load() - before; n != 1 {
			t.Errorf("got %d looks for %d requests", n, len(got))
		}
		if slices.ContainsFunc(got, func(s *Status) bool { return s != got[0] }) {
			t.Error("got different ones")
		}
	})
}

// TestMonitorSideBySide: registries that are slow to answer are looked at side by side.
func TestMonitorSideBySide(t *testing.T) {
	var all []Subject
	for i := range 10 {
		all = append(all, subjectOf(fmt.Sprint(i), &fake{late: 2 * time.Second}))
	}
	watch(t, MonitorConfig{Subjects: fixed(all...)}, func(t *testing.T, m *Monitor) {
		time.Sleep(3 * time.Second)
		begin := time.Now()
		m.Status()
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("status took %v", took)
		}
		begin = time.Now()
		if got := m.Ready(); len(got) != 10 || time.Since(begin) != 2*time.Second {
			t.Errorf("ready took %v, got %v", time.Since(begin), got)
		}
	})
}

// TestMonitorAway: of a registry that does not answer, the last answer is shown and said to be old.
// Its history has a gap, and goes on when it answers again.
func TestMonitorAway(t *testing.T) {
	f, other := &fake{perSecond: 1, sessions: 2}, &fake{sessions: 1}
	watch(t, MonitorConfig{Subjects: fixed(subjectOf("a", f), subjectOf("b", other))}, func(t *testing.T, m *Monitor) {
		time.Sleep(21 * time.Second)
		m.Status()
		f.away.Store(true)
		time.Sleep(20 * time.Second)
		s := m.Status()
		r := &s.Registries[0]
		if r.Answers || r.Findings[0].Rule != "stalled" || len(r.Findings) != 1 || s.Gravity != Broken {
			t.Errorf("got %+v", r.Findings)
		}
		if r.Sessions.Idle != 2 || !r.Ready || r.Total.Queries != 21 {
			t.Errorf("got %+v, %+v, want what was seen last", r.Sessions, r.Total)
		}
		if s.Registries[1].Gravity != OK || !s.Registries[1].Answers {
			t.Errorf("the other one: got %+v", s.Registries[1].Findings)
		}
		f.away.Store(false)
		time.Sleep(15 * time.Second)
		r = &m.Status().Registries[0]
		if !r.Answers || r.Gravity != OK {
			t.Errorf("got %+v", r.Findings)
		}
		if end := r.History.End.Sub(midnight); end != 55*time.Second {
			t.Errorf("got an end at %v", end)
		}
		for at, known := range map[int]bool{15: true, 20: true, 25: false, 30: false, 35: false, 40: false, 45: true, 50: true, 55: true} {
			switch v := r.History.Queries[historySlots-1-(55-at)/5]; {
			case known != (v != nil):
				t.Errorf("at %d s: got %v", at, v)
			case known && *v != 1:
				t.Errorf("at %d s: got %v commands/s", at, *v)
			}
		}
	})
}

// TestMonitorNeverAnswered: a registry that has never answered is shown by what the config says.
func TestMonitorNeverAnswered(t *testing.T) {
	f := new(fake)
	f.away.Store(true)
	subject := Subject{Name: "a", Looker: f, Address: "epp.example:700\x1b", MinSessions: 1, MaxSessions: 4, MaxClients: 50,
		QueueTimeout: 8 * time.Second, Limits: []Limit{{Name: "all", Limit: 5}}}
	watch(t, MonitorConfig{Subjects: fixed(subject)}, func(t *testing.T, m *Monitor) {
		r := &m.Status().Registries[0]
		if r.Answers || r.Ready || r.Sessions.Max != 4 || r.Sessions.Allowed != 4 || r.Sessions.Min != 1 || r.Clients.Max != 50 {
			t.Errorf("got %+v", r)
		}
		if r.Address != "epp.example:700\ufffd" || r.Queue.TimeoutSeconds != 8 || len(r.Limits) != 1 || len(r.History.Queries) != historySlots {
			t.Errorf("got %+v", r)
		}
	})
}

// TestMonitorReload: a registry that comes back with another looker begins anew; one that stays
// keeps its past; one that goes is forgotten, also when it comes back later.
func TestMonitorReload(t *testing.T) {
	a, b := &fake{perSecond: 1, sessions: 1}, &fake{perSecond: 1, sessions: 1}
	var now atomic.Pointer[[]Subject]
	set := func(all ...Subject) { now.Store(&all) }
	set(subjectOf("a", a), subjectOf("b", b))
	recent := func(m *Monitor, i int) float64 { return m.Status().Registries[i].Recent.Seconds }
	watch(t, MonitorConfig{Subjects: func() []Subject { return *now.Load() }}, func(t *testing.T, m *Monitor) {
		time.Sleep(100 * time.Second)
		set(subjectOf("a", &fake{perSecond: 1, sessions: 1}), subjectOf("b", b))
		time.Sleep(20 * time.Second)
		if got := recent(m, 0); got > 20 {
			t.Errorf("another looker: got a past of %v s", got)
		}
		if got := recent(m, 1); got != 120 {
			t.Errorf("the same looker: got a past of %v s", got)
		}
		set()
		time.Sleep(10 * time.Second)
		if s := m.Status(); len(s.Registries) != 0 || s.Gravity != OK {
			t.Errorf("got %+v", s.Registries)
		}
		set(subjectOf("b", b))
		time.Sleep(10 * time.Second)
		if got := recent(m, 0); got > 10 {
			t.Errorf("after it had gone: got a past of %v s", got)
		}
	})
}

// TestMonitorStopping: the end of the program is the gravest that can be said of each registry.
func TestMonitorStopping(t *testing.T) {
	var stopping atomic.Bool
	cfg := MonitorConfig{Subjects: fixed(subjectOf("a", &fake{sessions: 1})), Stopping: stopping.Load}
	watch(t, cfg, func(t *testing.T, m *Monitor) {
		time.Sleep(time.Second)
		if s := m.Status(); s.Stopping || s.Gravity != OK {
			t.Errorf("before: got %+v", s)
		}
		stopping.Store(true)
		time.Sleep(time.Second)
		s := m.Status()
		if f := s.Registries[0].Findings[0]; !s.Stopping || s.Gravity != Broken || f.Rule != "stopping" || f.Whose != whoseOperator {
			t.Errorf("got %+v", s)
		}
	})
}

// TestMonitorStops: a page that is still asked for gets what was made last.
func TestMonitorStops(t *testing.T) {
	for _, asked := range []bool{false, true} {
		m := NewMonitor(MonitorConfig{Version: "v1", Subjects: fixed()})
		var last *Status
		if asked {
			last = m.Status()
		}
		m.Stop()
		s := m.Status()
		if s == nil || s.Version != "v1" {
			t.Errorf("got %+v", s)
		}
		if asked && s != last {
			t.Errorf("got %+v, want what was made last", s)
		}
		if !asked && !s.Stopping {
			t.Errorf("got %+v, want one that says that it stops", s)
		}
	}
}

// TestMonitorEvents: each registry has its own events, and the rest is for the program itself.
func TestMonitorEvents(t *testing.T) {
	recent := NewRecent()
	recent.keep("a", Event{Text: "of a"})
	recent.keep("", Event{Text: "of none"})
	recent.keep("gone", Event{Text: "of one that is gone"})
	cfg := MonitorConfig{Subjects: fixed(subjectOf("a", &fake{}), subjectOf("b", &fake{})), Recent: recent}
	watch(t, cfg, func(t *testing.T, m *Monitor) {
		s := m.Status()
		if len(s.Events) != 1 || s.Events[0].Text != "of none" {
			t.Errorf("got %+v", s.Events)
		}
		if e := s.Registries[0].Events; len(e) != 1 || e[0].Text != "of a" {
			t.Errorf("a: got %+v", e)
		}
		if e := s.Registries[1].Events; len(e) != 0 {
			t.Errorf("b: got %+v", e)
		}
	})
}
