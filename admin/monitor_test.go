package admin

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"eppmux/proxy"
	"eppmux/upstream"
)

// awayServer is a server at work whose registry is not there.
func awayServer(t *testing.T, name string) *proxy.Server {
	t.Helper()
	s := proxy.New(proxy.Config{Name: name, Listeners: []proxy.Listener{{Address: "unix://" + filepath.Join(t.TempDir(), "s")}},
		Upstream: upstream.Config{Address: "127.0.0.1:1", Pool: upstream.PoolConfig{MinSessions: 1, MaxSessions: 2, QueueTimeout: time.Second, CommandTimeout: time.Second}}})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMonitor: it shows what there is, in the order of the subjects; whoever asks at the same time
// gets the same.
func TestMonitor(t *testing.T) {
	a, b := awayServer(t, "a"), awayServer(t, "b")
	defer b.Close()
	subjects := []Subject{{Server: a, MaxSessions: 2, MinSessions: 1, Limits: []Limit{{Limit: 1, Scope: "client"}}}, {Server: b, MaxSessions: 2}}
	m := NewMonitor(MonitorConfig{Subjects: func() []Subject { return subjects }})
	defer m.Stop()

	var wg sync.WaitGroup
	got := make([]*Status, 64)
	begin := time.Now()
	for i := range got {
		wg.Go(func() { got[i] = m.Status() })
	}
	wg.Wait()
	took := time.Since(begin)
	slices.SortFunc(got, func(a, b *Status) int { return a.Now.Compare(b.Now) })
	if n := len(slices.Compact(got)); n > 1+int(took/freshFor) {
		t.Errorf("got %d looks at the loops for %d requests within %v", n, 64, took)
	}
	s := got[0]
	if len(s.Registries) != 2 || s.Registries[0].Name != "a" || s.Registries[0].Gravity != Broken || s.Registries[0].Ready || !s.Registries[0].Answers {
		t.Errorf("got %+v", s)
	}

	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.Registries[0].Answers && time.Now().Before(deadline); {
		s = m.Status()
	}
	if r := &s.Registries[0]; r.Answers || r.Findings[0].Rule != "stalled" || r.Sessions.Max != 2 {
		t.Errorf("a loop that does not answer: got %+v", r)
	}
	if r := &s.Registries[1]; !r.Answers {
		t.Errorf("the other one: got %+v", r)
	}
}

// TestMonitorStops: a page that is still asked for gets what was made last.
func TestMonitorStops(t *testing.T) {
	for _, asked := range []bool{false, true} {
		m := NewMonitor(MonitorConfig{Version: "v1", Subjects: func() []Subject { return nil }})
		if asked {
			m.Status()
		}
		m.Stop()
		if s := m.Status(); s == nil || s.Version != "v1" {
			t.Errorf("got %+v", s)
		}
	}
}
