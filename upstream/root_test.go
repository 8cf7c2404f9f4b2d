package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
)

const ownNamespace = "https://registry.example/schema/epp-xx-1.0.xsd"

// own is a message in a registry's own namespace.
func own(payload string) string { return strings.Replace(payload, frame.Namespace, ownNamespace, 1) }

// TestOwnNamespace: all that we say ourselves is in the namespace in which this registry greets, and
// a client's command is in the client's.
func TestOwnNamespace(t *testing.T) {
	for _, keepalive := range []frame.Command{frame.CommandHello, frame.CommandPoll} {
		inPlay(t, func(c *Config) {
			c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, keepalive
		}, func(p *play) {
			want := func(r *registrySide, command string) {
				t.Helper()
				if got := r.want(command); strings.Count(got, `<epp xmlns="`+ownNamespace+`">`) != 1 {
					t.Errorf("got %s, want it in the registry's own namespace", got)
				}
			}
			r := p.accept()
			r.send(own(epp(testGreeting)))
			want(r, "login")
			r.send(own(response(1000, r.id)))
			a := p.ask(checkCommand(""))
			if got := r.want("check"); !strings.Contains(got, frame.Namespace) {
				t.Errorf("got %s, want the client's own namespace", got)
			}
			r.send(own(response(1000, r.id)))
			a.end()
			time.Sleep(time.Minute)
			want(r, keepalive.String())
			if keepalive == frame.CommandHello {
				r.send(own(epp(testGreeting)))
			} else {
				r.send(own(response(1300, r.id)))
			}
			go func() { _ = p.account.Drain(time.Second) }()
			synctest.Wait()
			want(r, "logout")
			r.send(own(response(1500, r.id)))
			r.close()
		})
	}
}

// TestLanguage: a login names the configured language, or English where it is offered, or the first
// that is. One that is not offered is warned of, once.
func TestLanguage(t *testing.T) {
	for _, tt := range []struct {
		configured, offered, want string
		warned                    int
	}{
		{"", "<lang>fr-CA</lang><lang>de</lang>", "fr-CA", 0},
		{"", "<lang>fr-CA</lang><lang>en</lang>", "en", 0},
		{"", "", "en", 0},
		{"de", "<lang>fr-CA</lang><lang>de</lang>", "de", 0},
		{"en", "<lang>fr-CA</lang><lang>de</lang>", "en", 1},
		{"en", "", "en", 0},
	} {
		inPlay(t, func(c *Config) { c.Login.Language = tt.configured }, func(p *play) {
			for range 2 {
				r := p.accept()
				r.send(epp(strings.Replace(testGreeting, "<lang>en</lang>", tt.offered, 1)))
				if got := r.want("login"); !strings.Contains(got, "<lang>"+tt.want+"</lang>") {
					t.Errorf("%+v: got %s", tt, got)
				}
				r.close()
			}
			if got := strings.Count(p.logged(), "does not offer login.language"); got != tt.warned {
				t.Errorf("%+v: warned %d times", tt, got)
			}
		})
	}
}
