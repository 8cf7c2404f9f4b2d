package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
	"eppmux/sandbox"
	"eppmux/upstream/pool"
)

const (
	domainURI  = "urn:ietf:params:xml:ns:domain-1.0"
	unknownXML = `<frobnicate/>`
)

// TestUnknownCommand: what neither RFC 5730 nor the greeting knows is answered 2000 here, what a
// registry may have of its own goes to it.
func TestUnknownCommand(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.Upstream.Login.ExtensionURIs = []string{"urn:listed"} })
	p := f.dial()
	object := func(verb, ns string) string {
		return `<` + verb + `><x:` + verb + ` xmlns:x="` + ns + `"/></` + verb + `>`
	}
	for i, tt := range []struct {
		inner string
		code  int
	}{
		{unknownXML, 2000},
		{`<Check><x:check xmlns:x="urn:other"/></Check>`, 2000},
		{object("undelete", domainURI), 1000}, // .be has it
		{object("undelete", "urn:other"), 2000},
		{object("undelete", "urn:listed"), 1000}, // the config knows more than the greeting
		{`<undelete><name>a.example</name></undelete>`, 2000},
		{`<x:relay xmlns:x="` + echoExtension + `"/>`, 1000},
		{`<x:relay xmlns:x="` + echoExtension + `"><y:a xmlns:y="urn:other"/></x:relay>`, 1000},
		{`<x:relay xmlns:x="urn:other"/>`, 2000},
		{`<x:relay xmlns:x="urn:other"><y:a xmlns:y="` + domainURI + `"/></x:relay>`, 2000},
		{`<x:relay xmlns:x="` + echoExtension[1:] + `"/>`, 2000},
		// Commands of RFC 5730, whatever the greeting offers: the registry judges them.
		{object("check", "urn:other"), 1000},
		{`<check><x:delete xmlns:x="urn:other"/></check>`, 1000},
		{`<poll op="other"/>`, 1000},
		{`<delete/>`, 1000},
	} {
		trid := fmt.Sprintf("U-%d", i)
		p.want(p.ask(command(tt.inner, trid)), tt.code, trid)
		if got := r.take(); len(got) != map[int]int{1000: 1}[tt.code] {
			t.Errorf("%s: %q at the registry", tt.inner, got)
		}
	}
	extension := eppOpen + `<extension><x:frobnicate xmlns:x="urn:other"/></extension></epp>`
	if a := p.ask(extension); !strings.Contains(a, `code="1000"`) || len(r.take()) != 1 {
		t.Errorf("a protocol extension: got %s", a)
	}
}

// TestUnknownCommandCounts: an unknown command counts as a frame that was refused here, names its
// client, is no outcome of any kind, and does not end the connection.
func TestUnknownCommandCounts(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	for range 2 * maxFaults {
		p.want(p.ask(command(unknownXML, "")), 2000, "")
	}
	p.want(p.ask(check("a.example", "C-1")), 1000, "C-1")
	sn := f.server.Snapshot()
	if sn.Faults != 2*maxFaults || sn.Blame.Reason != UnknownCommand || sn.Blame.Client != p.nc.LocalAddr().String() {
		t.Errorf("got %d faults, %+v", sn.Faults, sn.Blame)
	}
	for end := range int(pool.NumEnds) {
		if n := sn.Account.Ended(end); n != map[int]uint64{int(pool.EndAnswered): 1}[end] {
			t.Errorf("got %d commands that ended as %v, want the check's answer alone", n, pool.End(end))
		}
	}
	if got := r.take(); len(got) != 1 {
		t.Errorf("got %q at the registry, want the check", got)
	}
}

// TestUnknownCommandOrder: a command before login is refused as any other, so that it counts as a
// refused login. A command that no listener could allow is not said to be one that this one does not.
func TestUnknownCommandOrder(t *testing.T) {
	f, _ := verifying(t, func(c *config) { c.Listeners[0].Commands = new(pool.CommandSet) })
	p := f.dial()
	p.want(p.ask(command(unknownXML, "O-1")), 2002, "O-1")
	p.want(p.ask(loginAs("web", "web-secret", "", "O-2")), 1000, "O-2")
	p.want(p.ask(command(unknownXML, "O-3")), 2000, "O-3")
	p.want(p.ask(command(`<undelete xmlns:x="`+domainURI+`"><x:undelete/></undelete>`, "O-4")), 2201, "O-4")
}

// TestAllowedQueryThatChanges: a listener for queries takes none whose extension may change something.
func TestAllowedQueryThatChanges(t *testing.T) {
	query := func(ns string) string {
		return `<info><d:info xmlns:d="` + domainURI + `"><d:name>a.example</d:name></d:info></info>` +
			`<extension><x:more xmlns:x="` + ns + `"/></extension>`
	}
	for _, tt := range []struct {
		allowed []frame.Command
		ns      string
		refused bool
	}{
		{[]frame.Command{frame.CommandInfo}, "urn:other", true},
		{[]frame.Command{frame.CommandInfo}, "urn:known", false},
		{[]frame.Command{frame.CommandInfo, frame.CommandUpdate}, "urn:other", false},
		{[]frame.Command{frame.CommandUpdate}, "urn:known", true},
	} {
		f, r := startEcho(t, func(c *config) {
			c.Upstream.QueryExtensions = []string{"urn:known"}
			set := pool.Commands(func(c frame.Command, _ frame.Op) bool { return slices.Contains(tt.allowed, c) })
			c.Listeners[0].Commands = &set
		})
		p := f.dial()
		code := map[bool]int{true: 2201, false: 1000}[tt.refused]
		p.want(p.ask(command(query(tt.ns), "Q-1")), code, "Q-1")
		if n := len(r.take()); n > 0 == tt.refused {
			t.Errorf("%v: %d went to the registry", tt, n)
		}
	}
}

// TestUnknownCommandNeighbour: at a registry that closes on unknown commands, one client that sends
// nothing else costs no session, and nobody else a command.
func TestUnknownCommandNeighbour(t *testing.T) {
	f := start(t, func(sc *sandbox.Config, pc *config) {
		sc.Quirks.UnknownCloses = true
		pc.Upstream.Pool.MinSessions, pc.Upstream.Pool.MaxSessions = 1, 1
	})
	bad, good := f.dial(), f.dial()
	for i := range 100 {
		bad.want(bad.ask(command(unknownXML, "N-1")), 2000, "N-1")
		trid := fmt.Sprintf("N-%d", i)
		good.want(good.ask(check("good.example", trid)), 1000, trid)
	}
	if n := f.registry.Counters(); n.Logins != 1 || n.Commands[frame.CommandCheck.String()] != 100 {
		t.Errorf("got %d logins and commands %v, want 1 login and 100 checks", n.Logins, n.Commands)
	}
}
