package sandbox

import (
	"strings"
	"testing"
)

func TestContact(t *testing.T) {
	full := `C:<id>FULL-1</id><postalInfo type="loc"><name>J&#252;rgen &amp; S&#246;hne</name><org>Org</org><addr><street>A</street><street>B</street>` +
		`<city>K&#246;ln</city><sp>NRW</sp><pc>50667</pc><cc>DE</cc></addr></postalInfo>` +
		`<postalInfo type="int"><name>Juergen</name><addr><city>Cologne</city><cc>DE</cc></addr></postalInfo>` +
		`<voice x="1234">+49.2215550100</voice><fax>+49.2215550101</fax><email>j@example.org</email>` + pw +
		`<disclose flag="0"><name type="int"/><addr type="loc"/><voice/><email/></disclose>`
	id := "C:<id>FULL-1</id>"
	postal := func(kind, name, cc string) string {
		return `<postalInfo type="` + kind + `"><name>` + name + `</name><addr><city>X</city><cc>` + cc + `</cc></addr></postalInfo>`
	}
	tail := "<email>a@b.example</email>" + pw
	play(t, Config{}, []step{
		{verb: "check", body: "C:<id>ALICE</id><id>FULL-1</id>", code: 1000, has: `avail="0">ALICE|avail="1">FULL-1`},
		{verb: "check", body: "C:<id>AB</id>", code: 2005},
		{verb: "create", body: full, code: 1000, has: "<contact:id>FULL-1</|<contact:crDate>2031"},
		{verb: "create", body: full, code: 2302},
		{verb: "info", body: id, code: 1000, has: "Jürgen &amp; Söhne|<contact:street>B</|<contact:sp>NRW</|<contact:voice x=\"1234\">+49.2215550100</|" +
			`<contact:disclose flag="0"><contact:name type="int"/><contact:addr type="loc"/><contact:voice/><contact:email/></|"ok"|2fooBAR`},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "J&#252;rgen", "DE") + tail, code: 2005},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "D1") + tail, code: 2005},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DEU") + tail, code: 2005},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DE") + postal("int", "B", "DE") + tail, code: 2306},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DE") + postal("loc", "B", "DE") + postal("int", "A", "DE") + tail, code: 2001},
		{verb: "create", body: "C:<id>C-2</id>" + postal("ext", "A", "DE") + tail, code: 2005},
		{verb: "create", body: "C:<id>C-2</id>" + tail, code: 2003},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DE") + pw, code: 2003},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DE") + "<email>nobody</email>" + pw, code: 2005},
		{verb: "create", body: "C:<id>C-2</id>" + postal("int", "A", "DE") + "<voice>0221</voice>" + tail, code: 2005},
		{verb: "create", body: "C:<id>" + "A1234567890123456" + "</id>" + postal("int", "A", "DE") + tail, code: 2005},

		{verb: "update", body: id, code: 2003},
		{verb: "update", body: id + "<chg><voice/><email>new@example.org</email></chg>", code: 1000},
		{verb: "update", body: id + `<chg><postalInfo type="loc"><org>New &lt;Org&gt;</org></postalInfo></chg>`, code: 1000},
		{verb: "update", body: id + `<chg><authInfo><pw>another</pw></authInfo><disclose flag="1"><fax/></disclose></chg>`, code: 1000},
		{verb: "info", body: id, code: 1000, has: "!voice x|new@example.org|New &lt;Org&gt;|K\u00f6ln|<contact:disclose flag=\"1\"><contact:fax/></|another|<contact:upID>demo"},
		{verb: "update", body: "C:<id>ALICE</id>" + `<chg><postalInfo type="loc"><org>Org</org></postalInfo></chg>`, code: 2003},
		{verb: "update", body: id + `<add><status s="clientUpdateProhibited"/><status s="clientDeleteProhibited"/></add>`, code: 1000},
		{verb: "update", body: id + "<chg><email>x@example.org</email></chg>", code: 2304},
		{verb: "delete", body: id, code: 2304},
		{verb: "update", body: id + `<rem><status s="clientUpdateProhibited"/><status s="clientDeleteProhibited"/></rem>`, code: 1000},
		{verb: "update", body: id + `<add><status s="clientHold"/></add>`, code: 2005},
		{verb: "update", body: id + `<add><status s="linked"/></add>`, code: 2306},
		{verb: "update", body: "C:<id>NONE</id><chg/>", code: 2303},

		{who: "other", verb: "info", body: id, code: 2201},
		{verb: "info", body: id + pw, code: 2202},
		{verb: "info", body: id + "<authInfo><pw>another</pw></authInfo>", code: 1000, has: "Cologne"},
		{verb: "update", body: id + "<chg/>", code: 2201},
		{verb: "delete", body: id, code: 2201},
		{who: "demo", verb: "delete", body: "C:<id>ALICE</id>", code: 2305},
		{verb: "info", body: "C:<id>ALICE</id>", code: 1000, has: `"linked"|"ok"`},
		{verb: "delete", body: id, code: 1000},
		{verb: "info", body: id, code: 2303},
		{verb: "renew", body: id, code: 2101},
	})
}

// TestContactCheck: RFC 5733 section 3.1.1: ids are told apart by their letters' case, and up to 50
// go in one command.
func TestContactCheck(t *testing.T) {
	play(t, Config{}, []step{
		{verb: "check", body: "C:<id>ALICE</id><id>alice</id><id> BOB </id>", code: 1000, has: `avail="0">ALICE<|avail="1">alice<|avail="0">BOB<|reason>In use<`},
		{verb: "check", body: "C:" + strings.Repeat("<id>ALICE</id>", 50), code: 1000},
		{verb: "check", body: "C:" + strings.Repeat("<id>ALICE</id>", 51), code: 2306, has: "at most 50 ids"},
		{verb: "check", body: "C:", code: 2003},
		{verb: "check", body: "C:<name>ALICE</name>", code: 2001},
	})
}

// TestContactAuthInfo: RFC 5733 section 2.8: the password opens a contact to other registrars; a
// roid must be the contact's own.
func TestContactAuthInfo(t *testing.T) {
	r := start(t, Config{})
	other, demo := enter(t, r, "other"), enter(t, r, "demo")
	roid := other.do("info", "C:<id>BOB</id>").want(1000).text1("infData", "roid")
	alice := demo.do("info", "C:<id>ALICE</id>").want(1000).text1("infData", "roid")
	auth := func(roid, pw string) string {
		if roid != "" {
			roid = ` roid="` + roid + `"`
		}
		return "<authInfo><pw" + roid + ">" + pw + "</pw></authInfo>"
	}
	for _, tt := range []struct {
		roid, pw string
		code     int
	}{
		{"", "auth-BOB", 1000},
		{"", "auth-bob", 2202},
		{"", " auth-BOB", 2202},
		{"", "", 2202},
		{roid, "auth-BOB", 1000},
		{roid, "auth-ALICE", 2202},
		{alice, "auth-BOB", 2202},
		{alice, "auth-ALICE", 2202},
		{"nonsense", "auth-BOB", 2005},
	} {
		rp := demo.do("info", "C:<id>BOB</id>"+auth(tt.roid, tt.pw))
		if rp.code != tt.code {
			t.Errorf("%+v: got %d", tt, rp.code)
		}
		if tt.code == 1000 {
			rp.has("<contact:pw>auth-BOB<", "bob@example.org", "1 Sample Street")
		} else {
			rp.lacks("auth-BOB</contact:pw>", "bob@example.org")
		}
	}
	demo.do("info", "C:<id>BOB</id><authInfo><ext><x/></ext></authInfo>").want(2102).has("authInfo ext")
	demo.do(opRequest, "C:<id>BOB</id><authInfo><ext><x/></ext></authInfo>").want(2102)
	demo.do("create", "C:<id>NEW-1</id>"+strings.Replace(aliceClone, pw, "<authInfo><ext><x/></ext></authInfo>", 1)).want(2102)
	demo.do("info", "C:<id>NEW-1</id>").want(2303)
	// A contact without a password can be opened by none, not even by an empty one.
	must(t, r.AddContact("other", "SHUT-1", ""))
	demo.do("info", "C:<id>SHUT-1</id>"+auth("", "")).want(2202)
	demo.do(opRequest, "C:<id>SHUT-1</id>"+auth("", "")).want(2202)
	other.do("info", "C:<id>SHUT-1</id>").want(1000).lacks("authInfo")
}

// TestContactUpdateWhole: an update is carried out as a whole or not at all.
func TestContactUpdateWhole(t *testing.T) {
	id := "C:<id>ALICE</id>"
	steps := []step{}
	for _, tt := range []struct {
		change string
		code   int
	}{
		{`<add><status s="clientDeleteProhibited"/></add><chg><email>nobody</email></chg>`, 2005},
		{`<add><status s="clientDeleteProhibited"/></add><chg><postalInfo type="int"><addr><city>X</city><cc>1X</cc></addr></postalInfo></chg>`, 2005},
		{`<add><status s="clientDeleteProhibited"/></add><rem><status s="clientUpdateProhibited"/></rem>`, 2306},
		{`<chg><voice>+1.999</voice><authInfo><ext><x/></ext></authInfo></chg>`, 2102},
		{`<chg><postalInfo type="int"><name>B</name></postalInfo><postalInfo type="int"><name>C</name></postalInfo></chg>`, 2306},
		{`<chg><postalInfo type="loc"><name>B</name></postalInfo><voice>+1.999</voice></chg>`, 2003},
		{`<chg><voice>+1.999</voice><postalInfo type="int"><name>B</name></postalInfo></chg>`, 2001},
		{`<chg><postalInfo type="int"><name>J&#252;rgen</name></postalInfo></chg>`, 2005},
		{`<chg><voice>999</voice><email>new@example.org</email></chg>`, 2005},
		{`<chg><email>new@example.org</email><voice>+1.999</voice></chg>`, 2001},
		{`<add></add>`, 2003},
	} {
		steps = append(steps,
			step{verb: "update", body: id + tt.change, code: tt.code},
			step{verb: "info", body: id, code: 1000, has: "<contact:name>Contact ALICE<|contact:voice>+1.5555550100<|alice@example.org|auth-ALICE|!Prohibited|!upID"})
	}
	play(t, Config{}, append(steps,
		step{verb: "update", body: id + `<chg><postalInfo type="int"><addr><street>2</street><city>Y</city><cc>DE</cc></addr></postalInfo></chg>`, code: 1000},
		// An addr replaces the whole address, and the name stays.
		step{verb: "info", body: id, code: 1000, has: "Contact ALICE|<contact:street>2<|city>Y<|cc>DE<|!1 Sample Street|!00000|!contact:pc|upID>demo<"},
		step{verb: "update", body: id + `<chg><postalInfo type="loc"><name>&#35433;</name><addr><city>&#26481;&#20140;</city><cc>JP</cc></addr></postalInfo></chg>`, code: 1000},
		step{verb: "info", body: id, code: 1000, has: `type="int"|type="loc"|東京|Contact ALICE`},
		step{verb: "update", body: id + `<chg><fax x="9">+1.5555550199</fax></chg>`, code: 1000},
		step{verb: "info", body: id, code: 1000, has: `<contact:fax x="9">+1.5555550199<|contact:voice>+1.5555550100<`},
		step{verb: "update", body: id + `<chg><voice/><fax/></chg>`, code: 1000},
		step{verb: "info", body: id, code: 1000, has: "!contact:voice|!contact:fax"},
	))
}

// TestContactDisclose: RFC 5733 section 2.9: the preference comes back as it was given, in our own
// prefixes, and a new one replaces the old.
func TestContactDisclose(t *testing.T) {
	id := "C:<id>ALICE</id>"
	play(t, Config{}, []step{
		{verb: "info", body: id, code: 1000, has: "!disclose"},
		{verb: "update", body: id + `<chg><disclose flag="true"><name type="int"/><name type="loc"/><org type="loc"/><fax/></disclose></chg>`, code: 1000},
		{verb: "info", body: id, code: 1000, has: `<contact:disclose flag="true"><contact:name type="int"/><contact:name type="loc"/><contact:org type="loc"/><contact:fax/></contact:disclose>`},
		{verb: "update", body: id + `<chg><disclose flag="0"><voice/></disclose></chg>`, code: 1000},
		{verb: "info", body: id, code: 1000, has: `<contact:disclose flag="0"><contact:voice/></contact:disclose>|!contact:fax`},
		{verb: "update", body: id + `<chg><disclose flag="2"><voice/></disclose></chg>`, code: 2005},
		{verb: "update", body: id + `<chg><disclose><voice/></disclose></chg>`, code: 2003},
		{verb: "update", body: id + `<chg><disclose flag="1"><name/></disclose></chg>`, code: 2003},
		{verb: "update", body: id + `<chg><disclose flag="1"><name type="int"/><name type="loc"/><name type="int"/></disclose></chg>`, code: 2001},
		{verb: "update", body: id + `<chg><disclose flag="1"><email/><voice/></disclose></chg>`, code: 2001},
		{verb: "info", body: id, code: 1000, has: `flag="0"`},
	})
}

// TestContactLinks: RFC 5733 section 2.2: linked shows while a domain uses the contact in any role,
// and forbids its deletion until the last use is gone.
func TestContactLinks(t *testing.T) {
	id, name := "C:<id>NEW-1</id>", "D:<name>uses.com</name>"
	linked := `<contact:status s="linked"/><contact:status s="ok"/>`
	play(t, Config{}, []step{
		{verb: "create", body: id + aliceClone, code: 1000},
		{verb: "info", body: id, code: 1000, has: `<contact:status s="ok"/>|!linked`},
		{verb: "create", body: name + `<registrant>NEW-1</registrant><contact type="admin">NEW-1</contact><contact type="tech">NEW-1</contact>` + pw, code: 1000},
		{verb: "info", body: id, code: 1000, has: linked},
		{verb: "delete", body: id, code: 2305},
		{verb: "update", body: name + `<rem><contact type="admin">NEW-1</contact></rem>`, code: 1000},
		{verb: "update", body: name + `<chg><registrant></registrant></chg>`, code: 1000},
		{verb: "info", body: id, code: 1000, has: linked},
		{verb: "delete", body: id, code: 2305, has: "in use by domains"},
		{verb: "update", body: name + `<rem><contact type="tech">NEW-1</contact></rem>`, code: 1000},
		{verb: "info", body: id, code: 1000, has: "!linked"},
		{verb: "update", body: name + `<chg><registrant>NEW-1</registrant></chg>`, code: 1000},
		{verb: "delete", body: id, code: 2305},
		{verb: "delete", body: name, code: 1000}, // within its add period
		{verb: "delete", body: id, code: 1000},
	})
}
