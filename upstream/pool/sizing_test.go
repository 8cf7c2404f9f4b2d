package pool

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// attempt lets time pass until a session is to be opened, and returns for how long that was.
func (d *desk) attempt() time.Duration {
	begin := d.now
	d.pass(2*time.Hour, d.wantsToOpen)
	return d.now - begin
}

// TestBackoff: after each failed attempt the next is put off, by about a second at first, then by
// twice as long, by a minute at most; a session that works sets that back.
func TestBackoff(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	for i, most := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		d.fails(CauseConnect)
		if got := d.attempt(); got > most*time.Second || got < most*time.Second/2 {
			t.Errorf("attempt %d comes after %v, want %d s or up to half as long", i+2, got, most)
		}
	}
	s := d.open()
	d.ask(true)
	d.answer(s, CauseNone)
	d.breaks(s)
	if got := d.attempt(); got != 0 {
		t.Errorf("a session that worked is replaced after %v, want at once", got)
	}
	d.fails(CauseConnect)
	if got := d.attempt(); got > time.Second {
		t.Errorf("after a session that worked the next attempt comes after %v", got)
	}
}

// TestRefusedBackoff: a refused login is tried again after 15 minutes, not before.
func TestRefusedBackoff(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	for range 3 {
		d.fails(CauseLoginRefused)
		if got := d.attempt(); got < refusedBackoff || got > refusedBackoff*3/2 {
			t.Errorf("the next attempt comes after %v, want 15 to 22.5 minutes", got)
		}
	}
	d.open()
	x := d.ask(true)
	d.wantSent(x)
}

// TestCeiling: 2502 lowers the number of sessions that are tried; it rises again by one after half a
// minute or so.
func TestCeiling(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 4, 4 })
	d.open()
	d.open()
	d.fails(CauseTooManySessions)
	for n := 3; n <= 4; n++ {
		if got := d.attempt(); got < ceilingBackoff || got > 2*ceilingBackoff {
			t.Errorf("session %d is tried after %v, want 30 to 45 s", n, got)
		}
		d.open()
	}
	d.wait(time.Hour)
	if d.wantsToOpen() || d.live != 4 {
		t.Errorf("%d are live, %d are opened", d.live, len(d.opening))
	}
}

// TestCeilingOfNone: where 2502 comes and we have no session, the one of a process before may be
// counted; when it still comes after a while, somebody else has them all.
func TestCeilingOfNone(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	for _, least := range ownWaits {
		d.fails(CauseTooManySessions)
		if got := d.attempt(); got < least || got > least*3/2 {
			t.Errorf("the next attempt comes after %v, want %v or up to half as long more", got, least)
		}
		if !d.OwnCounted() || d.away(d.now) {
			t.Error("it is taken for somebody else's, or the registry for away")
		}
	}
	d.fails(CauseTooManySessions)
	if d.OwnCounted() {
		t.Error("it is taken for our own")
	}
	if d.ceiling != 1 {
		t.Errorf("the ceiling is %d, want 1", d.ceiling)
	}
	if got := d.attempt(); got < ceilingBackoff {
		t.Errorf("the next attempt comes after %v", got)
	}
}

// TestLoginStorm: a registry that takes logins and closes gets no more attempts in a minute than the
// budget has, whatever ends the sessions. Those beyond the first half are spread.
func TestLoginStorm(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	var at []time.Duration
	for d.now < 10*time.Minute {
		s := d.open()
		at = append(at, d.now)
		d.ask(true)
		d.answer(s, CauseNone) // it works
		d.breaks(s)
		d.attempt()
	}
	for i := range at {
		if i >= loginsMin && at[i]-at[i-loginsMin] < time.Minute {
			t.Fatalf("%d logins within %v", loginsMin+1, at[i]-at[i-loginsMin])
		}
		if i > 0 && at[i]-at[i-1] > 2*time.Minute/loginsMin+time.Millisecond {
			t.Fatalf("no login for %v", at[i]-at[i-1])
		}
	}
	if at[loginsMin/2-1] > time.Second {
		t.Errorf("half of the budget has lasted for %v, want it to be there at once", at[loginsMin/2-1])
	}
	if len(at) < 9*loginsMin {
		t.Errorf("%d logins in ten minutes, want about %d", len(at), 10*loginsMin)
	}
}

// TestLoginBudget: it grows with the sessions.
func TestLoginBudget(t *testing.T) {
	for sessions, want := range map[int]int{1: 20, 2: 20, 3: 30, 10: 100} {
		if got := loginBudget(sessions); got != (ratelimit.Limit{N: want, Per: time.Minute}) {
			t.Errorf("%d sessions: got %v, want %d", sessions, got, want)
		}
	}
}

// TestHasty: a registry that ends sessions young by its answers to different clients is left alone,
// for longer each time, until one lives four times as long as the last back-off.
func TestHasty(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	d.ask(true)
	d.answer(s, CauseCodeCloses)
	if got := d.attempt(); got != 0 {
		t.Errorf("a session is opened after %v behind one client's command, want at once", got)
	}
	for i, most := range []time.Duration{1, 2, 4, 8} {
		s := d.open()
		d.ask(true)
		d.answer(s, CauseCodeCloses)
		if got := d.attempt(); got > most*time.Second || got < most*time.Second/2 {
			t.Errorf("session %d is opened after %v, want %d s or up to half as long", i+2, got, most)
		}
	}
	s = d.open()
	d.now += hastyLife*8*time.Second - 1
	d.ask(true)
	d.answer(s, CauseNone)
	if d.hasty != 4 {
		t.Errorf("hasty is %d before the session is old enough, want 4", d.hasty)
	}
	d.now += time.Second
	d.ask(true)
	d.answer(s, CauseNone)
	if d.hasty != 0 {
		t.Errorf("hasty is %d, want 0", d.hasty)
	}
}

// TestDemand: sessions above MinSessions are opened while exchanges wait for one, one at a time, and
// log out after they were idle for a while.
func TestDemand(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxSessions = 3 })
	one := d.open()
	for range 4 {
		d.ask(false)
	}
	d.wantStates(SessionBusy, SessionDialing)
	two := d.open()
	d.wantStates(SessionBusy, SessionBusy, SessionDialing)
	three := d.open()
	d.wantStates(SessionBusy, SessionBusy, SessionBusy) // one waits, and there may be no more
	for _, s := range []*Session{one, two, three, one} {
		d.answer(s, CauseNone)
	}
	d.wait(surplusIdle - 1)
	if d.wantsToLeave() {
		t.Error("it logs out early")
	}
	d.wait(1)
	if len(d.leaving) != 2 {
		t.Fatalf("%d log out, want two", len(d.leaving))
	}
	for _, s := range d.leaving {
		d.answer(s, CauseNone)
		if s.Cause() != CauseIdle {
			t.Errorf("session %d ended for %v", s.ID, s.Cause())
		}
	}
	d.leaving = nil
	d.wait(time.Hour)
	d.wantStates(SessionIdle)
}

// TestNoDemandByLimits: a session more is of no use to exchanges that a limit of the registry holds.
func TestNoDemandByLimits(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MaxSessions, c.QueueTimeout = 3, time.Hour
		c.Rules = []Rule{only(frame.CommandCreate, 1, time.Minute, ScopeRegistry)}
	})
	s := d.open()
	d.ask(false)
	d.answer(s, CauseNone)
	d.ask(false)
	d.ask(false)
	if d.wantsToOpen() {
		t.Error("a session is opened")
	}
}

// TestKeepalive: an idle session shows that it is alive, by hello or poll, and is closed where it
// does not answer.
func TestKeepalive(t *testing.T) {
	for command, want := range map[frame.Command]InFlight{frame.CommandHello: HelloInFlight, frame.CommandPoll: PollInFlight} {
		d := newDesk(t, func(c *Config) { c.Keepalive, c.KeepaliveCommand = time.Minute, command })
		s := d.open()
		for i := range 3 {
			d.wait(time.Minute - 1)
			if len(d.pinged) != i {
				t.Fatalf("%v: %d keepalives, want %d", command, len(d.pinged), i)
			}
			d.wait(1)
			if len(d.pinged) != i+1 || s.InFlight() != want || s.Exchange() != nil {
				t.Fatalf("%v: %d keepalives, %v is in flight", command, len(d.pinged), s.InFlight())
			}
			d.answer(s, CauseNone)
		}
		if s.Commands() != 3 {
			t.Errorf("%v: the session counts %d commands, want 3", command, s.Commands())
		}
		d.wait(30 * time.Second)
		d.ask(true)
		d.answer(s, CauseNone)
		d.wait(31 * time.Second)
		if len(d.pinged) != 3 {
			t.Errorf("%v: a keepalive is sent 31 s after a command", command)
		}
		d.wait(29 * time.Second)
		d.wait(time.Minute) // it is not answered
		if s.Cause() != CauseCommandTimeout {
			t.Errorf("%v: the session is %v for %v", command, s.State(), s.Cause())
		}
	}
}

// TestKeepaliveLimited: a limit that counts keepalives delays them.
func TestKeepaliveLimited(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.Keepalive, c.KeepaliveCommand = 2, 2, time.Minute, frame.CommandHello
		c.Rules = []Rule{only(frame.CommandHello, 1, 3*time.Second, ScopeRegistry)}
	})
	d.open()
	d.open()
	d.wait(time.Minute)
	if len(d.pinged) != 1 {
		t.Fatalf("%d keepalives, want one", len(d.pinged))
	}
	d.answer(d.pinged[0], CauseNone)
	d.wait(3 * time.Second)
	if len(d.pinged) != 2 || d.pinged[0] == d.pinged[1] {
		t.Errorf("%d keepalives, want one on each session", len(d.pinged))
	}
}

// TestProbe: idle sessions show at once that they are alive; without a keepalive they are replaced.
func TestProbe(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.Keepalive, c.KeepaliveCommand = 2, 2, time.Hour, frame.CommandHello
	})
	d.open()
	d.open()
	d.ask(true) // the first is busy
	d.Probe(d.now)
	d.step()
	d.wantStates(SessionBusy, SessionBusy)
	if len(d.pinged) != 1 {
		t.Errorf("%d are probed, want the idle one", len(d.pinged))
	}
	d = newDesk(t, func(*Config) {})
	d.open()
	d.Probe(d.now)
	d.step()
	if s := d.logOut(); s.Cause() != CauseIdle {
		t.Errorf("it ended for %v", s.Cause())
	}
	d.wait(lagMin)
	d.open()
}

// TestMaxCommands: a session is replaced shortly before it has sent as many commands as it may, and
// its logout is the last.
func TestMaxCommands(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxCommands = 100 })
	s := d.open()
	sent := 0
	for ; !d.wantsToLeave() && sent < 100; sent++ {
		d.ask(true)
		d.answer(s, CauseNone)
	}
	if sent < 84 || sent > 96 {
		t.Errorf("replaced after %d commands, want 85 to 95", sent)
	}
	if d.logOut(); s.Cause() != CauseCount {
		t.Errorf("it ended for %v", s.Cause())
	}
	d.wait(lagMin)
	d.open()
}

// TestLives: the lives of sessions are drawn, a tenth apart at most.
func TestLives(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.MaxAge, c.MaxCommands = 20, 20, time.Hour, 1000 })
	ages, counts := map[time.Duration]bool{}, map[int]bool{}
	for range 20 {
		s := d.open()
		if s.expires < 54*time.Minute || s.expires > time.Hour || s.most < 855 || s.most > 950 {
			t.Errorf("a session lives %v and %d commands", s.expires, s.most)
		}
		ages[s.expires], counts[s.most] = true, true
	}
	if len(ages) < 15 || len(counts) < 10 {
		t.Errorf("%d ages and %d counts of 20 sessions", len(ages), len(counts))
	}
}

// TestSnapshot: what a snapshot says of a pool at work.
func TestSnapshot(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions = 2, 2
		c.Rules = []Rule{{Name: "all", Limit: ratelimit.Limit{N: 4, Per: time.Hour}, Commands: allCommands()}}
	})
	var sn Snapshot
	d.Snapshot(&sn, d.now)
	if sn.Ready() || sn.Sessions[SessionDialing] != 1 || sn.Max != 2 || sn.Backoff {
		t.Errorf("at first: %+v", sn)
	}
	s := d.open()
	d.fails(CauseConnect)
	x := d.ask(false)
	d.ask(false)
	d.wantSent(x)
	d.now += 100 * time.Millisecond
	d.Snapshot(&sn, d.now)
	if !sn.Ready() || sn.Queued != 1 || sn.Oldest != 100*time.Millisecond || !sn.Backoff || sn.NextTry <= 0 || sn.NextTry > time.Second {
		t.Errorf("at work: %+v", sn)
	}
	if len(sn.Rules) != 1 || sn.Rules[0] != "all" || sn.Used[0] != 0.75 {
		t.Errorf("limits: %v, %v in use, want three quarters", sn.Rules, sn.Used)
	}
	d.Throttled(s, CauseNone, d.now)
	d.step()
	d.Pause(d.now)
	d.step()
	d.Snapshot(&sn, d.now)
	if !sn.Paused || sn.Throttle != time.Second || sn.Queued != 2 || sn.Backoff {
		t.Errorf("paused and throttled: %+v", sn)
	}
}
