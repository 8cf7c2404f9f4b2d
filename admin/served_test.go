package admin

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/loop/gnetloop"
	"eppmux/proxy"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// awayServer is a server at work whose registry is not there. end ends it, and its loop.
func awayServer(t *testing.T, name string) (s *proxy.Server, end func()) {
	t.Helper()
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	account := upstream.NewAccount(upstream.Config{Name: name, Address: "127.0.0.1:1", Pool: pool.Config{
		Grant: pool.Grant{MinSessions: 1, MaxSessions: 2}, QueueTimeout: time.Second, CommandTimeout: time.Second}}, l)
	s = proxy.New(proxy.Config{Listeners: []proxy.Listener{{Address: "unix://" + filepath.Join(t.TempDir(), "s")}}}, account)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	account.Start()
	s.Serve()
	return s, func() {
		s.Close()
		account.Close()
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestServed: a monitor shows servers in the order of the subjects, and tells the one that is
// closed.
func TestServed(t *testing.T) {
	a, endA := awayServer(t, "a")
	b, endB := awayServer(t, "b")
	defer endB()
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

	endA()
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
