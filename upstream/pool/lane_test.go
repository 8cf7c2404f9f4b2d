package pool

import (
	"testing"
	"time"
)

// TestLanesBurst: a burst has lanes opened at the same time, as many as are of use and no more than
// lanesAtOnce.
func TestLanesBurst(t *testing.T) {
	d := newDesk(t, relays)
	d.open()
	for range 4 {
		d.ask(true)
	}
	if n := len(d.opening); n != 3 {
		t.Errorf("%d lanes are opened for three commands", n)
	}
	for range 60 {
		d.ask(true)
	}
	for n := 0; len(d.opening) > 0; n++ {
		if len(d.opening) > lanesAtOnce || n > 64 {
			t.Fatalf("%d lanes are opened at once", len(d.opening))
		}
		s := d.opening[0]
		d.opening = d.opening[1:]
		d.Opened(s, d.now)
		d.step()
	}
	if d.live != 64 || d.Queued() != 0 {
		t.Errorf("%d lanes, %d wait", d.live, d.Queued())
	}
}

// TestLaneIdle: lanes above MinSessions end when they were idle for a minute, without a logout.
func TestLaneIdle(t *testing.T) {
	d := newDesk(t, relays)
	for range 3 {
		d.ask(true)
	}
	for _, s := range d.opening {
		d.Opened(s, d.now)
		d.step()
	}
	d.opening = nil
	for len(d.opening) > 0 {
		d.open()
	}
	d.Sessions(func(s *Session) {
		if s.state == SessionBusy {
			d.answer(s, CauseNone)
		}
	})
	d.wait(laneIdle - 1)
	d.closed = nil
	d.wait(2)
	if len(d.leaving) > 0 || d.live != 1 {
		t.Errorf("%d logouts, %d lanes are left", len(d.leaving), d.live)
	}
}

// TestLaneEnded: the owner says how a command has ended.
func TestLaneEnded(t *testing.T) {
	d := newDesk(t, relays)
	s := d.open()
	x := d.ask(true)
	d.Ended(s, EndNotSent, CauseThrottled, d.now)
	d.step()
	d.wantEnd(x, EndNotSent, CauseThrottled)
	y := d.ask(true)
	d.breaks(s)
	d.open()
	d.Sessions(func(s *Session) {
		d.Ended(s, EndNotSent, CauseQueueTimeout, d.now)
		d.step()
	})
	d.wantEnd(y, EndUnknown, CauseQueueTimeout) // the first lane may have carried it
	d.wantStates(SessionIdle)
}

// TestLaneMoved: a command that is moved again and again does not spin, and keeps its deadline.
func TestLaneMoved(t *testing.T) {
	d := newDesk(t, relays)
	x := d.ask(false)
	lanes := 0
	d.pass(time.Minute, func() bool {
		for len(d.opening) > 0 {
			s := d.open()
			lanes++
			d.Unsent(s, x, CauseMoved, d.now)
			d.step()
		}
		return len(d.ends) > 0
	})
	d.wantEnd(x, EndNotSent, CauseNoOwner)
	if d.now != 8*time.Second || lanes < 8 || lanes > 20 {
		t.Errorf("%d lanes until %v", lanes, d.now)
	}
}
