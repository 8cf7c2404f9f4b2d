package pool

import (
	"testing"
	"time"
)

// late is a registry that counts a session for a while after its end, and grants one.
type late struct {
	*desk
	counts   time.Duration
	until    time.Duration // when the last session is counted no more
	refusals int
}

// reopens ends s by the given means, and returns its successor, and how long there was none.
func (l *late) reopens(ends func()) (*Session, time.Duration) {
	begin := l.now
	ends()
	l.until = l.now + l.counts
	for {
		l.pass(time.Minute, l.wantsToOpen)
		if l.now >= l.until {
			return l.open(), l.now - begin
		}
		l.fails(CauseTooManySessions)
		l.refusals++
	}
}

// TestOwnSessionCounted: 2502 right behind the end of a session of ours is no reason to wait long, nor
// for a ceiling; and the registry's lateness is learned, so that few logins are refused.
func TestOwnSessionCounted(t *testing.T) {
	for _, tt := range []struct {
		what          string
		min, max      int
		registryFirst bool
	}{{"ours to end, max 1", 1, 1, false}, {"the registry's, max 1", 1, 1, true}, {"the registry's, max 3", 1, 3, true}} {
		d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = tt.min, tt.max })
		l := &late{desk: d, counts: 500 * time.Millisecond}
		s := d.open()
		for i := range 20 {
			d.wait(10 * time.Second)
			d.ask(true)
			d.answer(s, CauseNone)
			var took time.Duration
			s, took = l.reopens(func() {
				if tt.registryFirst {
					d.breaks(s)
				} else {
					d.Reconnect(d.now)
					d.step()
					d.logOut()
				}
			})
			if took > 3*time.Second {
				t.Errorf("%s: replacement %d took %v", tt.what, i, took)
			}
		}
		if most := 5; tt.max == 1 && l.refusals > most || d.ceiling != tt.max {
			t.Errorf("%s: %d of 20 refused, want %d at most; the ceiling is %d", tt.what, l.refusals, most, d.ceiling)
		}
	}
}

// TestOwnAmongOthers: the same where other sessions go on; what the commands wait for is no outage.
func TestOwnAmongOthers(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	d.open()
	d.open()
	s := d.open()
	d.wait(time.Minute)
	d.breaks(s)
	d.fails(CauseTooManySessions)
	if got := d.attempt(); got > 3*time.Second/2 || d.ceiling != 3 {
		t.Errorf("the next attempt comes after %v, the ceiling is %d", got, d.ceiling)
	}
	d.open()
}

// TestGrowthMeetsCeiling: 2502 to a session more than we had is a ceiling at once, also soon after one
// of ours has ended.
func TestGrowthMeetsCeiling(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	s := d.open()
	d.fails(CauseTooManySessions)
	if d.ceiling != 1 || d.OwnCounted() {
		t.Errorf("the ceiling is %d, want 1", d.ceiling)
	}
	d.wait(10 * time.Second)
	d.breaks(s)
	d.pass(time.Minute, d.wantsToOpen)
	d.open()
	d.pass(time.Minute, d.wantsToOpen)
	if d.ceiling != 2 {
		t.Fatalf("the ceiling is %d, want 2", d.ceiling)
	}
	d.fails(CauseTooManySessions)
	if d.ceiling != 1 {
		t.Errorf("the ceiling is %d, want 1", d.ceiling)
	}
}

// TestEndWhileLogin: a session that ends while a login is under way, behind a 2502, teaches nothing about
// how late the registry notes an end. What is kept for the next process can be read.
func TestEndWhileLogin(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	d.open()
	r := d.open()
	s := d.open()
	d.wait(time.Minute)
	d.breaks(s)
	d.fails(CauseTooManySessions)
	d.pass(time.Minute, d.wantsToOpen)
	d.wait(time.Second)
	d.breaks(r)
	d.open()
	if d.own.lag != 0 {
		t.Errorf("learned %v", d.own.lag)
	}
	if err := d.Ledger(d.now, d.now+simWall).Validate(); err != nil {
		t.Error(err)
	}
}

// TestLagForgotten: what was somebody else's session is not taken for the registry's lateness for
// long, and there is a bound on what is learned.
func TestLagForgotten(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	l := &late{desk: d, counts: 14 * time.Second}
	s := d.open()
	for i := range 25 {
		d.wait(time.Minute)
		s, _ = l.reopens(func() { d.breaks(s) })
		if i == 0 && (d.own.lag < 14*time.Second || d.own.lag > lagMax) {
			t.Errorf("learned %v of %v", d.own.lag, l.counts)
		}
		l.counts = 0
	}
	if d.own.lag > time.Second {
		t.Errorf("%v are left", d.own.lag)
	}
}

// TestNewAccountIsFirst: behind a reload to another account, its first 2502 may be another process's.
func TestNewAccountIsFirst(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.open()
	d.wait(time.Hour)
	d.Reconfigure(d.cfg, NewRegistry, d.now)
	d.step()
	d.logOut()
	d.fails(CauseTooManySessions)
	if got := d.attempt(); got > 3*time.Second/2 {
		t.Errorf("the next attempt comes after %v", got)
	}
}

// TestLoginUnderWay: a login that was under way when a session of ours ended says nothing of how late
// the registry takes note of that end.
func TestLoginUnderWay(t *testing.T) {
	for _, refused := range []int{0, 1} {
		o := own{lag: time.Second}
		o.ended(2, 10*time.Second)
		for range refused {
			o.refused()
		}
		o.ended(2, 20*time.Second)
		o.opened(15 * time.Second)
		if o.lag != time.Second || o.refusals != 0 {
			t.Errorf("behind %d refusals: %v is learned, want 1s as before; %d refusals are left", refused, o.lag, o.refusals)
		}
	}
}
