package pool

import (
	"testing"
	"time"
)

// assume has the desk's pool go on as one that owns the account, or relays.
func (d *desk) assume(l *Ledger, change func(*Config)) {
	cfg := d.cfg
	change(&cfg)
	d.opening, d.closed = nil, nil
	d.Assume(cfg, l, d.now, d.wall())
	d.step()
}

func owns(c *Config)   { c.Relay, c.MaxSessions = false, 2 }
func relays(c *Config) { c.Relay, c.MaxSessions = true, 64 }

// TestSuspend: nothing more is sent, what is in flight ends, sessions log out, and what waits is sent by
// the next role, in its turn.
func TestSuspend(t *testing.T) {
	d := newDesk(t, owns)
	s := d.open()
	x := d.ask(false)
	d.wantSent(x)
	y := d.ask(false)
	d.Suspend(d.now+5*time.Second, d.now)
	d.step()
	d.wantSent()
	z := d.ask(true)
	d.answer(s, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	if d.suspended > 0 {
		t.Error("suspended beside a session")
	}
	d.logOut()
	if len(d.recalled) != 1 {
		t.Errorf("%d openings recalled, want one", len(d.recalled))
	}
	d.fails(CauseShutdown)
	d.wantStates()
	d.wantSent()
	if d.suspended != 1 || s.Cause() != CauseMoved {
		t.Errorf("suspended %d times, the session ended for %v", d.suspended, s.Cause())
	}
	d.wait(time.Second)
	d.assume(nil, relays)
	for _, s := range d.opening {
		d.Opened(s, d.now)
		d.step()
	}
	d.wantSent(y, z)
}

// TestSuspendDeadline: what waits ends at its own deadline, since there is no owner.
func TestSuspendDeadline(t *testing.T) {
	d := &desk{Pool: NewSuspended(newDesk(t, owns).cfg, 0), t: t}
	x := d.ask(true)
	d.wait(8*time.Second - 1)
	d.wantWaiting(x)
	d.wait(1)
	d.wantEnd(x, EndNotSent, CauseNoOwner)
	if d.suspended+len(d.opening)+len(d.keeps) > 0 {
		t.Error("a pool that begins suspended does something")
	}
}

// TestAbandon: behind the fence nothing is written.
func TestAbandon(t *testing.T) {
	d := newDesk(t, owns)
	s := d.open()
	x, y := d.ask(false), d.ask(true)
	r := d.open()
	d.wantSent(x, y)
	d.Abandon(d.now)
	d.step()
	d.wantStates()
	d.wantEnd(x, EndUnknown, CauseFenced)
	d.wantWaiting(y)
	if len(d.leaving) > 0 || d.suspended != 1 || s.Cause() != CauseFenced || r.Cause() != CauseFenced {
		t.Errorf("%d logouts, suspended %d times, for %v and %v", len(d.leaving), d.suspended, s.Cause(), r.Cause())
	}
}

// TestAssumeFromRelay: lanes carry nothing more, and take no place of a session's.
func TestAssumeFromRelay(t *testing.T) {
	d := newDesk(t, relays)
	s := d.open()
	x, y := d.ask(false), d.ask(false)
	r := d.open()
	d.answer(s, CauseNone)
	d.wantSent(x, y)
	d.assume(nil, func(c *Config) { owns(c); c.MaxSessions = 1 })
	d.wantStates(SessionBusy, SessionDialing)
	z := d.ask(false)
	d.answer(r, CauseNone)
	d.wantEnd(y, EndAnswered, CauseNone)
	d.wantSent()
	if s.Cause() != CauseMoved || r.Cause() != CauseMoved || len(d.leaving) > 0 {
		t.Errorf("the lanes have ended for %v and %v, %d logouts", s.Cause(), r.Cause(), len(d.leaving))
	}
	d.open()
	d.wantSent(z)
}
