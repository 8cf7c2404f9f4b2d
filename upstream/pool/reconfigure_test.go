package pool

import (
	"testing"
	"time"

	"eppmux/ratelimit"
)

// TestReloadKeepsWhatWasUsed: limits that are reordered, or lose one beside them, still know what
// was used of them.
func TestReloadKeepsWhatWasUsed(t *testing.T) {
	second := Rule{Limit: ratelimit.Limit{N: 10, Per: time.Second}, Commands: allCommands()}
	hour := Rule{Limit: ratelimit.Limit{N: 100, Per: time.Hour}, Commands: allCommands()}
	for _, after := range [][]Rule{{hour}, {hour, second}, {second, second, hour}, {{Limit: ratelimit.Limit{N: 50, Per: time.Hour}, Commands: allCommands()}, second}} {
		l := newLimits([]Rule{second, hour})
		var c charges
		for range 9 {
			c.take(l.registry, 3, 0)
		}
		l.use(after, 0)
		for i, r := range after {
			if r.Limit.Per == time.Hour && l.registry[i].Used(0) != 9 {
				t.Errorf("%v: %d are used of the hour's, want 9", after, l.registry[i].Used(0))
			}
		}
	}
}

// TestReconfigureLogin: new credentials are tried at once, though the old ones were refused; sessions
// stay. Another registry has the sessions replaced.
func TestReconfigureLogin(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	d.open()
	d.fails(CauseLoginRefused)
	cfg := d.cfg
	d.Reconfigure(cfg, SameLogin, d.now)
	d.step()
	if d.wantsToOpen() {
		t.Error("the same login is tried again at once")
	}
	d.Reconfigure(cfg, NewLogin, d.now)
	d.step()
	d.open()
	d.wait(time.Second)
	d.wantStates(SessionIdle, SessionIdle)
	d.Reconfigure(cfg, NewRegistry, d.now)
	d.step()
	for range 2 {
		d.pass(5*time.Second, d.wantsToLeave)
		if s := d.logOut(); s.Cause() != CauseChanged {
			t.Errorf("a session ended for %v", s.Cause())
		}
		d.pass(5*time.Second, d.wantsToOpen)
		d.open()
	}
	d.wait(time.Minute)
	d.wantStates(SessionIdle, SessionIdle)
}

// TestReconfigureWhileDialing: an attempt that began with other credentials says nothing of the new
// ones; a session that it opens at the old registry is replaced.
func TestReconfigureWhileDialing(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.Reconfigure(d.cfg, NewLogin, d.now)
	d.fails(CauseLoginRefused)
	if d.refused {
		t.Error("the new login counts as refused")
	}
	s := d.opening[0]
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.Reconfigure(d.cfg, SameLogin, d.now) // it stays another registry
	d.opening = nil
	d.Opened(s, d.now)
	d.step()
	d.pass(5*time.Second, d.wantsToLeave)
	if got := d.logOut(); got.Cause() != CauseChanged {
		t.Errorf("it ended for %v", got.Cause())
	}
}

// TestShrink: sessions above a lower maximum log out when they are idle.
func TestShrink(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	one := d.open()
	d.open()
	d.open()
	x := d.ask(false) // on the first
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1}, d.now)
	d.step()
	d.wantStates(SessionBusy, SessionDraining, SessionDraining)
	for _, s := range d.leaving {
		d.answer(s, CauseNone)
		if s.Cause() != CauseChanged {
			t.Errorf("session %d ended for %v", s.ID, s.Cause())
		}
	}
	d.leaving = nil
	d.answer(one, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	d.wantStates(SessionIdle)
}
