package upstream

import (
	"slices"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// answered plays a check on r for a client of its own.
func (r *registrySide) answered() {
	r.p.t.Helper()
	a := r.p.ask(checkCommand(""))
	r.want("check")
	r.reply(1000)
	if e := a.end(); e.End != pool.EndAnswered {
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
		if e := a.end(); e.End != pool.EndAnswered {
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
		for state := pool.SessionIdle; state == pool.SessionIdle; sent++ {
			old.answered()
			states := p.states()
			if state = states[0]; slices.Contains(states, pool.SessionDialing) && asked == 0 {
				asked = sent + 1
			}
		}
		if asked < 171 || asked > 190 || sent != 199 {
			t.Errorf("replaced from %d on, gone after %d commands, want 171 to 190 and 199", asked, sent)
		}
		old.want("logout")
		old.reply(1500)
		p.session().answered()
	})
}

// TestReloadWhileOutgoing: what is to go for its count may stay when a reload lifts the limit.
func TestReloadWhileOutgoing(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.MaxCommands = 2, 20 }, func(p *play) {
		r := p.session()
		for range 18 {
			r.answered()
		}
		if !slices.Contains(p.states(), pool.SessionDialing) {
			t.Error("no session is to go after 18 of 20 commands")
		}
		cfg := p.account.cfg
		cfg.Pool.MaxCommands = 0
		p.on(func() { p.account.reload(cfg) })
		p.session()
		r.answered()
		time.Sleep(time.Minute)
		if got := p.states(); !slices.Equal(got, []pool.SessionState{pool.SessionIdle, pool.SessionIdle}) {
			t.Errorf("got sessions %v, want both idle", got)
		}
	})
}
