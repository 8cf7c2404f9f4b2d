package upstream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"eppmux/upstream/pool"
)

// goodbye is a response that answers nothing.
func goodbye(code int, clTRID string) string {
	return strings.Replace(response(code, clTRID), "<msg>m<", "<msg>too long idle<", 1)
}

// TestResponseInPlaceOfGreeting: many registries say there why they do not serve us. Log and verdict
// have code and words, and 2502 is the ceiling, as at the login.
func TestResponseInPlaceOfGreeting(t *testing.T) {
	for code, want := range map[int]pool.Cause{2502: pool.CauseTooManySessions, 2500: pool.CauseGreeting, 2400: pool.CauseGreeting,
		2200: pool.CauseGreeting, 2501: pool.CauseGreeting, 1000: pool.CauseGreeting} {
		inPlay(t, nil, func(p *play) {
			r := p.accept()
			r.send(goodbye(code, ""))
			r.wantEnd()
			synctest.Wait()
			var cause pool.Cause
			p.on(func() { cause = p.account.cause })
			words := fmt.Sprintf(`greeting: got a response in its place: result code %d: "too long idle"`, code)
			if log := strings.ReplaceAll(p.logged(), `\"`, `"`); cause != want || strings.Count(log, words) != 2 {
				t.Errorf("%d: %v, want %v, and %s in log and status: %s", code, cause, want, words, log)
			}
			p.session() // it is tried again, be it after the pause of the ceiling
		})
	}
}

// TestRefusedServices: a login that is refused for what it asks for says what that was, and whether the
// greeting or the config names it. One that is refused for its credentials does not.
func TestRefusedServices(t *testing.T) {
	const byGreeting = "asked for objects domain-1.0 (of the greeting) and extensions secDNS-1.1 (of the greeting)"
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("https://registry.example/%d/%s", i, strings.Repeat("x", 100)))
	}
	for _, tt := range []struct {
		code      int
		configure func(*Config)
		want      string
	}{
		{2307, func(*Config) {}, byGreeting},
		{2103, func(*Config) {}, byGreeting},
		{2306, func(*Config) {}, byGreeting},
		{2004, func(*Config) {}, byGreeting},
		{2103, func(c *Config) {
			c.Login.ExtensionURIs = []string{"urn:ietf:params:xml:ns:rgp-1.0", "http://xx.example/price-1.0"}
		},
			"objects domain-1.0 (of the greeting) and extensions rgp-1.0, http://xx.example/price-1.0 (of login.extension_uris)"},
		{2307, func(c *Config) { c.Login.ObjectURIs = many }, "..., 12 more (of login.object_uris) and extensions"},
		{2200, func(*Config) {}, ""},
		{2502, func(*Config) {}, ""},
	} {
		inPlay(t, tt.configure, func(p *play) {
			r := p.accept()
			r.greet()
			r.want("login")
			r.reply(tt.code)
			log := p.logged()
			if tt.want == "" && strings.Contains(log, "asked for") || strings.Count(log, tt.want) < 2 {
				t.Errorf("%d: got %s, want %q in log and status", tt.code, log, tt.want)
			}
			if len(log) > 4000 {
				t.Errorf("%d: %d octets of log", tt.code, len(log))
			}
		})
	}
}

// TestBrokenRefusal: a registry that repeats a password as it is, markup and all, does not get it into the
// log, not in part either.
func TestBrokenRefusal(t *testing.T) {
	inPlay(t, func(c *Config) { c.Login.Password = "zeb&ra<quagga" }, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.send(answerText("2200", "no zeb&ra<quagga", r.id))
		r.wantEnd()
		if log := p.logged(); !strings.Contains(log, "2200") || strings.Contains(log, "zeb") || strings.Contains(log, "quagga") {
			t.Errorf("the log has\n%s", log)
		}
	})
}
