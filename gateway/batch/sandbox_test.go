package batch

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/loop/gnetloop"
	"eppmux/ratelimit"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// rig is a Checker over an account at a registry in memory, by TLS.
type rig struct {
	registry *sandbox.Registry
	account  *upstream.Account
	c        *Checker
}

func open(t testing.TB, registry sandbox.Config, sessions int, rules ...pool.Rule) *rig {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	registry.MaxSessions = sessions
	g := &rig{registry: sandbox.New(registry)}
	t.Cleanup(func() { _ = g.registry.Close() })
	go g.registry.Serve(ln)
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	g.account = upstream.NewAccount(upstream.Config{Name: "example", Address: ln.Addr().String(), TLS: certs.Client,
		Login: frame.Login{ClientID: "demo", Password: "demo-secret"},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: sessions, MaxSessions: sessions, Rules: rules},
			QueueTimeout: 20 * time.Second, CommandTimeout: 20 * time.Second}}, l)
	g.account.Start()
	t.Cleanup(func() {
		g.account.Close()
		_ = l.Stop()
	})
	g.c = New([]*carry.Registry{{Name: "example", Zones: []string{"example", "com"}, CheckMax: 50, Account: g.account}})
	return g
}

// checks is the number of checks that the registry has had.
func (g *rig) checks() int { return int(g.registry.Counters().Commands["check"]) }

// TestSandbox: names of 40 requests at ten commands a second go to a registry by TLS in about 20 checks.
func TestSandbox(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 10, Per: time.Second}, Commands: pool.Commands(func(c frame.Command, _ frame.Op) bool {
		return c == frame.CommandCheck
	})}
	rule.Limit.Burst = 1
	g := open(t, sandbox.Config{}, 2, rule)
	var wg sync.WaitGroup
	for i := range 40 {
		names := make([]string, 25)
		for j := range names {
			names[j] = fmt.Sprintf("n%d-%d.example", i, j)
		}
		names[0], names[1] = "example.com", "kiösk.example"
		wg.Go(func() {
			got := 0
			g.c.Check(t.Context(), Request{User: &carry.User{Name: fmt.Sprint("u", i%5)}, RequestID: fmt.Sprint("req-", i), Names: names}, func(a Answer) {
				got++
				if a.Check == nil || a.Check.Available != (a.Name != "example.com") {
					t.Errorf("got %+v, %+v for %s", a.Check, a.Problem, a.Name)
				}
			})
			if got != len(names) {
				t.Errorf("%d answers", got)
			}
		})
	}
	wg.Wait()
	// 24 where the account has checks filled late; one that sends what was submitted needs more.
	if n := g.checks(); n > 24 {
		t.Errorf("%d checks for 1000 names, want about 20", n)
	}
	if n := g.registry.Counters().Breaches.Total(); n > 0 {
		t.Errorf("%d breaches", n)
	}
}

// TestSandboxRefuses: a registry that takes 50 names at a time is asked so, whatever the config says.
func TestSandboxRefuses(t *testing.T) {
	g := open(t, sandbox.Config{}, 2)
	g.c.SetRegistries([]*carry.Registry{{Name: "example", Zones: []string{"example"}, CheckMax: 80, Account: g.account}})
	for range 3 {
		names := namesOf("n", 160)
		g.c.Check(t.Context(), Request{User: &carry.User{Name: "u"}, RequestID: "req-1", Names: names}, func(a Answer) {
			if a.Check == nil || !a.Check.Available {
				t.Errorf("got %+v, %+v for %s", a.Check, a.Problem, a.Name)
			}
		})
	}
	if n := g.checks(); n > 20 {
		t.Errorf("%d checks for 480 names", n)
	}
}

// BenchmarkSessions is the rate of checks of one request of many names at a registry that answers after a
// millisecond, over so many sessions.
func BenchmarkSessions(b *testing.B) {
	for _, sessions := range []int{1, 4, 10} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			g := open(b, sandbox.Config{Latency: time.Millisecond}, sessions)
			names := namesOf("n", MaxNames)
			u := &carry.User{Name: "u"}
			for b.Loop() {
				g.c.Check(b.Context(), Request{User: u, RequestID: "req-1", Names: names}, func(Answer) {})
			}
			b.ReportMetric(float64(g.checks())/b.Elapsed().Seconds(), "checks/s")
		})
	}
}
