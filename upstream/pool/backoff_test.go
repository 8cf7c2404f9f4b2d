package pool

import (
	"testing"
	"time"
)

// TestBackoffBeside: attempts that fail while a session works come ever more seldom, whatever that
// session answers, and whether they fail before the login or right behind it.
func TestBackoffBeside(t *testing.T) {
	for _, fails := range []string{"before the login", "behind the login"} {
		d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 3 })
		one, attempts := d.open(), 0
		for d.now < 40*time.Second {
			for ; d.wantsToOpen(); attempts++ {
				if fails == "before the login" {
					d.fails(CauseConnect)
				} else {
					d.breaks(d.open())
				}
			}
			d.ask(true)
			d.answer(one, CauseNone)
			d.wait(100 * time.Millisecond)
		}
		if attempts < 4 || attempts > 8 {
			t.Errorf("%s: %d attempts in 40 s, want about 7", fails, attempts)
		}
		d.breaks(one)
		if !d.wantsToOpen() {
			t.Errorf("%s: the last session is not replaced at once, but in %v", fails, d.attempt())
		}
	}
}

// TestBackoffBesideEnds: a session that opens beside others and works ends that back-off; one that was
// there before does not.
func TestBackoffBesideEnds(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 3 })
	one := d.open()
	two := d.open()
	d.wait(time.Millisecond)
	for range 4 {
		d.attempt()
		d.fails(CauseConnect)
	}
	for _, s := range []*Session{one, two} {
		d.ask(true)
		d.ask(true)
		d.answer(s, CauseNone)
	}
	d.answer(two, CauseNone)
	if d.beside.failures != 4 {
		t.Errorf("%d failures are counted, want 4", d.beside.failures)
	}
	d.attempt()
	three := d.open()
	d.ask(true)
	d.ask(true)
	d.ask(true)
	d.answer(three, CauseNone)
	if d.beside.failures != 0 {
		t.Errorf("%d failures are counted, want none", d.beside.failures)
	}
}

// TestCloseIsCeiling: a registry that closes in place of the login's answer, again and again, while
// other sessions go on, grants no more than those.
func TestCloseIsCeiling(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 3 })
	d.open()
	d.fails(CauseRegistryClosed)
	if d.ceiling != 3 {
		t.Error("once may be chance")
	}
	d.attempt()
	d.fails(CauseRegistryClosed)
	if d.ceiling != 1 {
		t.Errorf("the ceiling is %d, want 1", d.ceiling)
	}
	if got := d.attempt(); got < ceilingBackoff || got > ceilingBackoff*3/2 {
		t.Errorf("the next attempt comes after %v", got)
	}
}

// TestToldToWait: a registry that names a time has it, within bounds.
func TestToldToWait(t *testing.T) {
	for said, want := range map[time.Duration]time.Duration{30 * time.Second: 30 * time.Second, 0: toldMin, time.Hour: toldMax} {
		d := newDesk(t, func(*Config) {})
		d.opening[0].ToldToWait(said)
		d.fails(CauseThrottled)
		if got := d.attempt(); got != want {
			t.Errorf("told %v: the next attempt comes after %v, want %v", said, got, want)
		}
		s := d.open()
		x := d.ask(true)
		d.wantSent(x)
		s.ToldToWait(said)
		d.Throttled(s, CauseNone, d.now)
		d.step()
		if got := d.throttledUntil - d.now; got != want {
			t.Errorf("told %v: throttled for %v, want %v", said, got, want)
		}
	}
}
