package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// greetingWith is the greeting of a registry that offers these too.
func greetingWith(objects, extensions string) string {
	g := strings.Replace(testGreeting, "<svcExtension>", objects+"<svcExtension>", 1)
	return epp(strings.Replace(g, "</svcExtension>", extensions+"</svcExtension>", 1))
}

const (
	newObject    = "<objURI>urn:ietf:params:xml:ns:host-1.0</objURI>"
	newExtension = "<extURI>https://registry.example/fee</extURI>"
)

// opens accepts a connection, and a login that asks for what the greeting offers.
func (p *play) opens(greeting string) *registrySide {
	p.t.Helper()
	r := p.accept()
	r.send(greeting)
	login := r.want("login")
	for _, uri := range []string{"host-1.0", "https://registry.example/fee"} {
		if strings.Contains(login, uri) != strings.Contains(greeting, uri) {
			p.t.Errorf("a greeting with %s: %v; the login: %s", uri, strings.Contains(greeting, uri), login)
		}
	}
	r.reply(1000)
	return r
}

// TestServicesChange: a registry that offers more by its answer to hello has the sessions replaced that
// are logged in without it, one at a time, none before another is there. It is logged once.
func TestServicesChange(t *testing.T) {
	change := func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.Keepalive = 2, 3, 4*time.Minute }
	inPlay(t, change, func(p *play) {
		old := []*registrySide{p.session(), p.session()}
		next := greetingWith(newObject, newExtension)
		old[0].want("hello")
		old[0].send(next)
		for i, r := range old {
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.OtherServices != len(old)-i {
				t.Errorf("%d sessions have other services, want %d", s.OtherServices, len(old)-i)
			}
			p.opens(next)
			if i == 0 {
				old[1].want("hello")
				old[1].send(next)
			}
			r.want("logout")
			r.reply(1500)
			r.wantEnd()
		}
		time.Sleep(time.Minute)
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.OtherServices != 0 || s.SessionCloses[pool.CauseServices] != 2 || s.Logins[LoginOK] != 4 {
			t.Errorf("%d have other services, %d were replaced by %d logins", s.OtherServices, s.SessionCloses[pool.CauseServices], s.Logins[LoginOK])
		}
		log := p.log.String()
		if n := strings.Count(log, "registry offers other services"); n != 1 {
			t.Errorf("it is logged %d times", n)
		}
		if !strings.Contains(log, `new="https://registry.example/fee, host-1.0" gone=none`) {
			t.Errorf("got log %s", log)
		}
	})
}

// TestServicesOfLaterSession: the same by the greeting of a later session, and by one that nobody asked
// for. What is gone is named.
func TestServicesOfLaterSession(t *testing.T) {
	for _, unasked := range []bool{false, true} {
		inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
			first := greetingWith(newObject, "")
			one, two := p.opens(first), p.opens(first)
			if unasked {
				two.send(epp(testGreeting))
			} else {
				two.close()
			}
			p.opens(epp(testGreeting))
			one.want("logout")
			one.reply(1500)
			one.wantEnd()
			p.opens(epp(testGreeting))
			if log := p.log.String(); !strings.Contains(log, "new=none gone=host-1.0") {
				t.Errorf("got log %s", log)
			}
		})
	}
}

// TestServicesOfConfig: what the config names does not change by a greeting, and the order in which a
// greeting names services is no change.
func TestServicesOfConfig(t *testing.T) {
	own := func(c *Config) {
		c.Login.ObjectURIs = []string{"urn:ietf:params:xml:ns:domain-1.0"}
		c.Login.ExtensionURIs = []string{"urn:ietf:params:xml:ns:secDNS-1.1"}
	}
	twice := "<extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI>"
	for name, c := range map[string]struct {
		change func(*Config)
		then   string
	}{
		"named":   {own, greetingWith(newObject, newExtension)},
		"again":   {func(*Config) {}, greetingWith("", twice)},
		"nothing": {func(*Config) {}, "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><greeting/></epp>"},
	} {
		inPlay(t, func(cfg *Config) { c.change(cfg); cfg.Pool.Keepalive = time.Minute }, func(p *play) {
			r := p.session()
			r.want("hello")
			r.send(c.then)
			r.want("hello")
			r.send(c.then)
			r.answered()
			if log := p.log.String(); strings.Contains(log, "other services") {
				t.Errorf("%s: got log %s", name, log)
			}
		})
	}
}

// TestServicesReload: a reload that names other services has the sessions replaced by the next greeting.
func TestServicesReload(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = time.Minute }, func(p *play) {
		r := p.session()
		cfg := p.account.cfg
		cfg.Login.ExtensionURIs = []string{"https://registry.example/fee"}
		p.account.Reload(cfg)
		r.want("hello")
		r.greet()
		r.want("logout")
		r.reply(1500)
		r.wantEnd()
		next := p.accept()
		next.greet()
		if login := next.want("login"); !strings.Contains(login, "https://registry.example/fee") {
			t.Errorf("got %s", login)
		}
		next.reply(1000)
		next.answered()
	})
}

// TestSetOf: equal sets have equal names, others have not, and none is empty.
func TestSetOf(t *testing.T) {
	a := setOf(&frame.Login{ObjectURIs: []string{"x", "y", "x"}, ExtensionURIs: []string{"z"}})
	if b := setOf(&frame.Login{ObjectURIs: []string{"y", "x"}, ExtensionURIs: []string{"z"}}); a != b {
		t.Errorf("got %q and %q", a, b)
	}
	if b := setOf(&frame.Login{ObjectURIs: []string{"y"}, ExtensionURIs: []string{"x", "z"}}); a == b {
		t.Errorf("an object service is taken for an extension: %q", a)
	}
	if got := lacking(a, setOf(&frame.Login{ObjectURIs: []string{"xx", "y"}})); got != "z, x" {
		t.Errorf("got %s", got)
	}
}
