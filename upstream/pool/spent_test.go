package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// TestSpent: a limit that counts logins and is used up is named while there is no session for it, behind
// a restart and behind the end of a session alike, and the login comes when it admits one.
func TestSpent(t *testing.T) {
	rules := []Rule{only(frame.CommandCheck, 3, aDay, ScopeRegistry), limited(3, aDay, ScopeRegistry), limited(9, time.Second, ScopeRegistry)}
	rules[1].Name = "all"
	use := func(c *Config) { c.Rules, c.MaxSessions = rules, 2 }
	restarted := func(t *testing.T) (*desk, time.Duration) {
		l := ledgerOf(func(l *Ledger) {
			l.Rules = []LedgerRule{{Name: "all", Commands: everything, Page: page(rules[1].Limit, 3, 0)}}
		})
		return resumeDesk(t, l, time.Hour, use), aDay
	}
	ended := func(t *testing.T) (*desk, time.Duration) {
		d := newDesk(t, use)
		s := d.open()
		first := d.now
		for range 2 {
			x := d.ask(true)
			d.sentAfter(x)
			d.answer(x.session, CauseNone)
		}
		if got := d.Spent(d.now); got != (Spent{}) {
			t.Errorf("with a session: got %+v", got)
		}
		d.breaks(s)
		return d, first + aDay
	}
	for name, begin := range map[string]func(*testing.T) (*desk, time.Duration){"restart": restarted, "end of a session": ended} {
		d, at := begin(t)
		want := Spent{Rule: "all", For: at - d.now}
		var s Snapshot
		d.Snapshot(&s, d.now)
		if s.Spent != want || s.NextTry != want.For {
			t.Errorf("%s: got %+v, next try in %v, want %+v", name, s.Spent, s.NextTry, want)
		}
		d.Pause(d.now)
		if got := d.Spent(d.now); got != (Spent{}) {
			t.Errorf("%s: paused: got %+v", name, got)
		}
		d.Pool.Resume(d.now)
		d.pass(2*aDay, d.wantsToOpen)
		if got := d.Spent(d.now); d.now != at || got != (Spent{}) {
			t.Errorf("%s: a login at %v, want %v; got %+v", name, d.now, at, got)
		}
	}
	d := resumeDesk(t, LostLedger(), 0, use)
	if got := d.Spent(0); got.Rule != "all" || got.For != aDay {
		t.Errorf("ledger lost: got %+v", got)
	}
	// What is short is not worth a word, and what is in flight has no end that is known.
	d = newDesk(t, func(c *Config) { c.Rules = []Rule{limited(1, spentFrom-1, ScopeRegistry)} })
	d.fails(CauseConnect)
	if got := d.Spent(d.now); got != (Spent{}) {
		t.Errorf("a short limit: got %+v", got)
	}
}
