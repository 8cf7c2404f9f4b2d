package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// TestSpentIsNamed: the log names a limit that is used up, logins included, once for each time that there
// is no session for it.
func TestSpentIsNamed(t *testing.T) {
	all := pool.Rule{Name: "all", Limit: ratelimit.Limit{N: 2, Per: time.Hour},
		Commands: pool.Commands(func(frame.Command, frame.Op) bool { return true })}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{all} }, func(p *play) {
		for n := range 2 {
			r := p.session()
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
			if got := strings.Count(p.log.String(), "no session can be opened"); got != n {
				t.Errorf("got %d lines with a session, want %d", got, n)
			}
			r.close()
			time.Sleep(10 * time.Minute)
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.Spent.Rule != "all" || s.NextTry < 49*time.Minute || s.NextTry > 51*time.Minute {
				t.Errorf("got %+v, next try in %v", s.Spent, s.NextTry)
			}
			time.Sleep(50 * time.Minute)
		}
		if log := p.log.String(); strings.Count(log, "no session can be opened: a limit that counts logins is used up; what waits is not sent\" limit=all for=59m") != 2 {
			t.Errorf("got log %s", log)
		}
	})
}
