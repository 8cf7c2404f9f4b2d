package pool

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// TestDrainIdle: a pool without work logs out at once, and is drained when that is answered.
func TestDrainIdle(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	d.open()
	d.open()
	d.Drain(d.now+time.Minute, d.now)
	d.step()
	if len(d.leaving) != 2 || d.drained != 0 {
		t.Fatalf("%d log out, drained %d", len(d.leaving), d.drained)
	}
	d.answer(d.leaving[0], CauseNone)
	if d.drained != 0 {
		t.Error("drained while a session is left")
	}
	d.answer(d.leaving[1], CauseNone)
	if d.drained != 1 || d.Abandoned() != 0 {
		t.Errorf("drained %d times, %d abandoned", d.drained, d.Abandoned())
	}
	d.wait(time.Hour)
	if d.drained != 1 || d.wantsToOpen() {
		t.Errorf("an hour later drained %d times, %d are opened", d.drained, len(d.opening))
	}
}

// TestDrainNothing: a pool without sessions and exchanges is drained at once.
func TestDrainNothing(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.fails(CauseConnect)
	d.Drain(d.now+time.Minute, d.now)
	d.step()
	if d.drained != 1 {
		t.Errorf("drained %d times, want once", d.drained)
	}
}

// TestDrainWorks: what waits is still sent, new exchanges are not, and the session logs out behind
// the last one.
func TestDrainWorks(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	x, y := d.ask(false), d.ask(true)
	d.Drain(d.now+5*time.Second, d.now)
	d.step()
	z := d.ask(true)
	d.wantEnd(z, EndNotSent, CauseShutdown)
	d.answer(s, CauseNone)
	d.wantSent(x, y)
	if d.wantsToLeave() {
		t.Error("it logs out before the last answer")
	}
	d.answer(s, CauseNone)
	d.wantEnd(y, EndAnswered, CauseNone)
	d.logOut()
	if d.drained != 1 {
		t.Errorf("drained %d times, want once", d.drained)
	}
}

// TestDrainDeadline: at the deadline what waits ends as not sent, what is in flight as unknown, and
// the session is closed without a logout, which is counted.
func TestDrainDeadline(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.open()
	x, y := d.ask(false), d.ask(true)
	d.Drain(d.now+5*time.Second, d.now)
	d.wait(5*time.Second - 1)
	if len(d.ends) > 0 || len(d.closed) > 0 {
		t.Error("something ended before the deadline")
	}
	d.wait(1)
	d.wantEnd(x, EndUnknown, CauseShutdown)
	d.wantEnd(y, EndNotSent, CauseShutdown)
	if d.drained != 1 || d.Abandoned() != 1 || len(d.closed) != 1 {
		t.Errorf("drained %d times, %d abandoned, %d closed", d.drained, d.Abandoned(), len(d.closed))
	}
}

// TestDrainLogoutUnanswered: a logout that is not answered is not waited for past its time.
func TestDrainLogoutUnanswered(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.open()
	begin := d.now
	d.Drain(d.now+time.Minute, d.now)
	d.pass(time.Minute, func() bool { return d.drained > 0 })
	if got := d.now - begin; got != logoutTimeout {
		t.Errorf("drained after %v, want %v", got, logoutTimeout)
	}
}

// TestDrainDialing: an attempt to open a session is recalled; it goes on if its login was sent, and
// the session is logged out then.
func TestDrainDialing(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.Drain(d.now+10*time.Second, d.now)
	d.step()
	if len(d.recalled) != 1 {
		t.Fatalf("%d attempts are recalled, want one", len(d.recalled))
	}
	d.wait(time.Second)
	if len(d.recalled) != 1 {
		t.Errorf("it is recalled %d times", len(d.recalled))
	}
	d.open() // its login had been sent
	d.logOut()
	if d.drained != 1 || d.Abandoned() != 0 {
		t.Errorf("drained %d times, %d abandoned", d.drained, d.Abandoned())
	}
}

// TestDrainDialingTooLong: an attempt that lasts until the deadline is aborted. It is counted if its
// login may have been sent.
func TestDrainDialingTooLong(t *testing.T) {
	for cause, abandoned := range map[Cause]int{CauseShutdown: 0, CauseRegistryClosed: 1} {
		d := newDesk(t, func(*Config) {})
		d.Drain(d.now+10*time.Second, d.now)
		d.wait(10 * time.Second)
		if len(d.aborted) != 1 {
			t.Fatalf("%d attempts are aborted, want one", len(d.aborted))
		}
		d.fails(cause)
		if d.drained != 1 || d.Abandoned() != abandoned {
			t.Errorf("%v: drained %d times, %d abandoned, want %d", cause, d.drained, d.Abandoned(), abandoned)
		}
	}
}

// TestDrainOpenedTooLate: a session that opens past the deadline is closed at once, and counted.
func TestDrainOpenedTooLate(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.Drain(d.now+10*time.Second, d.now)
	d.wait(11 * time.Second)
	s := d.open()
	if len(d.closed) != 1 || s.Cause() != CauseShutdown || d.Abandoned() != 1 || d.drained != 1 {
		t.Errorf("closed %d for %v, %d abandoned, drained %d", len(d.closed), s.Cause(), d.Abandoned(), d.drained)
	}
}

// TestDrainOpens: without a session, one is opened for what waits, and none once nothing waits.
func TestDrainOpens(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	x := d.ask(false)
	d.fails(CauseConnect)
	d.Drain(d.now+7*time.Second, d.now)
	d.pass(7*time.Second, d.wantsToOpen)
	s := d.open()
	d.wantSent(x)
	d.answer(s, CauseNone)
	d.logOut()
	if d.drained != 1 || d.wantsToOpen() {
		t.Errorf("drained %d times, %d more are opened", d.drained, len(d.opening))
	}
}

// TestDrainPaused: what waits for the end of a pause ends at once.
func TestDrainPaused(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.open()
	d.Pause(d.now)
	d.step()
	d.logOut()
	x := d.ask(true)
	d.Drain(d.now+time.Minute, d.now)
	d.step()
	d.wantEnd(x, EndNotSent, CauseShutdown)
	if d.drained != 1 {
		t.Errorf("drained %d times, want once", d.drained)
	}
}

// TestLogoutCounts: a limit that counts logouts delays them, and the session works on meanwhile.
func TestLogoutCounts(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions = 2, 2
		c.Rules = []Rule{only(frame.CommandLogout, 1, 3*time.Second, ScopeRegistry)}
	})
	d.open()
	d.open()
	d.Drain(d.now+time.Minute, d.now)
	d.step()
	d.logOut()
	d.wantStates(SessionIdle)
	d.pass(time.Minute, d.wantsToLeave)
	if d.now != 3*time.Second {
		t.Errorf("the second logs out at %v, want 3 s", d.now)
	}
	d.logOut()
	if d.drained != 1 {
		t.Errorf("drained %d times", d.drained)
	}
}

// TestDrainWithoutLogout: a session whose logout no limit admits before the deadline is closed at once:
// nothing is gained by waiting for that.
func TestDrainWithoutLogout(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.Rules = []Rule{{Limit: ratelimit.Limit{N: 2, Per: time.Hour}, Commands: allCommands()}}
	})
	s := d.open() // the login counts
	d.ask(true)
	d.answer(s, CauseNone)
	d.Drain(d.now+30*time.Second, d.now)
	d.step()
	if d.drained != 1 || d.Abandoned() != 1 || d.wantsToLeave() {
		t.Errorf("drained %d times, %d abandoned", d.drained, d.Abandoned())
	}
}

// TestDrainStopsSending: what has no time for its answer before the deadline is not sent. So nothing
// ends as unknown by our own choice, and every session logs out.
func TestDrainStopsSending(t *testing.T) {
	const rtt = 700 * time.Millisecond
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	sessions := []*Session{d.open(), d.open()}
	var asked []*Exchange
	for range 16 {
		asked = append(asked, d.ask(false))
	}
	turn := func() {
		d.wait(rtt)
		for _, s := range sessions {
			d.answer(s, CauseNone)
		}
	}
	turn()
	begin := d.now
	d.Drain(begin+3*time.Second, begin)
	d.step()
	for range 3 {
		turn()
	}
	d.pass(3*time.Second, func() bool { return d.Queued() == 0 })
	if at := d.now - begin; at != 3*time.Second-rtt-rtt/4 {
		t.Errorf("the queue has ended after %v", at)
	}
	for i, x := range asked[:10] {
		if i < 8 {
			d.wantEnd(x, EndAnswered, CauseNone)
		} else if !x.Sent() {
			t.Errorf("the exchange %d is not in flight", i)
		}
	}
	for _, x := range asked[10:] {
		d.wantEnd(x, EndNotSent, CauseShutdown)
	}
	d.now = begin + 4*rtt
	for _, s := range sessions {
		d.answer(s, CauseNone) // 200 ms before the deadline
	}
	for _, s := range d.leaving {
		d.answer(s, CauseNone)
	}
	d.wantEnd(asked[9], EndAnswered, CauseNone)
	if d.drained != 1 || d.Abandoned() != 0 {
		t.Errorf("drained %d times, %d abandoned", d.drained, d.Abandoned())
	}
}

// TestDrainHeld: what a limit holds until there is no time for it does not keep a session from its
// logout.
func TestDrainHeld(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{only(frame.CommandCreate, 1, time.Hour, ScopeRegistry)} })
	s := d.open()
	d.ask(false)
	d.wait(time.Second)
	d.answer(s, CauseNone)
	x := d.ask(false)
	d.Drain(d.now+5*time.Second, d.now)
	d.pass(5*time.Second, d.wantsToLeave)
	d.wantEnd(x, EndNotSent, CauseShutdown)
	d.logOut()
	if d.drained != 1 || d.Abandoned() != 0 {
		t.Errorf("drained %d times, %d abandoned", d.drained, d.Abandoned())
	}
}

// TestDrainRecordedLate: a command whose note is kept when there is no time for its answer any more
// is not sent.
func TestDrainRecordedLate(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	d.ask(false)
	d.Recorded(s, s.ticket, true, d.now)
	d.wait(time.Second)
	d.answer(s, CauseNone)
	d.sent = nil
	x := d.ask(false)
	d.Drain(d.now+1500*time.Millisecond, d.now)
	d.wait(300 * time.Millisecond)
	d.Recorded(s, s.ticket, true, d.now)
	d.step()
	d.wantSent()
	d.wantEnd(x, EndNotSent, CauseShutdown)
}
