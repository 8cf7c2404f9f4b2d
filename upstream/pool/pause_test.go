package pool

import (
	"testing"
	"time"
)

// TestPause: commands in flight are answered, then the sessions log out; what is submitted waits for
// Resume.
func TestPause(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	one := d.open()
	d.open()
	x := d.ask(false)
	d.wantSent(x)
	d.Pause(d.now)
	d.step()
	d.wantStates(SessionBusy, SessionDraining)
	y := d.ask(false)
	d.answer(one, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	d.wantStates(SessionDraining, SessionDraining)
	for _, s := range d.leaving {
		d.answer(s, CauseNone)
		if s.Cause() != CausePaused {
			t.Errorf("session %d ended for %v", s.ID, s.Cause())
		}
	}
	d.wait(5 * time.Second)
	d.wantSent()
	if d.wantsToOpen() {
		t.Error("a session is opened during the pause")
	}
	d.wantWaiting(y)
	d.leaving = nil
	d.Resume(d.now)
	d.step()
	d.open()
	d.wantSent(y)
	if d.wantsToLeave() {
		t.Error("it logs out after Resume")
	}
}

// TestPauseRecalls: an attempt to open a session is recalled by a pause, and made again at once
// after it: nothing counts as failed.
func TestPauseRecalls(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.Pause(d.now)
	d.step()
	if len(d.recalled) != 1 {
		t.Fatalf("%d attempts are recalled, want one", len(d.recalled))
	}
	d.fails(CauseShutdown)
	if d.failures != 0 || d.wantsToOpen() {
		t.Errorf("%d failures, %d are opened", d.failures, len(d.opening))
	}
	d.Resume(d.now)
	d.step()
	d.open()
}

// TestReconnect: sessions are replaced one at a time, a busy one when it is answered.
func TestReconnect(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	one := d.open()
	two := d.open()
	x := d.ask(false) // on the first
	d.Reconnect(d.now)
	d.step()
	d.wantStates(SessionBusy, SessionDraining)
	if got := d.logOut(); got != two || got.Cause() != CauseReconnect {
		t.Errorf("session %d logged out for %v", got.ID, got.Cause())
	}
	d.wait(lagMin)
	d.wantStates(SessionBusy, SessionDialing)
	d.answer(one, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	d.wantStates(SessionIdle, SessionDialing) // not both at once
	d.open()
	d.pass(5*time.Second, d.wantsToLeave)
	if got := d.logOut(); got != one {
		t.Errorf("session %d logged out, want the first", got.ID)
	}
	d.wait(lagMin)
	d.open()
	d.wait(time.Minute)
	if d.wantsToLeave() || d.wantsToOpen() {
		t.Error("a new session is replaced as well")
	}
}

// TestReconnectForgets: a refused login, a back-off and a ceiling do not delay what the operator
// wants.
func TestReconnectForgets(t *testing.T) {
	for _, cause := range []Cause{CauseLoginRefused, CauseConnect, CauseTooManySessions} {
		d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
		d.fails(cause)
		if d.wantsToOpen() {
			t.Fatalf("%v: another attempt is made at once", cause)
		}
		d.Reconnect(d.now)
		d.step()
		d.open()
		d.open()
	}
}
