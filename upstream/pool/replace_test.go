package pool

import (
	"testing"
	"time"
)

// TestReplacementFails: a session at its age goes, whatever becomes of its replacement; and before
// it where the registry admits no more.
func TestReplacementFails(t *testing.T) {
	aged := func(c *Config) { c.MaxSessions, c.MaxAge = 2, time.Hour }
	d := newDesk(t, aged)
	d.open()
	d.pass(time.Hour, d.wantsToOpen)
	if d.now < 54*time.Minute || d.now >= time.Hour {
		t.Fatalf("a replacement is opened after %v, want 54 to 60 minutes", d.now)
	}
	d.OpenFailed(d.opening[0], CauseConnect, d.now)
	d.opening, d.beside.until = nil, d.now+time.Hour
	d.pass(time.Hour, d.wantsToLeave)
	if d.now < time.Hour || d.now > time.Hour+2*recheck {
		t.Errorf("logged out after %v, want an hour", d.now)
	}

	d = newDesk(t, aged)
	d.open()
	d.pass(time.Hour, d.wantsToOpen)
	d.OpenFailed(d.opening[0], CauseTooManySessions, d.now)
	d.opening = nil
	begin := d.now
	d.pass(time.Hour, d.wantsToLeave)
	if d.now > begin+2*recheck {
		t.Errorf("logged out %v after 2502, want at once", d.now-begin)
	}
	d.logOut()
	d.wait(lagMin)
	d.open()
}

// TestReplacedOneAtATime: row 42. Of sessions that come of age together, the next is replaced when
// the last is gone.
func TestReplacedOneAtATime(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.MaxAge = 3, 4, time.Hour })
	for range 3 {
		d.open()
	}
	d.pass(time.Second, d.nothing)
	d.ages()
	gone := make(map[*Session]bool)
	for range 3 {
		d.pass(5*time.Second, d.nothing)
		if len(d.leaving) > 0 || len(d.opening) != 1 {
			t.Fatalf("%d leave and %d are opened, want one to be opened", len(d.leaving), len(d.opening))
		}
		d.open()
		d.pass(5*time.Second, d.wantsToLeave)
		gone[d.logOut()] = true
	}
	d.pass(time.Minute, d.nothing)
	if len(gone) != 3 || d.wantsToLeave() || d.wantsToOpen() || d.live != 3 {
		t.Errorf("%d have gone, %d are live", len(gone), d.live)
	}
}

// TestAgeOneAtATime: row 42, where there is no room for a replacement beside them.
func TestAgeOneAtATime(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.MaxAge = 3, 3, time.Hour })
	for range 3 {
		d.open()
	}
	d.ages()
	for range 3 {
		d.pass(5*time.Second, d.wantsToLeave)
		if len(d.leaving) != 1 || d.live != 2 {
			t.Fatalf("%d leave, %d are live, want one and two", len(d.leaving), d.live)
		}
		d.logOut()
		d.pass(5*time.Second, d.wantsToOpen)
		d.open()
	}
}

// TestSpareIsNotReplaced: a session that comes of age while more are open than are needed just
// goes.
func TestSpareIsNotReplaced(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.MaxAge = 2, 3, time.Hour })
	d.open()
	d.open()
	d.Grant(Grant{MinSessions: 1, MaxSessions: 3}, d.now)
	d.sessions[0].expires, d.sessions[0].deadline = d.now, d.now
	d.Advance(d.now)
	d.step()
	d.logOut()
	d.pass(time.Minute, d.nothing)
	if d.wantsToOpen() || d.live != 1 {
		t.Errorf("%d more are opened, %d are live", len(d.opening), d.live)
	}
}
