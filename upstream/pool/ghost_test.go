package pool

import (
	"testing"
	"time"
)

// TestGhost: a session that had no answer in time is still counted by the registry when we have
// closed it. Its slot is free after a while, or at once where the registry has ended it.
func TestGhost(t *testing.T) {
	for _, tt := range []struct {
		what  string
		ends  func(*desk, *Session)
		after time.Duration
	}{
		{"a command times out", func(d *desk, _ *Session) {
			d.ask(false)
			d.wait(d.cfg.CommandTimeout)
		}, ghostLife},
		{"a keepalive times out", func(d *desk, _ *Session) {
			d.wait(d.cfg.Keepalive + d.cfg.CommandTimeout)
		}, ghostLife},
		{"a logout times out", func(d *desk, _ *Session) {
			d.Reconnect(d.now)
			d.step()
			d.wait(logoutTimeout)
		}, ghostLife},
		{"the registry closes", func(d *desk, s *Session) {
			d.ask(false)
			d.breaks(s)
		}, 0},
		{"the logout is answered", func(d *desk, _ *Session) {
			d.Reconnect(d.now)
			d.step()
			d.logOut()
		}, lagMin},
	} {
		d := newDesk(t, func(c *Config) { c.Keepalive = 4 * time.Minute })
		s := d.open()
		d.ask(true)
		d.answer(s, CauseNone) // it works
		tt.ends(d, s)
		if s.State() != SessionClosing {
			t.Fatalf("%s: the session is %v", tt.what, s.State())
		}
		begin := d.now
		var shown Snapshot
		if d.Pool.Snapshot(&shown, d.now); shown.NextTry != tt.after || shown.Backoff != (tt.after > 0) {
			t.Errorf("%s: held back %v, for %v, want %v", tt.what, shown.Backoff, shown.NextTry, tt.after)
		}
		d.pass(time.Minute, d.wantsToOpen)
		if took := d.now - begin; took != tt.after {
			t.Errorf("%s: the next is opened after %v, want %v", tt.what, took, tt.after)
		}
	}
}

// TestGhostBeside: while a ghost has a slot, the others are used.
func TestGhostBeside(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 1, 2 })
	d.open()
	d.ask(false)
	d.wait(d.cfg.CommandTimeout)
	d.open() // the second slot
	d.sent = nil
	x, y := d.ask(false), d.ask(false)
	d.wantSent(x)
	if d.wantsToOpen() {
		t.Error("a session is opened in the place of the ghost")
	}
	d.pass(ghostLife, d.wantsToOpen)
	d.open()
	d.wantSent(y)
}
