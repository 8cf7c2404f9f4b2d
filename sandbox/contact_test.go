package sandbox

import "testing"

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
