package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// TestMisused: events that cannot be panic, since the shell and the pool disagree then.
func TestMisused(t *testing.T) {
	t.Run("submitted twice", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		x := d.ask(true)
		panics(t, func() { d.Submit(x, d.now) })
	})
	t.Run("answered while idle", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		s := d.open()
		panics(t, func() { d.Answered(s, CauseNone, d.now) })
	})
	t.Run("answered while dialing", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		panics(t, func() { d.Answered(d.opening[0], CauseNone, d.now) })
	})
	t.Run("poisoned while dialing", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		panics(t, func() { d.Poison(d.opening[0], CauseFrame) })
	})
	t.Run("unsent of another session", func(t *testing.T) {
		d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
		d.open()
		two := d.open()
		x := d.ask(true) // on the first
		panics(t, func() { d.Unsent(two, x, CauseUnasked, d.now) })
	})
	t.Run("dequeued and does not wait", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		d.open()
		x := d.ask(true)
		panics(t, func() { d.dequeue(x, d.now) })
	})
}

// TestNext: actions come in order, each once, also those that come while others are taken.
func TestNext(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 1, 1 })
	d.open()
	d.do(Action{Do: DoDrained})
	d.do(Action{Do: DoClose})
	if a, ok := d.Next(); !ok || a.Do != DoDrained {
		t.Errorf("got %+v, %v", a, ok)
	}
	d.do(Action{Do: DoLogout})
	for _, want := range []Do{DoClose, DoLogout} {
		if a, ok := d.Next(); !ok || a.Do != want {
			t.Errorf("got %+v, %v, want %v", a, ok, want)
		}
	}
	for range 2 {
		if a, ok := d.Next(); ok {
			t.Errorf("got %+v, want none", a)
		}
	}
}

// TestCancel: what becomes of an exchange whose client goes, by where it is.
func TestCancel(t *testing.T) {
	t.Run("waiting", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		x := d.ask(false)
		d.Cancel(x, d.now)
		d.step()
		d.wantEnd(x, EndNotSent, CauseClientGone)
		d.open()
		d.wantSent()
	})
	t.Run("held by its limit", func(t *testing.T) {
		d := newDesk(t, func(c *Config) { c.Rules = []Rule{limited(1, time.Second, ScopeClient)} })
		s, b := d.open(), NewBudget()
		first := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
		d.submit(first)
		d.answer(s, CauseNone)
		x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
		d.submit(x)
		d.wantWaiting(x)
		d.Cancel(x, d.now)
		d.step()
		d.wantEnd(x, EndNotSent, CauseClientGone)
		if d.limits.held.Len() != 0 || d.Queued() != 0 {
			t.Errorf("%d budgets and %d exchanges are left", d.limits.held.Len(), d.Queued())
		}
	})
	t.Run("being recorded", func(t *testing.T) {
		d := newDesk(t, func(c *Config) { c.Record = RecordIfCan })
		s := d.open()
		x := d.ask(false)
		d.Cancel(x, d.now)
		d.step()
		d.wantEnd(x, EndNotSent, CauseClientGone)
		d.wantStates(SessionIdle)
		d.Recorded(s, d.notes[0].Ticket, true, d.now) // too late
		d.step()
		d.wantSent()
	})
	t.Run("in flight", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		s := d.open()
		x := d.ask(false)
		d.Cancel(x, d.now)
		d.step()
		if len(d.ends) > 0 {
			t.Error("it has ended before its answer")
		}
		d.answer(s, CauseNone)
		d.wantEnd(x, EndAnswered, CauseNone)
	})
	t.Run("in flight, and the session breaks", func(t *testing.T) {
		d := newDesk(t, func(*Config) {})
		s := d.open()
		x := d.ask(true)
		d.Cancel(x, d.now)
		d.breaks(s)
		d.wantEnd(x, EndUnknown, CauseRegistryClosed) // no second try for nobody
	})
}

// TestBroken: what becomes of the exchange in flight when its session is closed.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		query bool
		end   func(d *desk, s *Session)
		cause Cause
		again bool
	}{
		{"transform, closed by the registry", false, func(d *desk, s *Session) { d.breaks(s) }, CauseRegistryClosed, false},
		{"query, closed by the registry", true, func(d *desk, s *Session) { d.breaks(s) }, CauseRegistryClosed, true},
		{"transform, poisoned", false, func(d *desk, s *Session) { d.Poison(s, CauseMismatch); d.step() }, CauseMismatch, false},
		{"query, poisoned", true, func(d *desk, s *Session) { d.Poison(s, CauseMismatch); d.step() }, CauseMismatch, true},
		{"transform, no answer", false, func(d *desk, _ *Session) { d.wait(61 * time.Second) }, CauseCommandTimeout, false},
		{"query, no answer", true, func(d *desk, _ *Session) { d.wait(61 * time.Second) }, CauseCommandTimeout, true},
		{"query, at the end of a drain", true, func(d *desk, _ *Session) {
			d.Drain(d.now+time.Second, d.now)
			d.wait(2 * time.Second)
		}, CauseShutdown, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(*Config) {})
			s := d.open()
			x := d.ask(tt.query)
			tt.end(d, s)
			if !tt.again {
				d.wantEnd(x, EndUnknown, tt.cause)
				return
			}
			d.wantWaiting(x)
			d.sent = nil
			d.pass(time.Minute, d.wantsToOpen)
			two := d.open()
			d.wantSent(x)
			d.breaks(two) // once more is once
			d.wantEnd(x, EndUnknown, CauseRegistryClosed)
		})
	}
}

// TestPoisonTwice: a session that is closing keeps its first cause, and is closed once.
func TestPoisonTwice(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	d.Poison(s, CauseFrame)
	d.Poison(s, CauseIdle)
	d.step()
	if len(d.closed) != 1 || s.Cause() != CauseFrame {
		t.Errorf("closed %d times, for %v", len(d.closed), s.Cause())
	}
}

// TestLoginLostAgain: an exchange that a session refused as not logged in is sent once more, on a
// session that was seen to be logged in since. The second refusal is its answer, and costs nothing.
func TestLoginLostAgain(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	one, two := d.open(), d.open()
	d.now += time.Second
	x := d.ask(false)
	d.wantSent(x)
	if !d.LoginLost(one, d.now) {
		t.Fatal("it does not wait again")
	}
	d.step()
	d.wantSent() // the second session may have lost its login too
	d.wantWaiting(x)
	if !x.Rejected() || x.EndNow() != EndNotSent {
		t.Errorf("rejected %v, would end as %v", x.Rejected(), x.EndNow())
	}
	other := d.ask(true)
	d.wantSent(other)
	d.answer(two, CauseNone) // it has not
	d.wantSent(x)
	if !x.LoginLost() {
		t.Error("it is not known that a session refused it")
	}
	panics(t, func() { d.LoginLost(two, d.now) })
	d.answer(two, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	if two.State() != SessionIdle {
		t.Errorf("the second session is %v", two.State())
	}
}

// TestLoginLostNoRoom: where every session may have lost its login, and there is no room for another,
// the longest idle is closed.
func TestLoginLostNoRoom(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	one, two := d.open(), d.open()
	d.now += time.Second
	x := d.ask(false)
	d.wantSent(x)
	d.LoginLost(one, d.now)
	d.step()
	d.pass(time.Minute, d.wantsToOpen)
	d.wantStates(SessionIdle, SessionDialing)
	d.fails(CauseTooManySessions) // only one session may be open: the second
	d.pass(2*time.Second, d.wantsToOpen)
	d.fails(CauseTooManySessions) // nor is the first still counted
	d.wait(3 * time.Second)
	if two.Cause() != CauseLoginLost {
		t.Fatalf("the second session is %v for %v", two.State(), two.Cause())
	}
	d.pass(time.Minute, d.wantsToOpen)
	three := d.open()
	d.wantSent(x)
	d.answer(three, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
}

// TestLoginLostOfOurOwn: a keepalive that is refused as not logged in ends the session, and nothing
// waits.
func TestLoginLostOfOurOwn(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Keepalive, c.KeepaliveCommand = time.Minute, frame.CommandPoll })
	s := d.open()
	d.wait(61 * time.Second)
	if len(d.pinged) != 1 || d.LoginLost(s, d.now) {
		t.Errorf("%d keepalives, or something waits", len(d.pinged))
	}
	d.step()
	if s.Cause() != CauseLoginLost || len(d.closed) != 1 {
		t.Errorf("closed %d times for %v", len(d.closed), s.Cause())
	}
}

// TestThrottle: a registry that wants fewer commands gets none for a second, then for twice as long
// each time, for 30 seconds at most; an answer sets that back.
func TestThrottle(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.QueueTimeout = time.Hour })
	s := d.open()
	x := d.ask(false)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		d.wantSent(x)
		d.Throttled(s, CauseNone, d.now)
		d.step()
		d.wantSent()
		begin := d.now
		d.pass(time.Minute, func() bool { return len(d.sent) > 0 })
		if got := d.now - begin; got != want*time.Second {
			t.Errorf("sent again after %v, want %d s", got, want)
		}
	}
	d.sent = nil
	d.answer(s, CauseNone)
	d.wantEnd(x, EndAnswered, CauseNone)
	y := d.ask(true)
	d.wantSent(y)
	d.Throttled(s, CauseNone, d.now)
	d.step()
	begin := d.now
	d.pass(time.Minute, func() bool { return len(d.sent) > 0 })
	if got := d.now - begin; got != time.Second {
		t.Errorf("after an answer sent again after %v, want 1 s", got)
	}
}

// TestThrottledTogether: answers of commands that were sent before the registry throttled do not
// make it longer.
func TestThrottledTogether(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	var all []*Session
	for range 3 {
		all = append(all, d.open())
		d.ask(true)
	}
	d.sent = nil
	for _, s := range all {
		d.now += 10 * time.Millisecond
		d.Throttled(s, CauseNone, d.now)
		d.step()
	}
	if got := d.throttledUntil - d.now; got != time.Second {
		t.Errorf("throttled for %v, want 1 s", got)
	}
}

// TestThrottledTooLong: an exchange that could only be sent after its deadline ends at once.
func TestThrottledTooLong(t *testing.T) {
	for name, then := range map[string]func(d *desk, x *Exchange){
		"its deadline": func(d *desk, _ *Exchange) { d.now += 7500 * time.Millisecond },
		"a drain":      func(d *desk, _ *Exchange) { d.Drain(d.now+time.Minute, d.now) },
		"an orphan":    func(d *desk, x *Exchange) { d.Cancel(x, d.now) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(*Config) {})
			s := d.open()
			x := d.ask(false)
			then(d, x)
			d.Throttled(s, CauseNone, d.now)
			d.step()
			d.wantEnd(x, EndNotSent, CauseThrottled)
		})
	}
}

// TestThrottledEnds: an answer that throttles may end the session as well.
func TestThrottledEnds(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	x := d.ask(true)
	d.Throttled(s, CauseCodeCloses, d.now)
	d.step()
	d.wantWaiting(x)
	if s.Cause() != CauseCodeCloses || len(d.closed) != 1 {
		t.Errorf("closed %d times for %v", len(d.closed), s.Cause())
	}
}

// TestUnsent: an exchange that could not be written keeps its turn and its deadline, and what it
// used of the limits is free again at once.
func TestUnsent(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.Rules = []Rule{only(frame.CommandCreate, 1, time.Hour, ScopeRegistry), only(frame.CommandCreate, 1, time.Hour, ScopeClient)}
	})
	s, b := d.open(), NewBudget()
	x := &Exchange{Command: frame.CommandCreate, Weight: 1, Budget: b}
	d.submit(x)
	later := d.ask(false)
	deadline := x.deadline
	d.wantSent(x)
	d.now += time.Second
	d.Unsent(s, x, CauseUnasked, d.now)
	d.step()
	d.wantWaiting(x)
	if x.EndNow() != EndNotSent || x.deadline != deadline || s.Commands() != 0 {
		t.Errorf("would end as %v at %v; the session counts %d", x.EndNow(), x.deadline, s.Commands())
	}
	d.pass(5*time.Second, d.wantsToOpen)
	d.open()
	d.wantSent(x)
	d.wantWaiting(later)
}

// TestUnsentOrphan: an exchange that was not written, and whose client has gone, ends.
func TestUnsentOrphan(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	x := d.ask(false)
	x.orphan = true // between DoSend and the write
	d.Unsent(s, x, CauseUnasked, d.now)
	d.step()
	d.wantEnd(x, EndNotSent, CauseClientGone)
}

// TestDeadline: an exchange that waits too long ends as not sent, for what was in its way.
func TestDeadline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sets  func(d *desk)
		cause Cause
	}{
		{"no session is free", func(d *desk) { d.open(); d.ask(false); d.sent = nil }, CauseQueueTimeout},
		{"paused", func(d *desk) { d.open(); d.Pause(d.now); d.step() }, CausePaused},
		{"throttled", func(d *desk) {
			d.open()
			d.throttledUntil = d.now + time.Minute
		}, CauseThrottled},
		{"no session was ever opened", func(*desk) {}, CauseQueueTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(*Config) {})
			tt.sets(d)
			x := d.ask(false)
			d.wait(8*time.Second - 1)
			d.wantWaiting(x)
			d.wait(1)
			d.wantEnd(x, EndNotSent, tt.cause)
			d.wantSent()
		})
	}
}

// TestAway: once the registry has been away for as long as an exchange may wait, the next wait a
// second only.
func TestAway(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	d.breaks(s) // young and unproven: the registry is away from now on
	for d.now < 9*time.Second {
		d.pass(9*time.Second-d.now, d.wantsToOpen)
		if d.wantsToOpen() {
			d.fails(CauseConnect)
		}
	}
	x := d.ask(false)
	d.wait(time.Second - 1)
	d.wantWaiting(x)
	d.wait(1)
	d.wantEnd(x, EndNotSent, CauseRegistryAway)
	d.pass(2*time.Minute, d.wantsToOpen)
	d.open() // it is back
	if y := d.ask(false); y.deadline-d.now != 8*time.Second {
		t.Errorf("back again, an exchange may wait %v", y.deadline-d.now)
	}
}

// TestRefusedAtOnce: while the login is refused and no session is left, what waits and what comes
// ends at once.
func TestRefusedAtOnce(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	x := d.ask(false)
	d.fails(CauseLoginRefused)
	d.wantEnd(x, EndNotSent, CauseLoginRefused)
	y := d.ask(false)
	d.wantEnd(y, EndNotSent, CauseLoginRefused)
}

// TestRefusedBesides: a refused login ends nothing while another session works.
func TestRefusedBesides(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 2 })
	s := d.open()
	x := d.ask(false)
	y := d.ask(false)
	d.fails(CauseLoginRefused)
	d.wantSent(x)
	d.answer(s, CauseNone)
	d.wantSent(y)
	d.breaks(s)
	d.wantEnd(y, EndUnknown, CauseRegistryClosed)
	z := d.ask(false)
	d.wantEnd(z, EndNotSent, CauseLoginRefused)
}

// TestWake: Wake is never later than what is due, over an hour of sessions that come and go.
func TestWake(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MaxSessions, c.Keepalive, c.KeepaliveCommand, c.MaxAge = 2, time.Minute, frame.CommandHello, 10*time.Minute
	})
	d.open()
	opened, logins := 1, 0
	for d.now < time.Hour {
		if d.Wake() == never {
			t.Fatal("nothing will happen any more")
		}
		d.pass(time.Hour, func() bool { return len(d.pinged)+len(d.opening)+len(d.leaving) > 0 })
		for _, s := range d.pinged {
			d.answer(s, CauseNone)
		}
		d.pinged = nil
		if d.wantsToOpen() {
			d.open()
			opened++
		}
		for _, s := range d.leaving {
			d.answer(s, CauseNone)
			logins++
		}
		d.leaving = nil
	}
	if opened < 6 || opened > 8 || logins < opened-2 {
		t.Errorf("%d sessions were opened and %d logged out in an hour, want one every ten minutes", opened, logins)
	}
}
