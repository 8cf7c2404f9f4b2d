package admin

import (
	"path/filepath"
	"testing"
	"time"

	"eppmux/admin/status"
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

// TestServed: a monitor shows servers in the order of the subjects, and tells the one that is
// closed.
func TestServed(t *testing.T) {
	a, b := awayServer(t, "a"), awayServer(t, "b")
	defer b.Close()
	subjects := []status.Subject{
		{Name: "a", Looker: Served(a), MaxSessions: 2, MinSessions: 1, Limits: []status.Limit{{Limit: 1, Scope: "client"}}},
		{Name: "b", Looker: Served(b), MaxSessions: 2},
	}
	m := status.NewMonitor(status.MonitorConfig{Subjects: func() []status.Subject { return subjects }})
	defer m.Stop()

	s := m.Status()
	if len(s.Registries) != 2 || s.Registries[0].Name != "a" || s.Registries[0].Gravity != status.Broken || s.Registries[0].Ready || !s.Registries[0].Answers {
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
