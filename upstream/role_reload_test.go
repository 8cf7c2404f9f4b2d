package upstream

import (
	"testing"
	"testing/synctest"

	"eppmux/upstream/pool"
)

// TestReloadBetweenRoles: a reload finds no fault in an account that owns nothing any more, or not yet. What
// waits goes on waiting, and what has changed is in force for the next owner.
func TestReloadBetweenRoles(t *testing.T) {
	for name, between := range map[string]func(s *shop){
		"first": func(*shop) {},
		"lost":  func(s *shop) { s.lead(); s.account.Lose() },
		"given up": func(s *shop) {
			s.lead()
			s.account.Yield(0, func() {})
		},
		"orphan": func(s *shop) { s.lead(); s.account.Lose(); s.account.Follow(s.lanes()); s.account.Orphan() },
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, patient, func(s *shop) {
				between(s)
				synctest.Wait()
				waits := s.ask(deleteCommand("<clTRID>waits</clTRID>"))
				waits.waiting()
				next := s.cfg
				next.Pool.MaxSessions = 2
				s.account.Reload(next)
				synctest.Wait()
				waits.waiting()
				s.lead()
				if e := waits.end(); e.End != pool.EndAnswered || s.reg.count("waits") != 1 {
					t.Errorf("got %+v, %d times at the registry", e, s.reg.count("waits"))
				}
			})
		})
	}
}
