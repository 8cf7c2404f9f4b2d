package pool

import (
	"slices"
	"testing"
	"time"

	"eppmux/frame"
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
			c.take(l.registry, 3, need{}, 0)
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
	d.wantStates(SessionDraining, SessionDraining)
	old := d.leaving
	d.leaving = nil
	for _, s := range old {
		d.answer(s, CauseNone)
		if s.Cause() != CauseChanged {
			t.Errorf("a session ended for %v", s.Cause())
		}
	}
	d.open()
	d.open()
	d.wait(time.Minute)
	d.wantStates(SessionIdle, SessionIdle)
}

// TestNewRegistry: nothing is sent to the registry that was left. What is in flight there is
// answered, the session logs out behind it, and what waits goes to the new one.
func TestNewRegistry(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	one := d.open()
	two := d.open()
	dialing := d.opening[0]
	busy, twice := d.ask(false), d.ask(true) // on one, and on two
	waits := d.ask(true)
	d.wantSent(busy, twice)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.step()
	d.wantStates(SessionBusy, SessionBusy, SessionDialing)
	if !slices.Equal(d.aborted, []*Session{dialing}) {
		t.Errorf("%d attempts are given up, want the one, once", len(d.aborted))
	}
	d.answer(one, CauseNone)
	d.wantEnd(busy, EndAnswered, CauseNone)
	d.fails(CauseRegistryClosed) // it says nothing of the new one
	d.breaks(two)                // neither does this
	again := d.opening[0]
	d.wantStates(SessionDraining, SessionDialing)
	if got := d.logOut(); got != one || got.Cause() != CauseChanged {
		t.Errorf("session %d logs out for %v", got.ID, got.Cause())
	}
	d.wantSent()
	if got := d.open(); got != again {
		t.Errorf("session %d is opened, want %d", got.ID, again.ID)
	}
	d.wantSent(twice)
	d.open()
	d.wantSent(waits)
}

// TestNewRegistryOpened: a session that has logged in at the registry that was left, before its
// opening could be given up, carries nothing.
func TestNewRegistryOpened(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	x := d.ask(false)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.step()
	d.open()
	d.wantSent()
	d.wantWaiting(x)
	d.logOut()
	d.open()
	d.wantSent(x)
}

// TestNewRegistryRecord: a command whose note is kept behind the reload goes to the new registry.
func TestNewRegistryRecord(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	x := d.ask(false)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.step()
	d.Recorded(s, s.ticket, true, d.now)
	d.step()
	d.wantSent()
	d.wantWaiting(x)
	d.logOut()
	s = d.open()
	d.Recorded(s, s.ticket, true, d.now)
	d.step()
	d.wantSent(x)
}

// TestNewRegistryThrottled: the registry that was left wants fewer commands; that is no reason to
// send the new one nothing.
func TestNewRegistryThrottled(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	x := d.ask(false)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.step()
	d.wantSent(x)
	d.Throttled(s, CauseNone, d.now)
	d.step()
	d.logOut()
	d.open()
	d.wantSent(x)
}

// TestNewRegistryNoLogout: while a limit holds its logout back, a session of the registry that was
// left carries nothing either, and it does not wait for that for long.
func TestNewRegistryNoLogout(t *testing.T) {
	for _, tt := range []struct {
		per    time.Duration
		logout bool
	}{{3 * time.Second, true}, {time.Minute, false}} {
		d := newDesk(t, func(c *Config) {
			c.MinSessions, c.MaxSessions = 2, 2
			c.Rules = []Rule{only(frame.CommandLogout, 1, tt.per, ScopeRegistry)}
		})
		d.open()
		d.open()
		begin := d.now
		d.Reconfigure(d.cfg, NewRegistry, d.now)
		d.step()
		d.logOut() // the other one waits
		x := d.ask(false)
		d.pass(time.Minute, func() bool { return d.wantsToLeave() || len(d.closed) > 1 })
		d.wantSent()
		if took := d.now - begin; d.wantsToLeave() != tt.logout || took > logoutTimeout {
			t.Errorf("%v: logs out %v, after %v", tt.per, d.wantsToLeave(), took)
		}
		if tt.logout {
			d.logOut()
		}
		for _, s := range d.closed {
			if s.Cause() != CauseChanged {
				t.Errorf("%v: session %d ended for %v", tt.per, s.ID, s.Cause())
			}
		}
		d.open()
		d.wantSent(x)
	}
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
