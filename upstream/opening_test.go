package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// TestLoginCause: what each code means at login. Refusals are about what is sent, which is the same the
// next time; the others pass.
func TestLoginCause(t *testing.T) {
	for code, want := range map[int]pool.Cause{
		// of the credentials
		2200: pool.CauseLoginRefused, 2201: pool.CauseLoginRefused, 2202: pool.CauseLoginRefused, 2501: pool.CauseLoginRefused,
		// of the login as it is written: services, language, version, new password
		2000: pool.CauseLoginRefused, 2001: pool.CauseLoginRefused, 2003: pool.CauseLoginRefused, 2004: pool.CauseLoginRefused,
		2005: pool.CauseLoginRefused, 2100: pool.CauseLoginRefused, 2101: pool.CauseLoginRefused, 2102: pool.CauseLoginRefused,
		2103: pool.CauseLoginRefused, 2304: pool.CauseLoginRefused, 2306: pool.CauseLoginRefused, 2307: pool.CauseLoginRefused,
		// of the order of commands, and of the registry's state
		2002: pool.CauseRegistryClosed, 2400: pool.CauseRegistryClosed, 2499: pool.CauseRegistryClosed, 2500: pool.CauseRegistryClosed,
		2502: pool.CauseTooManySessions,
	} {
		if got := loginCause(code); got != want {
			t.Errorf("%d: got %v, want %v", code, got, want)
		}
	}
}

// TestAlreadyLoggedIn: 2002 at login is tried again soon.
func TestAlreadyLoggedIn(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		a := p.ask(checkCommand(""))
		r := p.accept()
		r.greet()
		r.want("login")
		begin := time.Now()
		r.send(answerText("2002", "already logged in", r.id))
		r.wantEnd()
		r = p.session()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("the next login comes after %v", d)
		}
		r.want("check")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestOwnSessionIsNamed: 2502 at the first login is told as what it most likely is.
func TestOwnSessionIsNamed(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		a := p.ask(checkCommand(""))
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(2502)
		r.wantEnd()
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if !s.OwnCounted {
			t.Error("it is taken for somebody else's")
		}
		r = p.session()
		r.want("check")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		if log := p.log.String(); !strings.Contains(log, "still counts a session of ours") {
			t.Errorf("got log %s", log)
		}
	})
}

// TestIdleLimitIsNamed: a registry that closes silent sessions is told of once, with the number; and a
// command then has a session opened at once.
func TestIdleLimitIsNamed(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = 4 * time.Minute }, func(p *play) {
		const silence = 20*time.Second + 600*time.Millisecond // the advice is rounded down
		for range 7 {
			r := p.session()
			time.Sleep(silence)
			r.close()
			begin := time.Now()
			a := p.ask(checkCommand(""))
			r = p.session()
			r.want("check")
			r.reply(1000)
			if e := a.end(); e.End != pool.EndAnswered || time.Since(begin) > time.Second {
				t.Errorf("got %+v after %v", e, time.Since(begin))
			}
			time.Sleep(silence)
			r.close()
		}
		if n := strings.Count(p.log.String(), "set keepalive below 20s"); n != 1 {
			t.Errorf("named %d times, want once: %s", n, p.log.String())
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.IdleLimit != silence || s.Logins[LoginFailed] > 0 {
			t.Errorf("measured %v; %d logins failed", s.IdleLimit, s.Logins[LoginFailed])
		}
	})
}

// TestOthersEndAtOnce: where a registry serves one session and closes each other behind its login, in
// place of the login's answer, or before it greets, there are few attempts beside the one that works, and
// that one goes on.
func TestOthersEndAtOnce(t *testing.T) {
	for what, ends := range map[string]func(*play){
		"before the greeting": func(p *play) { p.accept().close() },
		"in place of an answer": func(p *play) {
			r := p.accept()
			r.greet()
			r.want("login")
			r.close()
		},
		"behind the login": func(p *play) { p.session().close() },
	} {
		inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 3 }, func(p *play) {
			first, begin, attempts := p.session(), time.Now(), 0
			for ; time.Since(begin) < 40*time.Second; attempts++ {
				ends(p)
				a := p.ask(checkCommand(""))
				first.want("check")
				first.reply(1000)
				if e := a.end(); e.End != pool.EndAnswered {
					t.Errorf("%s: got %+v", what, e)
				}
			}
			if attempts > 8 {
				t.Errorf("%s: %d attempts in %v, want 8 at most", what, attempts, time.Since(begin))
			}
		})
	}
}
