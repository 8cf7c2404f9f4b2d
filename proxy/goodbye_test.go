package proxy

import (
	"testing"

	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// TestGoodbyeOfRegistry: a registry that ends an idle session by a code, over TLS, has closed it; none
// is out of step, and another is opened. So it is with one that turns a connection away by a code.
func TestGoodbyeOfRegistry(t *testing.T) {
	for _, faults := range []string{"goodbye:first=1", "goodbye=1500:first=1", "goodbye=2502:first=1"} {
		f := start(t, func(sc *sandbox.Config, _ *config) {
			var err error
			if sc.Faults, err = sandbox.ParseFaults(faults + ";turn-away=2501:first=1"); err != nil {
				t.Fatal(err)
			}
		})
		p := f.dial()
		p.want(p.ask(login("G-1")), 1000, "G-1")
		p.want(p.ask(check("a.example", "G-2")), 1000, "G-2")
		waitFor(t, "the goodbye", func() bool { return f.server.Snapshot().Account.SessionCloses[pool.CauseRegistryClosed] == 1 })
		p.want(p.ask(check("a.example", "G-3")), 1000, "G-3")
		s := f.server.Snapshot()
		for cause, n := range s.Account.Desync {
			if n > 0 {
				t.Errorf("%s: %d sessions out of step by %v", faults, n, pool.Cause(cause))
			}
		}
		if n := f.registry.Counters().Faults["turn-away"]; n != 1 || s.Account.Logins[upstream.LoginFailed] != 1 {
			t.Errorf("%s: turned away %d times, %d attempts failed", faults, n, s.Account.Logins[upstream.LoginFailed])
		}
	}
}
