package pool

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// page is what a limit has counted a moment before the wall clock of the desk at now.
func page(l ratelimit.Limit, n int, now time.Duration) ratelimit.Page {
	p := ratelimit.Page{Limit: l}
	if n > 0 {
		p.Counts = []ratelimit.Count{{At: deskWall + now, N: n}}
	}
	return p
}

// ledgerOf is a ledger of the process before, by its clean end, which changes alter.
func ledgerOf(change func(*Ledger)) *Ledger {
	l := &Ledger{At: deskWall, Clean: true, Logins: page(loginBudget(1), 0, 0)}
	change(l)
	return l
}

var everything = []string{"check", "create", "delete", "hello", "info", "login", "logout", "poll", "renew", "transfer", "update", "extension", "other"}

// TestResumeUse: what a process before has used counts, also for rules of other words.
func TestResumeUse(t *testing.T) {
	daily := ratelimit.Limit{N: 100, Per: aDay}
	for _, tt := range []struct {
		name  string
		kept  []LedgerRule
		rules []Rule
		used  []int
	}{
		{"same", []LedgerRule{{Name: "a", Commands: []string{"create"}, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandCreate, 100, aDay, ScopeRegistry)}, []int{40}},
		{"other numbers", []LedgerRule{{Commands: []string{"create"}, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandCreate, 50, 2*aDay, ScopeRegistry)}, []int{40}},
		{"split", []LedgerRule{{Commands: everything, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandCreate, 50, aDay, ScopeRegistry), only(frame.CommandCheck, 50, aDay, ScopeRegistry)}, []int{40, 40}},
		{"joined", []LedgerRule{{Commands: []string{"create"}, Page: page(daily, 40, 0)}, {Commands: []string{"check"}, Page: page(daily, 30, 0)}},
			[]Rule{limited(100, aDay, ScopeRegistry)}, []int{70}},
		{"nothing in common", []LedgerRule{{Commands: []string{"create", "poll:ack"}, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandCheck, 50, aDay, ScopeRegistry)}, []int{0}},
		{"one op", []LedgerRule{{Commands: []string{"poll:ack", "no such"}, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandPoll, 50, aDay, ScopeRegistry)}, []int{40}},
		{"session scope", []LedgerRule{{Commands: []string{"create"}, Page: page(daily, 40, 0)}},
			[]Rule{only(frame.CommandCreate, 50, aDay, ScopeSession)}, nil},
	} {
		l := ledgerOf(func(l *Ledger) { l.Rules = tt.kept })
		d := resumeDesk(t, l, time.Hour, func(c *Config) { c.Rules, c.Ledger = tt.rules, LedgerWarn })
		for i, want := range tt.used {
			if got := d.limits.registry[i].Used(d.now); got != want {
				t.Errorf("%s: rule %d has used %d, want %d", tt.name, i, got, want)
			}
		}
	}
}

// TestResumeShort: a limit of a second is not kept. Who goes on behind a crash waits for it; behind a
// clean end only what is left of it.
func TestResumeShort(t *testing.T) {
	for _, tt := range []struct {
		name  string
		l     *Ledger
		begin time.Duration // behind the writing
		wait  time.Duration
	}{
		{"nothing was kept", nil, 0, 0},
		{"clean, at once", ledgerOf(func(*Ledger) {}), 0, time.Second},
		{"clean, a while ago", ledgerOf(func(*Ledger) {}), 600 * time.Millisecond, 400 * time.Millisecond},
		{"clean, a second ago", ledgerOf(func(*Ledger) {}), time.Second, 0},
		{"clean, but the clock was set back", ledgerOf(func(*Ledger) {}), -time.Hour, time.Second},
		{"crash", ledgerOf(func(l *Ledger) { l.Clean = false }), aDay, time.Second},
		{"lost", LostLedger(), aDay, time.Second},
	} {
		if tt.l != nil && !tt.l.lost {
			tt.l.Rules = []LedgerRule{{Commands: everything, Page: page(ratelimit.Limit{N: 5, Per: time.Second}, 0, 0)}}
		}
		d := resumeDesk(t, tt.l, tt.begin, func(c *Config) {
			c.Ledger, c.Rules = LedgerWarn, []Rule{limited(5, time.Second, ScopeRegistry)}
		})
		if got := d.limits.registry[0].Next(d.now) - d.now; got != tt.wait {
			t.Errorf("%s: waits %v, want %v", tt.name, got, tt.wait)
		}
	}
}

// TestResumeLost: what cannot be read counts as full.
func TestResumeLost(t *testing.T) {
	d := resumeDesk(t, LostLedger(), 0, creates)
	d.kept(true)
	if d.limits.registry[0].Used(0) != 1000 || d.nextLogin(0) != time.Minute {
		t.Errorf("used %d, next login at %v; want all of it, and a minute", d.limits.registry[0].Used(0), d.nextLogin(0))
	}
	d.wantStates()
}

// TestResumeRest: what the registry has said holds for as long as it would have, and never for longer
// than it can.
func TestResumeRest(t *testing.T) {
	three := func(c *Config) { c.MinSessions, c.MaxSessions, c.Ledger = 3, 3, LedgerWarn }
	resume := func(change func(*Ledger)) *desk {
		d := resumeDesk(t, ledgerOf(change), 0, three)
		d.kept(true)
		return d
	}
	d := resume(func(l *Ledger) { l.Refused = deskWall + 10*time.Minute })
	x := d.ask(true)
	d.wantEnd(x, EndNotSent, CauseLoginRefused)
	if d.wait(10*time.Minute - time.Second); d.wantsToOpen() {
		t.Error("a login with credentials that were refused")
	}
	d = resume(func(l *Ledger) { l.Refused = deskWall + aDay })
	if d.nextOpen > refusedBackoff*3/2 {
		t.Errorf("no login for %v", d.nextOpen)
	}
	d = resume(func(l *Ledger) { l.Refused = deskWall })
	if !d.wantsToOpen() {
		t.Error("no login, though the refusal is over")
	}
	d = resume(func(l *Ledger) { l.Ceiling, l.RaiseAt = 1, deskWall+20*time.Second })
	d.open()
	if d.wantsToOpen() {
		t.Error("a second session, where the registry has refused one")
	}
	busy := func() bool { return len(d.keeps) > 0 || d.wantsToOpen() }
	for d.pass(21*time.Second, busy); len(d.keeps) > 0; d.pass(21*time.Second, busy) {
		d.kept(true)
	}
	if !d.wantsToOpen() || d.now != 20*time.Second {
		t.Errorf("at %v: the second session is tried: %v; want it after 20s", d.now, d.wantsToOpen())
	}
	d = resume(func(l *Ledger) { l.Throttled = deskWall + 7*time.Second })
	s := d.open()
	if d.ask(true); s.State() != SessionIdle {
		t.Error("a command, where the registry wants none")
	}
	if d.throttledUntil != 7*time.Second {
		t.Errorf("throttled until %v, want 7s", d.throttledUntil)
	}
}

// TestResumeSessions: behind a crash one login is tried at once, and the other sessions when the
// registry has had time to see the ends of those before.
func TestResumeSessions(t *testing.T) {
	for _, tt := range []struct {
		clean bool
		open  int
		atone int // sessions that may be opened at once
	}{{true, 0, 3}, {false, 0, 3}, {false, 1, 3}, {false, 2, 2}, {false, 3, 1}, {false, 9, 1}, {true, 2, 1}, {true, 3, 0}} {
		l := ledgerOf(func(l *Ledger) { l.Clean, l.Open = tt.clean, tt.open })
		d := resumeDesk(t, l, 0, func(c *Config) { c.MinSessions, c.MaxSessions, c.Ledger = 3, 3, LedgerWarn })
		n := 0
		opens := func() {
			for len(d.keeps) > 0 || len(d.opening) > 0 {
				if len(d.keeps) > 0 {
					d.kept(true)
				}
				if len(d.opening) > 0 {
					d.open()
					n++
				}
			}
		}
		if opens(); n != tt.atone {
			t.Errorf("clean %v, %d open: %d sessions at once, want %d", tt.clean, tt.open, n, tt.atone)
		}
		for d.now < ghostLife {
			d.pass(ghostLife-d.now, func() bool { return len(d.keeps) > 0 || len(d.opening) > 0 })
			opens()
		}
		if n != 3 {
			t.Errorf("clean %v, %d open: %d sessions in the end, want 3", tt.clean, tt.open, n)
		}
	}
}

// TestResumeGhosts: how late the registry notes the end of a session is known to the next process, and it
// waits for the slots of those that have ended.
func TestResumeGhosts(t *testing.T) {
	d := newDesk(t, creates)
	d.own.lag = 3 * time.Second
	d.kept(true)
	d.open()
	d.keptAll()
	d.Drain(d.now+time.Minute, d.now)
	d.step()
	d.logOut()
	l := d.wrote
	if !l.Clean || len(l.Ghosts) != 1 || l.Lag != 3*time.Second {
		t.Fatalf("got %+v, want a clean end with a ghost", l)
	}
	d = resumeDesk(t, l, d.now, creates)
	d.keptAll()
	if d.wantsToOpen() || d.own.lag != 3*time.Second {
		t.Errorf("it opens a session at once; lag %v", d.own.lag)
	}
	d.wait(3 * time.Second)
	d.keptAll()
	if !d.wantsToOpen() {
		t.Error("it opens none when the slot is free")
	}
}

// TestResumeLogins: twenty processes that crash at each login have no more logins in a minute than one
// process would.
func TestResumeLogins(t *testing.T) {
	var l *Ledger
	logins := 0
	for now := time.Duration(0); now < time.Minute; now += time.Second {
		d := resumeDesk(t, l, now, func(c *Config) { c.Ledger = LedgerWarn })
		d.kept(true)
		if d.wantsToOpen() {
			logins++
		}
		l = d.wrote
	}
	if logins < 5 || logins > loginsMin {
		t.Errorf("got %d logins in a minute, want 5 to %d", logins, loginsMin)
	}
}

// TestThousandADay: of 1,000 creates a day, over twenty ends of which ten are crashes, the registry
// counts no more, and 900 at the least.
func TestThousandADay(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 9))
		var l *Ledger
		sent := 0
		now := time.Duration(0)
		for life := range 21 {
			d := resumeDesk(t, l, now, creates)
			d.keptAll()
			s := d.open()
			d.keptAll()
			kept := d.wrote
			for most := 10 + rng.IntN(80); most > 0 || life == 20; most-- {
				d.now += time.Duration(rng.IntN(20)) * time.Millisecond
				x := d.ask(false)
				for d.sent == nil && len(d.keeps) > 0 {
					d.kept(true)
				}
				if d.sent == nil { // the day is used up
					d.Cancel(x, d.now)
					break
				}
				d.wantSent(x)
				sent++
				d.answer(s, CauseNone)
				if kept = d.wrote; len(d.keeps) > 0 && rng.IntN(5) > 0 {
					d.kept(true)
				}
			}
			if now = d.now + time.Minute; life%2 == 0 {
				l = kept // killed
				continue
			}
			d.keptAll()
			d.Drain(d.now+time.Minute, d.now)
			d.step()
			d.logOut()
			d.keptAll()
			if l = d.wrote; !l.Clean || d.drained != 1 {
				t.Fatalf("no clean end: %+v", l)
			}
		}
		if sent > 1000 || sent < 900 {
			t.Errorf("seed %d: %d creates in a day, want 900 to 1000", seed, sent)
		}
	}
}

// TestAdopt: a reload that goes to an account of before counts what is known of it, and what the pool
// has counted itself; and nothing is sent before that is kept.
func TestAdopt(t *testing.T) {
	d := newDesk(t, creates)
	d.kept(true)
	s := d.open()
	d.keptAll()
	x := d.ask(false)
	d.kept(true)
	d.wantSent(x)
	left := d.Ledger(d.now, deskWall)
	if p := left.Rules[0].Page; p.Open != 1 || left.Open != 1 || left.Clean {
		t.Errorf("the account is left as %+v, want one command and one session open", left)
	}
	late := d.keeping.ticket + 1
	d.KeepSoon(d.now)
	d.step()
	d.keeps = nil
	d.Adopt(ledgerOf(func(l *Ledger) {
		l.Rules = []LedgerRule{{Commands: everything, Page: page(ratelimit.Limit{N: 1000, Per: aDay}, 500, -time.Hour)}}
	}), d.now, deskWall+d.now)
	d.step()
	if got := d.limits.registry[0].Used(d.now); got != 501 {
		t.Errorf("used %d, want 501", got)
	}
	d.Kept(late, true, d.now) // of the ledger before
	y := d.ask(false)
	d.answer(s, CauseNone)
	d.wantSent()
	d.keptAll()
	d.wantSent(y)
}

// TestLedgerJSON: a ledger is the same behind JSON, and what no Pool would have written is refused.
func TestLedgerJSON(t *testing.T) {
	d := newDesk(t, creates)
	text, err := json.Marshal(d.wrote)
	var l Ledger
	if err != nil || json.Unmarshal(text, &l) != nil || l.Validate() != nil {
		t.Fatalf("got %s, %v, %v", text, err, l.Validate())
	}
	if again, _ := json.Marshal(l); !slices.Equal(again, text) {
		t.Errorf("got %s, want %s", again, text)
	}
	for _, change := range []func(*Ledger){
		func(l *Ledger) { *l = Ledger{} },
		func(l *Ledger) { l.Open = -1 },
		func(l *Ledger) { l.Refused = -1 },
		func(l *Ledger) { l.Logins.Limit.N = 0 },
		func(l *Ledger) { l.Rules = []LedgerRule{{}} },
		func(l *Ledger) { l.Rules = slices.Repeat(l.Rules, MaxRules+1) },
	} {
		bad := *d.wrote
		if change(&bad); bad.Validate() == nil {
			t.Errorf("no error for %+v", bad)
		}
	}
}

// TestCommandNames: each set of commands is the same behind its names.
func TestCommandNames(t *testing.T) {
	all := allCommands()
	for k := range kind(numKinds) {
		if !all.has(k) {
			continue
		}
		one, but := CommandSet{}, all
		one.add(k)
		but.remove(&one)
		for _, s := range []CommandSet{one, but} {
			if got := commandsNamed(s.names()); got != s {
				t.Errorf("%v is another set", s.names())
			}
		}
	}
	if got := all.names(); !slices.Equal(got, everything) {
		t.Errorf("got %v", got)
	}
}
