package pool

import (
	"testing"
	"time"
)

// silences has the registry end the session behind so much silence.
func (d *desk) silences(s *Session, after time.Duration) {
	d.wait(after)
	d.breaks(s)
}

// TestSilenceIsNoFailure: a session that ends behind silence costs no back-off. A command has one
// opened at once; without one that happens no more often than four times a minute.
func TestSilenceIsNoFailure(t *testing.T) {
	for _, limit := range []time.Duration{3 * time.Second, 20 * time.Second, 65 * time.Second} {
		d := newDesk(t, func(*Config) {})
		for i := range 8 {
			d.attempt()
			d.silences(d.open(), limit)
			x := d.ask(true)
			if !d.wantsToOpen() {
				t.Fatalf("%v, end %d: no session is opened for a command", limit, i)
			}
			s := d.open()
			d.wantSent(x)
			d.answer(s, CauseNone)
			d.wantEnd(x, EndAnswered, CauseNone)
			begin := d.now
			d.silences(s, limit)
			d.attempt()
			if got := d.now - begin; got > max(limit, warmEvery) || got < min(limit, warmEvery) {
				t.Errorf("%v, end %d: the next for stock comes %v after the last", limit, i, got)
			}
			if d.failures > 0 || d.downSince >= 0 {
				t.Fatalf("%v: it is a failure", limit)
			}
		}
	}
}

// TestOnDemand: a registry that ends idle sessions soon is ready all the same. What fails, or holds the
// next login back, makes it unready.
func TestOnDemand(t *testing.T) {
	for _, tt := range []struct {
		what  string
		after func(d *desk)
		want  bool
	}{
		{"silence", func(d *desk) {}, true},
		{"a login for a command", func(d *desk) { d.ask(true) }, true},
		{"a failure", func(d *desk) { d.ask(true); d.fails(CauseConnect) }, false},
		{"the end of its back-off", func(d *desk) { d.ask(true); d.fails(CauseConnect); d.nextOpen = d.now }, false},
		{"another wait", func(d *desk) { d.nextOpen = d.now + 1 }, false},
		{"refused credentials", func(d *desk) { d.ask(true); d.fails(CauseLoginRefused) }, false},
		{"a ceiling of none", func(d *desk) { d.ceiling = 0 }, false},
		{"a ghost", func(d *desk) { d.ceiling, d.ghosts = 1, []time.Duration{never} }, false},
		{"all logins used", func(d *desk) {
			for d.logins.Next(d.now) <= d.now {
				d.logins.Take(d.now)
			}
		}, false},
		{"a pause", func(d *desk) { d.Pause(d.now) }, false},
		{"a drain", func(d *desk) { d.Drain(d.now, d.now+time.Minute) }, false},
		{"a throttle", func(d *desk) { d.throttledUntil = d.now + 1 }, false},
	} {
		d := newDesk(t, func(*Config) {})
		d.silences(d.open(), 3*time.Second)
		tt.after(d)
		var sn Snapshot
		d.Snapshot(&sn, d.now)
		if sn.OnDemand != tt.want || sn.Ready() != tt.want {
			t.Errorf("behind %s: got %v, want %v", tt.what, sn.OnDemand, tt.want)
		}
	}
	d := newDesk(t, func(*Config) {})
	var sn Snapshot
	if d.Snapshot(&sn, d.now); sn.Ready() {
		t.Error("ready before the first login")
	}
	d.breaks(d.open())
	if d.Snapshot(&sn, d.now); sn.Ready() {
		t.Error("ready behind a close at once")
	}
}

// TestCloseBehindLoginIsFailure: what ends at once did not end for silence.
func TestCloseBehindLoginIsFailure(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.silences(d.open(), silentLeast-1)
	if d.failures != 1 {
		t.Errorf("%d failures, want one", d.failures)
	}
}

// TestIdleLimit: five ends behind about the same silence are a limit, others are not.
func TestIdleLimit(t *testing.T) {
	s := time.Second
	for _, tt := range []struct {
		what   string
		silent []time.Duration
		want   time.Duration
	}{
		{"four", []time.Duration{20 * s, 20 * s, 20 * s, 20 * s}, 0},
		{"five", []time.Duration{20 * s, 20 * s, 20*s + s/4, 20 * s, 20 * s}, 20 * s},
		{"any", []time.Duration{20 * s, 40 * s, 20 * s, 9 * s, 20 * s, 33 * s}, 0},
		{"five behind another", []time.Duration{7 * s, 20 * s, 20 * s, 20 * s, 20 * s, 20 * s}, 20 * s},
		{"another behind five", []time.Duration{20 * s, 20 * s, 20 * s, 20 * s, 20 * s, 50 * s}, 0},
	} {
		d := newDesk(t, func(*Config) {})
		for _, after := range tt.silent {
			d.attempt()
			d.silences(d.open(), after)
		}
		if got := d.IdleLimit(d.now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.what, got, tt.want)
		}
		d.attempt()
		d.open()
		d.wait(silentMemory + 3*tt.want)
		if got := d.IdleLimit(d.now); got != 0 {
			t.Errorf("%s: %v is told long afterwards", tt.what, got)
		}
	}
}

// TestRestartIsNoIdleLimit: sessions that end together, as in a restart of the registry, are one end.
func TestRestartIsNoIdleLimit(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 6, 6 })
	all := []*Session{}
	for range 6 {
		all = append(all, d.open())
	}
	d.wait(time.Minute)
	for _, s := range all {
		d.breaks(s)
	}
	if got := d.IdleLimit(d.now); got != 0 || d.silence.ends != 1 {
		t.Errorf("%d ends, a limit of %v", d.silence.ends, got)
	}
}
