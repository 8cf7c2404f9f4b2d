package sandbox

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// elements repeats an element with numbers from 1 to n in it.
func elements(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

// TestDomainLimits: at most 13 name servers and 20 contacts, whether by create or by update.
func TestDomainLimits(t *testing.T) {
	r := start(t, Config{})
	for i := range 14 {
		must(t, r.AddHost("other", fmt.Sprintf("ns%d.elsewhere.invalid", i+1)))
	}
	for i := range 21 {
		must(t, r.AddContact("other", fmt.Sprintf("T-%d", i+1), "x"))
	}
	c := enter(t, r, "demo")
	servers := func(n int) string { return "<ns>" + elements(n, "<hostObj>ns%d.elsewhere.invalid</hostObj>") + "</ns>" }
	contacts := func(n int) string { return elements(n, `<contact type="tech">T-%d</contact>`) }
	name := "D:<name>many.com</name>"
	c.do("create", name+servers(14)+pw).want(2306).has("too many name servers or contacts")
	c.do("create", name+contacts(21)+pw).want(2306)
	c.do("info", name).want(2303)
	c.do("create", name+servers(13)+contacts(20)+pw).want(1000)
	c.do("update", name+"<add><ns><hostObj>ns14.elsewhere.invalid</hostObj></ns></add>").want(2306)
	c.do("update", name+`<add><contact type="tech">T-21</contact></add>`).want(2306)
	c.do("update", name+"<add><ns><hostObj>ns14.elsewhere.invalid</hostObj></ns></add><rem><ns><hostObj>ns1.elsewhere.invalid</hostObj></ns></rem>").want(1000)
	c.do("update", name+`<add><contact type="tech">T-21</contact></add><rem><contact type="tech">T-1</contact></rem>`).want(1000)
	rp := c.do("info", name).want(1000)
	if s, k := strings.Count(rp.text, "<domain:hostObj>"), strings.Count(rp.text, "<domain:contact "); s != 13 || k != 20 {
		t.Errorf("%d servers, %d contacts", s, k)
	}
	rp.lacks(">ns1.elsewhere.invalid<", ">T-1<").has(">ns14.elsewhere.invalid<", ">T-21<")
	must(t, r.store.consistent())
}

// TestDomainUpdateWhole: an update is carried out as a whole or not at all. RFC 5730 section 2: EPP
// commands are atomic.
func TestDomainUpdateWhole(t *testing.T) {
	name := "D:<name>served.com</name>"
	good := "<add><ns><hostObj>ns.elsewhere.invalid</hostObj></ns></add>"
	steps := []step{{verb: "create", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000}}
	for _, tt := range []struct {
		change string
		code   int
	}{
		{good + "<rem><ns><hostObj>ns9.example.com</hostObj></ns></rem>", 2306},
		{good + "<rem><ns><hostObj>not a name</hostObj></ns></rem>", 2005},
		{good + `<rem><contact type="tech">ALICE</contact></rem>`, 2306},
		{good + `<rem><status s="clientHold"/></rem>`, 2306},
		{good + "<chg><registrant>NOBODY</registrant></chg>", 2303},
		{good + "<chg><authInfo><ext><x/></ext></authInfo></chg>", 2102},
		{good + "<chg><registrant>TECH-1</registrant><authInfo><ext><x/></ext></authInfo></chg>", 2102},
		{`<add><ns><hostObj>ns.elsewhere.invalid</hostObj></ns><status s="serverHold"/></add>`, 2306},
		{`<add><ns><hostObj>ns.elsewhere.invalid</hostObj></ns><contact type="tech">NOBODY</contact></add>`, 2303},
		{"<add><ns><hostAttr><hostName>ns.elsewhere.invalid</hostName></hostAttr></ns></add>", 2102},
		{"<rem><ns><hostAttr><hostName>ns1.example.com</hostName></hostAttr></ns></rem>", 2102},
		{"<add><ns><hostObj>bad_name.com</hostObj></ns></add>", 2005},
		{"<chg><authInfo><null/></authInfo><registrant>TECH-1</registrant></chg>", 2001},
	} {
		steps = append(steps,
			step{verb: "update", body: name + tt.change, code: tt.code},
			step{verb: "info", body: name, code: 1000,
				has: "hostObj>ns1.example.com<|hostObj>ns2.example.com<|!elsewhere|registrant>ALICE<|auth-served.com|!upID|!TECH-1|!Hold"})
	}
	r := play(t, Config{}, append(steps,
		step{verb: "info", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000, has: `!"linked"`},
		step{verb: "update", body: name + good + "<rem><ns><hostObj>ns1.example.com</hostObj></ns></rem><chg><registrant>TECH-1</registrant></chg>", code: 1000},
		step{verb: "info", body: name, code: 1000, has: "!ns1.example.com|hostObj>ns2.example.com</domain:hostObj><domain:hostObj>ns.elsewhere.invalid<|registrant>TECH-1<|upID>demo<"},
		step{verb: "info", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000, has: `"linked"`},
		step{verb: "info", body: "H:<name>ns1.example.com</name>", code: 1000, has: `!"linked"`},
	))
	must(t, r.store.consistent())
}

// TestDomainUpdateNothing: RFC 5731 section 3.2.5: an update without add, rem, chg needs an
// extension; an empty chg is enough for this registry.
func TestDomainUpdateNothing(t *testing.T) {
	name := "D:<name>example.com</name>"
	play(t, Config{}, []step{
		{verb: "update", body: name, code: 2003, has: "nothing to update"},
		{verb: "info", body: name, code: 1000, has: "!upDate"},
		{verb: "update", body: name, ext: dsXML("update", "<add>"+ds("1", "AA")+"</add>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "<domain:upID>demo</domain:upID><domain:upDate>2031-03-01T12:00:0"},
		{verb: "update", body: name + "<chg/>", code: 1000},
		{verb: "update", body: name + "<add/>", code: 1000},
		{verb: "update", body: name + "<chg/><add/>", code: 2001},
	})
}

// TestDomainServersShared: hosts of any registrar may serve a domain, and stay until no domain uses
// them.
func TestDomainServersShared(t *testing.T) {
	use := func(op, domain string) step {
		return step{verb: "update", body: "D:<name>" + domain + "</name><" + op + "><ns><hostObj>ns1.example.com</hostObj></ns></" + op + ">", code: 1000}
	}
	remove := func(code int, has string) step {
		return step{who: "demo", verb: "delete", body: "H:<name>ns1.example.com</name>", code: code, has: has}
	}
	as := func(who string, s step) step { s.who = who; return s }
	play(t, Config{}, []step{
		as("other", use("add", "taken.com")),
		remove(2305, "name server of 2 domains"),
		as("demo", use("rem", "served.com")),
		remove(2305, "name server of 1 domains"),
		as("other", use("rem", "taken.com")),
		as("other", step{verb: "info", body: "D:<name>taken.com</name>", code: 1000, has: `"inactive"|!"ok"`}),
		remove(1000, ""),
		as("other", step{verb: "update", body: "D:<name>taken.com</name><add><ns><hostObj>ns1.example.com</hostObj></ns></add>", code: 2303, has: "no host ns1.example.com"}),
	})
}

// TestDomainSeen: RFC 5731 section 3.1.2: what another registrar sees of a domain, with its
// authInfo, without, and with that of a contact.
func TestDomainSeen(t *testing.T) {
	r := start(t, Config{Empty: true})
	must(t, r.AddContact("other", "REG-1", "auth-REG-1"))
	must(t, r.AddContact("other", "ADMIN-1", "auth-ADMIN-1"))
	must(t, r.AddContact("other", "STRANGE-1", "auth-STRANGE-1"))
	must(t, r.AddDomain(Domain{Name: "seen.com", Client: "other", AuthInfo: "auth-seen", Registrant: "REG-1"}))
	must(t, r.AddHost("other", "ns.seen.com", netip.MustParseAddr("192.0.2.1")))
	other, demo := enter(t, r, "other"), enter(t, r, "demo")
	other.do("update", `D:<name>seen.com</name><add><ns><hostObj>ns.seen.com</hostObj></ns><contact type="admin">ADMIN-1</contact></add>`).want(1000)
	roid := func(id string) string {
		return other.do("info", "C:<id>"+id+"</id>").want(1000).text1("infData", "roid")
	}
	domainROID := demo.do("info", "D:<name>seen.com</name>").want(1000).text1("infData", "roid")
	for _, tt := range []struct {
		roid, pw string
		code     int
	}{
		{"", "auth-seen", 1000},
		{"", "auth-REG-1", 2202},
		{domainROID, "auth-seen", 1000},
		{domainROID, "auth-REG-1", 2202},
		{roid("REG-1"), "auth-REG-1", 1000},
		{roid("REG-1"), "auth-seen", 2202},
		{roid("ADMIN-1"), "auth-ADMIN-1", 1000},
		{roid("ADMIN-1"), "auth-REG-1", 2202},
		{roid("STRANGE-1"), "auth-STRANGE-1", 2202}, // a contact of another domain
		{roid("STRANGE-1"), "", 2202},
	} {
		attr := ""
		if tt.roid != "" {
			attr = ` roid="` + tt.roid + `"`
		}
		auth := "<authInfo><pw" + attr + ">" + tt.pw + "</pw></authInfo>"
		rp := demo.do("info", "D:<name>seen.com</name>"+auth)
		if rp.code != tt.code {
			t.Errorf("info with %s: got %d, want %d", auth, rp.code, tt.code)
		}
		if tt.code == 1000 {
			rp.has("registrant>REG-1<", `type="admin">ADMIN-1<`, "<domain:pw>auth-seen<")
		}
		want := 1001
		if tt.code != 1000 {
			want = tt.code
		}
		demo.do(opRequest, "D:<name>seen.com</name>"+auth).want(want)
		if want == 1001 {
			demo.do(opCancel, "D:<name>seen.com</name>").want(1000)
		}
	}
	demo.do("info", "D:<name>seen.com</name>").want(1000).
		has("hostObj>ns.seen.com<", "<domain:host>ns.seen.com<", "clID>other<", "crDate>", "exDate>").lacks("REG-1", "ADMIN-1", "auth-seen")
	demo.do("info", "D:<name>seen.com</name><authInfo><ext><x/></ext></authInfo>").want(2102)
}

// TestDomainNameFaults: a name that cannot be is 2005 for every command, one that does not exist
// 2303.
func TestDomainNameFaults(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	for _, tt := range []struct {
		verb, rest string
	}{
		{"info", ""}, {"delete", ""}, {"update", "<chg/>"}, {"renew", "<curExpDate>2032-01-30</curExpDate>"},
		{opRequest, pw}, {opQuery, ""}, {opApprove, ""},
	} {
		for name, code := range map[string]int{"no_name.com": 2005, "com": 2005, "nowhere.com": 2303, "nowhere.invalid": 2303} {
			if rp := c.do(tt.verb, "D:<name>"+name+"</name>"+tt.rest); rp.code != code {
				t.Errorf("%s %s: got %d, want %d", tt.verb, name, rp.code, code)
			}
		}
	}
}

// TestRenewToTheLimit: RFC 5731 section 3.2.3: renew adds whole years to the expiry date, up to ten
// years ahead of now, to the second.
func TestRenewToTheLimit(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now})
	now := k.Now()
	must(t, r.AddDomain(Domain{Name: "edge.com", Client: "demo", Expires: now.AddDate(5, 0, 0)}))
	must(t, r.AddDomain(Domain{Name: "over.com", Client: "demo", Expires: now.AddDate(5, 0, 0).Add(1)}))
	must(t, r.AddDomain(Domain{Name: "past.com", Client: "demo", Expires: now.AddDate(-1, 0, 0)}))
	c := enter(t, r, "demo")
	renew := func(name, date, period string, code int, has ...string) {
		t.Helper()
		c.do("renew", "D:<name>"+name+"</name><curExpDate>"+date+"</curExpDate>"+period).want(code).has(has...)
	}
	years := func(n int) string { return fmt.Sprintf(`<period unit="y">%d</period>`, n) }
	renew("over.com", "2036-03-01", years(5), 2306, "at most 10 years ahead")
	renew("edge.com", "2036-03-01", years(6), 2306)
	renew("edge.com", "2036-03-01", years(5), 1000, "<domain:exDate>2041-03-01T12:00:00.0Z<")
	renew("edge.com", "2041-03-01", "", 2306)
	renew("past.com", "2030-03-01", years(10), 1000, "2040-03-01")
	renew("past.com", "2040-03-01", years(11), 2306, "at most 10 years<")
	renew("past.com", "2040-03-01", `<period unit="m">18</period>`, 2306, "whole years only")
	renew("past.com", "2040-03-01", `<period unit="m">96</period>`, 2306)
	renew("past.com", "2040-03-01+14:00", "", 1000, "2041-03-01") // a zone is ignored
	if n := r.Counters(); n.Executed["renew"] != 3 || n.Codes[2306] != 6 {
		t.Errorf("counted %+v", n)
	}
}
