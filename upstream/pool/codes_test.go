package pool

import (
	"testing"
	"time"
)

// answers answers what is in flight on s by code.
func (d *desk) answers(s *Session, code int) {
	d.Heard(s, code, d.now)
	d.answer(s, CauseNone)
}

// gets submits a query, and answers it by code. It returns the session that it was on.
func (d *desk) gets(code int) *Session {
	d.t.Helper()
	x := d.ask(true)
	if x.state != exchangeInFlight {
		d.t.Fatalf("at %v it is not sent: state %d", d.now, x.state)
	}
	s := x.session
	d.answers(s, code)
	return s
}

// TestEqualErrors: behind the last but one of as many equal errors as end a session, it carries nothing
// more until another is there, and goes. Others in between do not help, unequal ones do no harm.
func TestEqualErrors(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxSessions, c.EqualErrors = 2, 3 })
	s := d.open()
	for _, code := range []int{2303, 1000, 2302, 2201, 2400, 1000, 2308} {
		if d.gets(code); s.outdated != CauseAge {
			t.Fatalf("it is to go for %v behind %d", s.outdated, code)
		}
	}
	d.gets(2303)
	if !d.wantsToOpen() || d.wantsToLeave() {
		t.Error("no other is opened first")
	}
	x := d.ask(true)
	d.wantWaiting(x)
	next := d.open()
	if x.session != next {
		t.Error("the command is not on the new session")
	}
	if d.wantsToLeave() {
		if got := d.logOut(); got != s || got.Cause() != CauseErrors {
			t.Errorf("session %d went for %v", got.ID, got.Cause())
		}
	} else {
		t.Error("the old one stays")
	}
}

// TestEqualErrorsWithoutRoom: the only one that there may be goes at once; and stays where it is not
// known that equal errors matter.
func TestEqualErrorsWithoutRoom(t *testing.T) {
	for _, n := range []int{0, 3} {
		d := newDesk(t, func(c *Config) { c.EqualErrors = n })
		d.open()
		d.gets(2303)
		d.gets(2303)
		if d.wantsToLeave() != (n > 0) {
			t.Errorf("equal errors %d: it leaves: %v", n, d.wantsToLeave())
		}
	}
}

// TestEqualErrorsNobodyLetsIn: a session that cannot be replaced works on after a while.
func TestEqualErrorsNobodyLetsIn(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxSessions, c.EqualErrors = 2, 3 })
	d.open()
	d.gets(2303)
	d.gets(2303)
	d.fails(CauseConnect)
	x := d.ask(true)
	d.wantWaiting(x)
	d.pass(errorsRest, func() bool { return x.state == exchangeInFlight })
	if x.state != exchangeInFlight || d.wantsToLeave() {
		t.Error("it does not work on")
	}
}

// TestEqualErrorsAreSpread: a client that makes errors without end costs few logins by this.
func TestEqualErrorsAreSpread(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.EqualErrors = 2, 4, 3 })
	opened := 0
	for d.now < 10*time.Minute {
		if d.wantsToOpen() {
			d.open()
			opened++
		}
		if d.wantsToLeave() {
			d.logOut()
		}
		if x := d.ask(true); x.state == exchangeInFlight {
			d.answers(x.session, 2303)
		} else {
			d.Cancel(x, d.now)
			d.step()
		}
		d.wait(100 * time.Millisecond)
	}
	if most := int(d.now/errorsEvery) + 4; opened > most {
		t.Errorf("%d sessions were opened in 10 min, want %d at the most", opened, most)
	}
}

// lockstep has two sessions answer in turn, by these codes, so many times.
func (d *desk) lockstep(n, one, two int) {
	for range n {
		d.gets(one)
		d.gets(two)
		d.wait(time.Millisecond)
	}
}

// TestFailing: a session that only answers 2400 while another works is replaced; one in five minutes.
// Where all fail, or the only one does, nothing is.
func TestFailing(t *testing.T) {
	two := func(c *Config) { c.MinSessions, c.MaxSessions = 2, 3 }
	d := newDesk(t, two)
	one := d.open()
	d.open()
	if d.lockstep(failingFrom-1, 2400, 1000); d.wantsToOpen() {
		t.Errorf("it is replaced behind %d", failingFrom-1)
	}
	if d.lockstep(1, 2400, 2303); !d.wantsToOpen() {
		t.Fatal("it is not replaced")
	}
	begin := d.now
	d.open()
	if got := d.logOut(); got != one || got.Cause() != CauseFailing {
		t.Errorf("session %d went for %v", got.ID, got.Cause())
	}
	for !d.wantsToOpen() && d.now < time.Hour { // the next one fails as well
		d.lockstep(1, 1000, 2400)
		d.wait(time.Second)
	}
	if got := d.now - begin; got < failingEvery || got > failingEvery+5*time.Second {
		t.Errorf("the next one is replaced after %v, want %v", got, failingEvery)
	}

	for name, codes := range map[string][2]int{"all fail": {2400, 2400}, "one works once": {2400, 0}} {
		d := newDesk(t, two)
		d.open()
		d.open()
		if codes[1] == 0 {
			d.lockstep(1, 2400, 1000)
			codes[1] = 2400
		}
		d.lockstep(3*failingFrom, codes[0], codes[1])
		var snap Snapshot
		d.Snapshot(&snap, d.now)
		if d.wantsToOpen() || snap.Failing != 2 {
			t.Errorf("%s: it is replaced, or %d fail", name, snap.Failing)
		}
	}
	d = newDesk(t, func(*Config) {})
	d.open()
	for range 20 {
		d.gets(2400)
	}
	if d.wantsToLeave() {
		t.Error("the only one is replaced")
	}
}

// TestFailingRecovers: any other answer ends the row.
func TestFailingRecovers(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 3 })
	d.open()
	d.open()
	for range 4 {
		d.lockstep(failingFrom-1, 2400, 1000)
		d.lockstep(1, 2303, 1000)
	}
	if d.wantsToOpen() {
		t.Error("it is replaced")
	}
}
