package upstream

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/ratelimit"

	"eppmux/upstream/pool"
)

// TestReload: limits, sessions and credentials change while commands wait.
func TestReload(t *testing.T) {
	slow := pool.Rule{Limit: ratelimit.Limit{N: 1, Per: time.Hour}, Commands: allCommands()}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{slow}; c.Pool.QueueTimeout = time.Hour }, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(1000) // the one command of this hour
		a := p.ask(checkCommand(""))
		a.waiting()
		p.on(func() {
			cfg := p.account.cfg
			cfg.Login.Password = "other-secret"
			cfg.Pool.Rules = nil
			cfg.Pool.MinSessions, cfg.Pool.MaxSessions = 2, 2
			p.account.reload(cfg)
		})
		r.want("check")
		two := p.accept()
		two.greet()
		if got := two.want("login"); !strings.Contains(got, "other-secret") {
			t.Errorf("got %s, want the new password", got)
		}
		two.reply(1000)
		p.on(func() {
			cfg := p.account.cfg
			cfg.Pool.MinSessions, cfg.Pool.MaxSessions = 1, 1
			p.account.reload(cfg)
		})
		two.want("logout") // the idle one goes, not the busy one
		two.reply(1500)
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		p.on(func() {
			cfg := p.account.cfg
			cfg.Address = "elsewhere:700"
			p.account.reload(cfg)
		})
		r.want("logout")
		r.reply(1500)
		p.session()
	})
}

// moves reloads the config with another address.
func (p *play) moves() {
	p.on(func() {
		cfg := p.account.cfg
		cfg.Address = "elsewhere:700"
		p.account.reload(cfg)
	})
	synctest.Wait()
}

// TestReloadMoves: from a reload with another address on, the old one gets nothing but logouts: a
// client's create that is in flight there is answered there, its next info goes to the new one, and
// so does what waits.
func TestReloadMoves(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		one, two := p.session(), p.session()
		a := p.ask(deleteCommand("<clTRID>A-1</clTRID>"))
		one.want("delete")
		p.moves()
		two.want("logout")
		b := p.ask(checkCommand("<clTRID>B-1</clTRID>")) // two is still there
		two.reply(1500)
		three := p.session()
		three.want("check")
		one.reply(1000)
		one.want("logout")
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		p.on(func() { a.ends = nil; a.submit(checkCommand("<clTRID>A-2</clTRID>")) })
		one.reply(1500)
		four := p.session()
		four.want("check")
		four.reply(1000)
		three.reply(1000)
		if a, b := a.end(), b.end(); a.Code != 1000 || b.Code != 1000 {
			t.Errorf("got %+v and %+v", a, b)
		}
	})
}

// TestReloadWhileDialing: a session that was being opened when the registry changed is given up at
// once, wherever it has come to, which is no failure of the new registry. A refusal of the old
// password says nothing of the new one.
func TestReloadWhileDialing(t *testing.T) {
	for _, to := range []string{"dialed", "greeted", "logging in"} {
		inPlay(t, nil, func(p *play) {
			r := p.accept()
			if to != "dialed" {
				r.greet()
				r.want("login")
			}
			begin := time.Now()
			p.moves()
			r.wantEnd()
			p.session()
			if d := time.Since(begin); d > time.Second {
				t.Errorf("%s: the new registry is tried after %v", to, d)
			}
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.Logins != [numLoginResults]uint64{LoginOK: 1} || strings.Contains(p.logged(), "could not be opened") {
				t.Errorf("%s: counted %v; %s", to, s.Logins, p.logged())
			}
		})
	}
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		p.on(func() {
			cfg := p.account.cfg
			cfg.Login.Password = "new-secret"
			p.account.reload(cfg)
		})
		r.reply(2200)
		begin := time.Now()
		p.session()
		if d := time.Since(begin); d > time.Minute {
			t.Errorf("the new password is tried after %v", d)
		}
	})
}

// TestReloadOfNothing: credentials that were refused are not tried again since something else has
// changed.
func TestReloadOfNothing(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(2200)
		p.on(func() {
			cfg := p.account.cfg
			cfg.Pool.MaxSessions = 5
			p.account.reload(cfg)
		})
		begin := time.Now()
		p.session()
		if d := time.Since(begin); d < 15*time.Minute {
			t.Errorf("tried again after %v", d)
		}
	})
}

// TestReloadKeepsCounts: what was counted for a limit goes on under its name, wherever it stands;
// another begins anew.
func TestReloadKeepsCounts(t *testing.T) {
	rule := func(name string, n int) pool.Rule {
		return pool.Rule{Name: name, Limit: ratelimit.Limit{N: n, Per: time.Second}, Commands: allCommands(), Shadow: true}
	}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{rule("one", 1), rule("", 1), rule("two", 2)} }, func(p *play) {
		r := p.session()
		for range 5 {
			r.answered()
		}
		show := func(names []string, exceeded ...uint64) {
			t.Helper()
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if !slices.Equal(s.Rules, names) || !slices.Equal(s.Exceeded[:len(exceeded)], exceeded) {
				t.Errorf("got %v %v, want %v %v", s.Rules, s.Exceeded[:len(exceeded)], names, exceeded)
			}
		}
		show([]string{"one", "1", "two"}, 4, 4, 3)
		p.on(func() {
			cfg := p.account.cfg
			cfg.Pool.Rules = []pool.Rule{rule("two", 2), rule("", 1), rule("other", 1), rule("one", 1)}
			p.account.reload(cfg)
		})
		show([]string{"two", "1", "other", "one"}, 3, 0, 0, 4)
	})
}
