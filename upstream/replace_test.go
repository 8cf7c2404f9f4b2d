package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// answered plays a check on r for a client of its own.
func (r *registrySide) answered() {
	r.p.t.Helper()
	a := r.p.ask(checkCommand(""))
	r.want("check")
	r.reply(1000)
	if e := a.end(); e.End != EndAnswered {
		r.p.t.Errorf("got %+v", e)
	}
}

// TestReplacedFirst: a session that comes of age works on until another is in its place (row 42).
// One command is with the old one while the new one logs in, and does not break.
func TestReplacedFirst(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.MaxAge = 2, time.Hour }, func(p *play) {
		old := p.session()
		begin := time.Now()
		time.Sleep(50 * time.Minute)
		r := p.accept()
		if d := time.Since(begin); d > time.Hour || d < 54*time.Minute {
			t.Errorf("its replacement is opened after %v, want 54 to 60 minutes", d)
		}
		old.answered()
		r.greet()
		r.want("login")
		a := p.ask(deleteCommand(""))
		old.want("delete")
		r.reply(1000)
		old.reply(1000)
		if e := a.end(); e.End != EndAnswered {
			t.Errorf("got %+v", e)
		}
		old.want("logout")
		old.reply(1500)
		old.wantEnd()
		r.answered()
	})
}

// TestCountReplacedFirst: the same near sessions.max_commands (row 41), up to the last but one,
// which is the logout's.
func TestCountReplacedFirst(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.MaxCommands = 2, 200 }, func(p *play) {
		old := p.session()
		sent, asked := 0, 0
		for state := SessionIdle; state == SessionIdle; sent++ {
			old.answered()
			p.on(func() {
				state = p.account.pool.sessions[0].state
				if p.account.pool.opening > 0 && asked == 0 {
					asked = sent + 1
				}
			})
		}
		if asked < 171 || asked > 190 || sent != 199 {
			t.Errorf("replaced from %d on, gone after %d commands, want 171 to 190 and 199", asked, sent)
		}
		old.want("logout")
		old.reply(1500)
		p.session().answered()
	})
}

// TestReplacementFails: a session at its age goes, whatever becomes of its replacement; and before
// it where the registry admits no more.
func TestReplacementFails(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Pool.MaxSessions, c.Pool.MaxAge = 2, time.Hour
	}, func(p *play) {
		old := p.session()
		begin := time.Now()
		time.Sleep(50 * time.Minute)
		p.accept().close()
		p.on(func() { p.account.pool.nextOpen += time.Hour })
		old.want("logout")
		if d := time.Since(begin); d < time.Hour || d > time.Hour+2*recheck {
			t.Errorf("logged out after %v, want an hour", d)
		}
	})
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.MaxAge = 2, time.Hour }, func(p *play) {
		old := p.session()
		time.Sleep(50 * time.Minute)
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(2502)
		begin := time.Now()
		old.want("logout")
		if d := time.Since(begin); d > 2*recheck {
			t.Errorf("logged out %v after 2502, want at once", d)
		}
		old.reply(1500)
		old.wantEnd()
		p.session().answered()
	})
}

// TestReplacedOneAtATime: of sessions that are old together, the next is replaced when the last is
// gone.
func TestReplacedOneAtATime(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.MaxAge = 2, 4, time.Hour }, func(p *play) {
		one, two := p.session(), p.session()
		p.on(func() {
			for _, s := range p.account.pool.sessions {
				s.expires, s.deadline = p.account.clock(), p.account.clock()
			}
			p.account.advance()
		})
		first := p.accept()
		time.Sleep(5 * time.Second)
		if n := len(p.dials); n > 0 {
			t.Errorf("%d more are opened at the same time", n)
		}
		first.greet()
		first.want("login")
		first.reply(1000)
		synctest.Wait()
		var states []SessionState
		p.on(func() {
			for _, s := range p.account.pool.sessions {
				states = append(states, s.state)
			}
		})
		if states[0] == SessionIdle {
			one, two = two, one
		}
		one.want("logout")
		one.reply(1500)
		one.wantEnd()
		p.session()
		two.want("logout")
		two.reply(1500)
		two.wantEnd()
	})
}

// TestSpareIsNotReplaced: a session that comes of age while more are open than are needed just
// goes.
func TestSpareIsNotReplaced(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 3 }, func(p *play) {
		one, two := p.session(), p.session()
		p.on(func() {
			p.account.pool.cfg.MinSessions = 1
			p.account.pool.sessions[0].expires, p.account.pool.sessions[0].deadline = p.account.clock(), p.account.clock()
			p.account.advance()
		})
		one.want("logout")
		one.reply(1500)
		two.answered()
		if n := len(p.dials); n > 0 {
			t.Errorf("%d more are opened", n)
		}
	})
}

// TestReloadWhileOutgoing: what is to go for its count may stay when a reload lifts the limit.
func TestReloadWhileOutgoing(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.MaxCommands = 2, 20 }, func(p *play) {
		r := p.session()
		for range 18 {
			r.answered()
		}
		p.on(func() {
			if p.account.pool.outgoing == nil {
				t.Error("no session is to go after 18 of 20 commands")
			}
			cfg := p.account.cfg
			cfg.Pool.MaxCommands = 0
			p.account.Reload(cfg)
		})
		p.session()
		r.answered()
		p.on(func() {
			if n := p.account.pool.live; n != 2 || p.account.pool.outgoing != nil {
				t.Errorf("%d sessions are live, want both", n)
			}
		})
	})
}
