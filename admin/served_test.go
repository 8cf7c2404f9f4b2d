package admin

import (
	"log/slog"
	"path/filepath"
	"strings"
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

// TestServedIsComparable: a server is the same subject whenever it is asked for, and no other is.
func TestServedIsComparable(t *testing.T) {
	a, endA := awayServer(t, "a")
	defer endA()
	b, endB := awayServer(t, "a")
	defer endB()
	seen := map[status.Looker]int{Served(a): 1, Served(b): 2}
	if seen[Served(a)] != 1 || seen[Served(b)] != 2 {
		t.Errorf("got %v", seen)
	}
}

// TestServedLook: a look has the account, its sessions and its clients.
func TestServedLook(t *testing.T) {
	s, end := awayServer(t, "a")
	defer end()
	before := time.Now().Add(-time.Second)
	l := Served(s).Look()
	if l == nil || l.At.Before(before) || l.At.After(time.Now()) || l.At.Location() != time.UTC {
		t.Fatalf("got %+v", l)
	}
	if l.Account.Max != 2 || l.Account.Ready() || l.Clients.Connected != 0 || l.Clients.MaxMemory == 0 || l.Clients.Blame != nil {
		t.Errorf("got %+v", l)
	}
	m := status.NewMonitor(status.MonitorConfig{Subjects: func() []status.Subject { return []status.Subject{{Name: "a", Looker: Served(s)}} }})
	defer m.Stop()
	if got := m.Ready(); len(got) != 1 || got[0].OK || !strings.HasPrefix(got[0].Reason, "no session is logged in") {
		t.Errorf("got %+v", got)
	}
}

// TestClientsOf: each number of the clients has its own place.
func TestClientsOf(t *testing.T) {
	sn := &proxy.Snapshot{Clients: 1, Memory: 2, MaxMemory: 3, AcceptError: "x", Greets: true, GreetingFault: "y"}
	sn.Faults, sn.AcceptErrors = 4, 5
	for i := range sn.Closes {
		sn.Closes[i] = 1
	}
	got := clientsOf(sn)
	want := status.ClientsSnapshot{Connected: 1, Memory: 2, MaxMemory: 3, Faults: 4, AcceptErrors: 5, AcceptError: "x", Hoarders: 1, Closed: sn.Blamed(),
		Greets: true, GreetingFault: "y"}
	if got != want || want.Closed < 2 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	at := time.Now()
	sn.Blame = proxy.Blame{At: at, Listener: "l", Client: "c", Reason: "r"}
	if b := clientsOf(sn).Blame; b == nil || *b != (status.Blame{At: at, Listener: "l", Client: "c", Reason: "r"}) {
		t.Errorf("got %+v", b)
	}
}
