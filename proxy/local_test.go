package proxy

import (
	"strings"
	"testing"
)

// TestOwnClTRIDInRefusals: a refusal carries the client's clTRID where there is no doubt about it.
func TestOwnClTRIDInRefusals(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	p.want(p.ask(eppOpen+`<command><extension/><clTRID>R-1</clTRID></command></epp>`), 2001, "R-1")
	p.want(p.ask(command(`<login><clID>a</clID><pw>b</pw><newPW>c</newPW></login>`, "R-2")), 2102, "R-2")
	p.want(p.ask(command(`<login><clID>a</clID><pw>b</pw><options><version>2.0</version></options></login>`, "R-3")), 2100, "R-3")
	p.want(p.ask(eppOpen+"<greeting/></epp>"), 2001, "")
	p.want(p.ask(login("R-4")), 1000, "R-4")
}

func TestServicesEnforced(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.Services = ServicesEnforce })
	p := f.dial()
	svcs := func(s string) string {
		return command(`<login><clID>a</clID><pw>b</pw><options><version>1.0</version></options><svcs>`+s+`</svcs></login>`, "S-1")
	}
	p.want(p.ask(svcs("<objURI>urn:other</objURI>")), 2307, "S-1")
	p.want(p.ask(svcs("<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>urn:x</extURI></svcExtension>")), 2103, "S-1")
	p.want(p.ask(svcs("<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>")), 1000, "S-1")
}

// TestRefusedLogins: three in a row end the connection; long ones are not read.
func TestRefusedLogins(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	bad := command(`<login><clID>a</clID><pw>b</pw><newPW>c</newPW></login>`, "R-1")
	p.want(p.ask(bad), 2102, "R-1")
	p.want(p.ask(command(`<login><clID>`+strings.Repeat("a", maxLogin)+`</clID><pw>b</pw></login>`, "R-2")), 2001, "R-2")
	p.want(p.ask(bad), 2501, "R-1")
	p.wantClosed()
	p = f.dial()
	p.want(p.ask(bad), 2102, "R-1")
	p.want(p.ask(bad), 2102, "R-1")
	p.want(p.ask(login("R-3")), 1000, "R-3")
	p.want(p.ask(bad), 2002, "R-1")
}

// TestVerdictsHaveReplies: each verdict has a reply of its own, and only a right login succeeds.
func TestVerdictsHaveReplies(t *testing.T) {
	seen := map[reply]verdict{}
	for v := range numVerdicts {
		r := loginReply(v, errNotClients)
		if (r.code == 1000) != (v == loginRight) || r.code.Text() == "" {
			t.Errorf("verdict %d: got %d %q", v, r.code, r.code.Text())
		}
		if other, ok := seen[r]; ok {
			t.Errorf("verdicts %d and %d have one reply", other, v)
		}
		seen[r] = v
	}
}
