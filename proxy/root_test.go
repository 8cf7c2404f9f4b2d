package proxy

import (
	"net"
	"strings"
	"testing"

	"eppmux/sandbox"
)

// TestOwnNamespace: at a registry with a root namespace of its own, sessions are logged in, and what
// is answered here is in the namespace in which clients were greeted.
func TestOwnNamespace(t *testing.T) {
	const ours, own = `"urn:ietf:params:xml:ns:epp-1.0"`, `"https://registry.example/schema/epp-own-1.0.xsd"`
	f := start(t, func(sc *sandbox.Config, c *config) { sc.Quirks.OwnNamespace, c.MaxClients = true, 1 })
	p := f.dial()
	ask := func(payload string, code int, clTRID string) {
		t.Helper()
		answer := p.ask(payload)
		if p.want(answer, code, clTRID); !strings.Contains(answer, "<epp xmlns="+own+">") || strings.Contains(answer, ours) {
			t.Errorf("got %s, want it in the registry's namespace", answer)
		}
	}
	ask(login("N-1"), 1000, "N-1")
	ask(strings.Replace(login("N-2"), ours, own, 1), 2002, "N-2")
	ask(strings.Replace(check("a.example", "N-3"), ours, own, 1), 1000, "N-3")
	ask("<oops", 2001, "")
	nc, err := net.Dial("tcp", f.tcp())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if answer := (&peer{t: t, nc: nc}).read(); !strings.Contains(answer, `code="2502"`) || !strings.Contains(answer, "<epp xmlns="+own+">") {
		t.Errorf("got %s, want 2502 in the registry's namespace", answer)
	}
	ask(command("<logout/>", "N-4"), 1500, "N-4")
}
