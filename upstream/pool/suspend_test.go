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

// TestSuspendKeeps: the last state is kept before the account is handed over, by its clean end, and
// nothing behind it. A writing that fails is not waited for.
func TestSuspendKeeps(t *testing.T) {
	for _, ok := range []bool{true, false} {
		d := newDesk(t, func(c *Config) { owns(c); c.Ledger = LedgerStrict })
		d.keptAll()
		d.open()
		d.keptAll()
		d.Suspend(d.now+time.Second, d.now)
		d.step()
		d.keptAll()
		d.logOut()
		if d.suspended > 0 || len(d.keeps) != 1 || !d.wrote.Clean {
			t.Fatalf("suspended %d times before the end is kept, %d writings", d.suspended, len(d.keeps))
		}
		if d.kept(ok); d.suspended != 1 {
			t.Errorf("kept %v: suspended %d times at once, want once", ok, d.suspended)
		}
		d.wait(time.Minute)
		if d.wantQuiet(); d.suspended != 1 {
			t.Errorf("kept %v: suspended %d times, want once", ok, d.suspended)
		}
		d.assume(d.wrote, func(c *Config) { c.Ledger = LedgerStrict })
		if len(d.opening) > 0 {
			t.Error("a login that is not written down")
		}
		d.keptAll()
		d.open()
	}
}

// TestSuspendAtOnce: whoever waits for the account waits no longer than the last writing takes.
func TestSuspendAtOnce(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	d.open()
	d.keptAll()
	d.Suspend(d.now+5*time.Second, d.now)
	d.step()
	d.logOut()
	before := d.now
	d.keptAll()
	if d.suspended != 1 || !d.wrote.Clean || d.now != before {
		t.Errorf("suspended %d times, clean %v, %v behind the writing", d.suspended, d.wrote.Clean, d.now-before)
	}
}

// TestSuspendPaused: a pause is the operator's, whoever owns the account.
func TestSuspendPaused(t *testing.T) {
	d := newDesk(t, owns)
	d.open()
	d.Pause(d.now)
	d.step()
	d.Suspend(d.now+time.Second, d.now)
	d.step()
	d.logOut()
	d.assume(nil, relays)
	x := d.ask(true)
	d.wait(8 * time.Second)
	d.wantEnd(x, EndNotSent, CausePaused)
	d.Resume(d.now)
	d.step()
	d.open()
}

// TestSuspendDrains: a drain waits for the next owner as long as it may.
func TestSuspendDrains(t *testing.T) {
	for _, taken := range []bool{true, false} {
		d := &desk{Pool: NewSuspended(newDesk(t, owns).cfg, 0), t: t}
		x := d.ask(true)
		d.Drain(5*time.Second, 0)
		d.step()
		d.wait(4 * time.Second)
		d.wantWaiting(x)
		if taken {
			d.assume(nil, relays)
			d.answer(d.open(), CauseNone)
			d.wantEnd(x, EndAnswered, CauseNone)
		} else {
			d.wait(time.Second)
			d.wantEnd(x, EndNotSent, CauseShutdown)
		}
		d.wait(time.Second)
		if d.drained != 1 {
			t.Errorf("taken %v: drained %d times", taken, d.drained)
		}
	}
}

// TestAbandonRecording: what waits for its record was not sent, and waits again.
func TestAbandonRecording(t *testing.T) {
	d := newDesk(t, func(c *Config) { owns(c); c.Record = RecordAlways })
	s := d.open()
	x := d.ask(false)
	d.Abandon(d.now)
	d.step()
	d.wantWaiting(x)
	d.Recorded(s, d.notes[0].Ticket, true, d.now)
	d.step()
	d.wantSent()
	d.assume(nil, owns)
	d.open()
	d.Recorded(x.session, d.notes[1].Ticket, true, d.now)
	d.step()
	d.wantSent(x)
}

// TestAbandonTwice: a later Suspend does not undo the fence.
func TestAbandonTwice(t *testing.T) {
	d := newDesk(t, owns)
	d.Abandon(d.now)
	d.step()
	d.Suspend(d.now+time.Minute, d.now)
	d.step()
	d.open() // it was logged in all the same
	if len(d.leaving) > 0 || len(d.closed) != 1 || d.suspended != 1 {
		t.Errorf("%d logouts, %d closed, suspended %d times", len(d.leaving), len(d.closed), d.suspended)
	}
}

// TestAssumeGated: what a gate held waits in line, in its turn.
func TestAssumeGated(t *testing.T) {
	d := newDesk(t, owns)
	d.open()
	ruin := Author{Client: 1, Identity: "a", Kind: 1, Content: 1}
	for range blamedEnds {
		d.submit(&Exchange{Command: 1, Weight: 1, Author: ruin, Since: d.now})
		d.breaks(d.ends0())
		d.wait(time.Second)
		d.open()
	}
	x := &Exchange{Command: 1, Weight: 1, Author: ruin, Since: d.now}
	d.sent = nil
	d.submit(x)
	if x.state != exchangeGated {
		t.Fatalf("state %d, want at a gate", x.state)
	}
	d.assume(nil, relays)
	d.Opened(d.opening[0], d.now)
	d.step()
	d.wantSent(x)
}

// ends0 is the session with a command in flight.
func (d *desk) ends0() (busy *Session) {
	d.Sessions(func(s *Session) {
		if s.x != nil {
			busy = s
		}
	})
	return busy
}
