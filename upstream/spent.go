package upstream

import "time"

// watchSpent says when no session can be opened since a limit that counts logins is used up. Clients
// that come meanwhile may get no greeting, or wait in vain.
func (a *Account) watchSpent() {
	s := a.pool.Spent(a.clock())
	if s.Rule != "" && s.Rule != a.spent {
		a.log.Warn("no session can be opened: a limit that counts logins is used up; what waits is not sent",
			"limit", s.Rule, "for", s.For.Round(time.Second))
	}
	a.spent = s.Rule
}
