package upstream

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// TestWaitNamed: which words name a time to wait.
func TestWaitNamed(t *testing.T) {
	for words, want := range map[string]time.Duration{
		"Session limit exceeded; try again in 30 seconds": 30 * time.Second,
		"retry after 15s": 15 * time.Second,
		"Retry-After: 7":  0,
		"too many sessions, wait 60 sec before the next login": time.Minute,
		"Wait 2 minutes":                        2 * time.Minute,
		"Bitte in 30 Sekunden erneut versuchen": 30 * time.Second,
		"Bitte 10 Sek. warten":                  0, // a full stop may end the sentence
		"Bitte 10 Sekunden warten":              10 * time.Second,
		"Veuillez réessayer dans 20 secondes":   20 * time.Second,
		"at most 3 sessions":                    0,
		"idle for 600 seconds":                  0,
		"limit is 5 commands in 10 seconds":     0,
		"try again later":                       0,
		"try again; 4 sessions are open":        0,
		"":                                      0,
	} {
		if got := waitNamed(words, nil); got != want {
			t.Errorf("%q: got %v, want %v", words, got, want)
		}
	}
	if got := waitNamed("cannot do <try again in 300 seconds>", []byte("<a>Try again in 300 seconds</a>")); got != 0 {
		t.Errorf("words of the command: got %v", got)
	}
}

// TestToldAtLogin: 2502 that names a time has it, and lowers no ceiling: at login, in place of the
// greeting, and right behind it.
func TestToldAtLogin(t *testing.T) {
	const words = "Too many logins. Try again in 20 seconds"
	for name, refuse := range map[string]func(*registrySide){
		"login": func(r *registrySide) {
			r.greet()
			r.want("login")
			r.send(answerText("2502", words, r.id))
		},
		"greeting": func(r *registrySide) { r.send(answerText("2502", words, "")) },
		"behind the greeting": func(r *registrySide) {
			r.nc.Write(append(frame.AppendUnit(nil, []byte(epp(testGreeting)), nil),
				frame.AppendUnit(nil, []byte(answerText("2502", words, "")), nil)...))
		},
	} {
		inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
			p.session()
			two := p.accept()
			begin := time.Now()
			refuse(two)
			two.wantEnd()
			p.session()
			if d := time.Since(begin); d < 20*time.Second || d > 25*time.Second {
				t.Errorf("%s: the next login comes after %v, want 20 s", name, d)
			}
			p.on(func() {
				if got := p.account.pool.Allowed(); got != 2 {
					t.Errorf("%s: %d sessions are allowed, want 2", name, got)
				}
			})
		})
	}
}

// TestToldOnCommand: the same of an answer that wants fewer commands.
func TestToldOnCommand(t *testing.T) {
	change := func(c *Config) {
		c.Throttled, c.Pool.QueueTimeout = []Pattern{{2502, "too many"}}, time.Minute
	}
	inPlay(t, change, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		begin := time.Now()
		r.send(answerText("2502", "Too many requests, retry after 15s", r.id))
		r.want("check")
		if d := time.Since(begin); d != 15*time.Second {
			t.Errorf("sent again after %v, want 15 s", d)
		}
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}
