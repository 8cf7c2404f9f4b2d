package sandbox

import (
	"net/netip"
	"testing"
)

func TestSeed(t *testing.T) {
	r := start(t, Config{Empty: true})
	must(t, r.AddContact("demo", "CAROL", "secret"))
	must(t, r.AddDomain(Domain{Name: "Carol.com", Client: "demo", Registrant: "CAROL", AuthInfo: "x", Status: []string{"clientHold"}}))
	must(t, r.AddHost("demo", "ns.carol.com", netip.MustParseAddr("192.0.2.1")))
	for name, err := range map[string]error{
		"contact twice":     r.AddContact("demo", "CAROL", ""),
		"contact id":        r.AddContact("demo", "C", ""),
		"host twice":        r.AddHost("demo", "ns.carol.com"),
		"host name":         r.AddHost("demo", "ns"),
		"host before":       r.AddHost("demo", "ns.dave.com"),
		"domain twice":      r.AddDomain(Domain{Name: "carol.com", Client: "demo"}),
		"domain zone":       r.AddDomain(Domain{Name: "carol.invalid", Client: "demo"}),
		"domain registrant": r.AddDomain(Domain{Name: "dave.com", Client: "demo", Registrant: "DAVE"}),
		"domain server":     r.AddDomain(Domain{Name: "dave.com", Client: "demo", Servers: []string{"ns.dave.com"}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := enter(t, r, "demo")
	c.do("info", "D:<name>carol.com</name>").want(1000).has("CAROL", "clientHold", "<domain:host>ns.carol.com", `"inactive"`)
	c.do("info", "C:<id>CAROL</id>").want(1000).has("linked")
	c.do("info", "H:<name>ns.carol.com</name>").want(1000).has("192.0.2.1")
	c.do("delete", "D:<name>carol.com</name>").want(2305)
}

// TestExamples: whatever the accounts, the example objects are there.
func TestExamples(t *testing.T) {
	for _, accounts := range []map[string]string{nil, {"one": "one-secret"}, {"a-a": "a-a-secret", "b-b": "b-b-secret", "c-c": "c-c-secret"}} {
		r := start(t, Config{Accounts: accounts, Zones: []string{"Test"}})
		who := "demo"
		for id := range accounts {
			who = id
		}
		c := enter(t, r, who)
		c.do("check", "D:<name>example.test</name><name>taken.test</name><name>free.test</name>").want(1000).has(`"0">example`, `"0">taken`, `"1">free`)
	}
	r := start(t, Config{Accounts: map[string]string{}})
	c := connect(t, r)
	c.greet()
	c.login("demo", "demo-secret").want(2200)
}
