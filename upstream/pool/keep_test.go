package pool

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

const aDay = 24 * time.Hour

// creates is a limit on creates that outlives the process; a block is 7 of its 1000.
func creates(c *Config) {
	c.Ledger = LedgerWarn
	c.Rules = []Rule{only(frame.CommandCreate, 1000, aDay, ScopeRegistry)}
}

// blocking is creates with LedgerBlock.
func blocking(c *Config) {
	creates(c)
	c.Ledger = LedgerBlock
}

// serve has one create answered on s.
func (d *desk) serve(s *Session) {
	d.t.Helper()
	x := d.ask(false)
	d.wantSent(x)
	d.answer(s, CauseNone)
}

// TestKeepFirst: nothing is opened before it is written that a process is at work. A login is written
// down too.
func TestKeepFirst(t *testing.T) {
	d := newDesk(t, creates)
	d.wantStates()
	if d.wrote.Clean || d.wrote.Open != 1 || d.wrote.Logins.Open != 1 {
		t.Errorf("got %+v, want one login reserved", d.wrote)
	}
	d.kept(true)
	d.wantStates(SessionDialing)
	if d.keeps = nil; d.open() == nil {
		t.Error("no session")
	}
}

// TestKeepReserves: the first command waits until its use is written down; those behind it do not,
// and half of the block later the next writing begins. When nothing comes any more, nothing stays
// reserved.
func TestKeepReserves(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	s := d.open()
	d.keptAll()
	x := d.ask(false)
	d.wantSent()
	if open := d.wrote.Rules[0].Page.Open; open != 7 {
		t.Errorf("%d are reserved, want 7", open)
	}
	d.kept(true)
	d.wantSent(x)
	d.answer(s, CauseNone)
	for range 3 {
		d.wantQuiet()
		d.serve(s)
	}
	if d.serve(s); len(d.keeps) != 1 { // the writing goes on
		t.Error("half of the block is spent, and no writing begins")
	}
	d.kept(true)
	d.serve(s)
	for range 10 {
		if d.pass(keepSettle, func() bool { return len(d.keeps) > 0 }); len(d.keeps) == 0 {
			break
		}
		d.kept(true)
	}
	if p := d.wrote.Rules[0].Page; p.Open != 0 || d.wrote.Logins.Open != 0 || len(p.Counts) != 1 || p.Counts[0].N != 6 {
		t.Errorf("got %+v, want 6 answers, and nothing reserved", d.wrote)
	}
	if d.wait(time.Minute); len(d.keeps) > 0 {
		t.Error("something is written while nothing happens")
	}
}

// TestKeepFails: what becomes of commands when the ledger cannot be written, or takes too long.
func TestKeepFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config func(*Config)
		fail   func(*desk)
		sent   bool
	}{
		{"warn, fails", creates, func(d *desk) { d.kept(false) }, true},
		{"warn, late", creates, func(d *desk) { d.wait(keepTimeout) }, true},
		{"block, fails", blocking, func(d *desk) { d.kept(false) }, false},
		{"block, late", blocking, func(d *desk) { d.wait(keepTimeout) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.config)
			d.kept(true)
			s := d.open()
			d.keptAll()
			x := d.ask(false)
			d.wantSent()
			tt.fail(d)
			if tt.sent {
				d.wantSent(x)
				d.answer(s, CauseNone)
				d.serve(s)
				return
			}
			d.wantSent()
			q := d.ask(true) // no kept limit counts it
			d.wantSent(q)
			d.answer(s, CauseNone)
			for range 10 {
				if len(d.keeps) > 0 && tt.name == "block, fails" {
					d.kept(false)
				}
				d.wait(keepRetry)
			}
			d.wantEnd(x, EndNotSent, CauseLedger)
			y := d.ask(false)
			d.kept(true)
			if len(d.keeps) > 0 {
				d.kept(true)
			}
			d.wantSent(y)
		})
	}
}

// TestKeepFailsLogins: sessions are opened though nothing can be written.
func TestKeepFailsLogins(t *testing.T) {
	d := newDesk(t, blocking)
	d.kept(false)
	d.open()
	d.wantStates(SessionIdle)
	d.wait(keepRetry)
	if len(d.keeps) != 1 {
		t.Error("it is not tried again")
	}
}

// TestKeepEnd: the end of a drain is written, exactly, before DoDrained; a disk that hangs delays it by
// a second.
func TestKeepEnd(t *testing.T) {
	for _, how := range []string{"kept", "failed", "late"} {
		d := newDesk(t, creates)
		d.kept(true)
		s := d.open()
		d.keptAll()
		d.ask(false)
		d.kept(true)
		d.answer(s, CauseNone)
		d.Drain(d.now+time.Minute, d.now)
		d.step()
		d.logOut()
		if len(d.keeps) > 0 && !d.wrote.Clean {
			d.kept(true)
		}
		l := d.wrote
		if !l.Clean || l.Open != 0 || l.Rules[0].Page.Open != 0 || l.Logins.Open != 0 {
			t.Errorf("%s: got %+v, want a clean end", how, l)
		}
		if d.drained > 0 {
			t.Errorf("%s: drained before its end is written", how)
		}
		if how == "late" {
			d.wait(keepTimeout)
		} else {
			d.kept(how == "kept")
		}
		if d.drained != 1 {
			t.Errorf("%s: drained %d times, want once", how, d.drained)
		}
	}
}

// TestKeepByReload: a reload that begins to keep, and one that ends it.
func TestKeepByReload(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	s := d.open()
	cfg := d.cfg
	cfg.Ledger = LedgerNot
	d.keeps = nil
	d.Reconfigure(cfg, SameLogin, d.now)
	d.serve(s)
	d.serve(s)
	d.wantQuiet()
	cfg.Ledger = LedgerBlock
	d.Kept(d.keeping.ticket, true, d.now)
	d.Reconfigure(cfg, SameLogin, d.now)
	d.step()
	x := d.ask(false)
	d.wantSent()
	d.keptAll()
	d.wantSent(x)
	if p := d.wrote.Rules[0].Page; p.Counts[0].N != 2 {
		t.Errorf("got %+v, want the two commands of before", p)
	}
}

// TestKeepByRules: new rules count what the old ones have reserved and used, and reserve anew.
func TestKeepByRules(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	s := d.open()
	d.keptAll()
	d.ask(false)
	d.kept(true)
	g := d.cfg.Grant
	g.Rules = []Rule{limited(5, time.Hour, ScopeRegistry)}
	d.Grant(g, d.now)
	d.step()
	d.wantSent(s.Exchange())
	if p := d.wrote.Rules[0].Page; p.Limit.N != 5 || p.Open != 1 {
		t.Errorf("got %+v, want the command in flight", p)
	}
	x := d.ask(false)
	d.answer(s, CauseNone)
	d.wantSent()
	d.keptAll()
	d.wantSent(x)
}

// TestKeepRefusal: it is written as soon as it has come.
func TestKeepRefusal(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	if d.keeps = nil; len(d.opening) != 1 {
		t.Fatal("no login")
	}
	d.Kept(d.keeping.ticket, true, d.now)
	d.fails(CauseLoginRefused)
	if d.wrote.Refused < deskWall+refusedBackoff {
		t.Errorf("got %v, want a quarter of an hour", d.wrote.Refused-deskWall)
	}
}

// BenchmarkKept is what a ledger costs one command of a kept limit, without the writing.
func BenchmarkKept(b *testing.B) {
	for name, policy := range map[string]LedgerPolicy{"not": LedgerNot, "warn": LedgerWarn} {
		b.Run(name, func(b *testing.B) {
			p := New(Config{Grant: Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{
				{Limit: ratelimit.Limit{N: 1 << 40, Per: aDay}, Commands: allCommands()}}},
				QueueTimeout: time.Minute, CommandTimeout: time.Minute, Ledger: policy}, 0)
			var s *Session
			act := func(now time.Duration) {
				for a, ok := p.Next(); ok; a, ok = p.Next() {
					switch a.Do {
					case DoOpen:
						s = a.Session
						p.Opened(s, now)
					case DoKeep:
						p.WriteDown(now, now)
						p.Kept(a.Ticket, true, now)
					}
				}
			}
			act(0)
			x := &Exchange{Command: frame.CommandCheck, Query: true, Author: Author{Client: 1, Known: true}}
			b.ReportAllocs()
			now := time.Duration(0)
			for b.Loop() {
				now += time.Microsecond
				p.Submit(x, now)
				act(now)
				p.Answered(s, CauseNone, now)
				act(now)
			}
		})
	}
}
