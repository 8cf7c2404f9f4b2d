package sandbox

import (
	"strings"
	"testing"
)

func feeXML(tag, inner string) string {
	return `<fee:` + tag + ` xmlns:fee="` + nsFee + `">` +
		strings.NewReplacer("</", "</fee:", "<", "<fee:").Replace(inner) + `</fee:` + tag + `>`
}

// TestFeeCheck: RFC 8748 section 5.1.1: each name gets the price of each command and period asked for.
func TestFeeCheck(t *testing.T) {
	asked := func(inner string) string { return feeXML("check", inner) }
	names := "D:<name>Free.com</name><name>premium-free.com</name><name>free.de</name><name>-.com</name>"
	c := enter(t, start(t, Config{}), "demo")
	rp := c.do("check", names, asked(`<currency>EUR</currency><command name="create"/><command name="renew"><period unit="m">24</period></command>`+
		`<command name="transfer"><period unit="y">11</period></command><command name="restore"/><command name="update"/>`+
		`<command name="custom" customName="&lt;x&quot;"/>`)).want(1000)
	cds := strings.Split(rp.text, "<fee:cd ")
	if len(cds) != 5 || !strings.Contains(cds[0], `<domain:name avail="1">premium-free.com`) || !strings.Contains(cds[0], `fee-1.0"><fee:currency>EUR<`) {
		t.Fatalf("got %s", rp.text)
	}
	for i, want := range []string{
		`avail="1"><fee:objID>Free.com</fee:objID><fee:class>standard</fee:class>` +
			`<fee:command name="create" standard="1"><fee:period unit="y">1</fee:period><fee:fee>10.00</fee:fee></fee:command>` +
			`<fee:command name="renew" standard="1"><fee:period unit="y">2</fee:period><fee:fee>20.00</fee:fee></fee:command>` +
			`<fee:command name="transfer" standard="1"><fee:period unit="y">11</fee:period><fee:reason>at most 10 years</fee:reason></fee:command>` +
			`<fee:command name="restore" standard="1"><fee:fee>40.00</fee:fee></fee:command>` +
			`<fee:command name="update" standard="1"><fee:fee>0.00</fee:fee></fee:command>` +
			`<fee:command name="custom" standard="1" customName="&lt;x&quot;"><fee:reason>No such command</fee:reason></fee:command></fee:cd>`,
		`avail="1"><fee:objID>premium-free.com</fee:objID><fee:class>premium</fee:class>` +
			`<fee:command name="create" standard="0"><fee:period unit="y">1</fee:period><fee:fee>100.00</fee:fee></fee:command>` +
			`<fee:command name="renew" standard="0"><fee:period unit="y">2</fee:period><fee:fee>200.00</fee:fee></fee:command>`,
		`avail="0"><fee:objID>free.de</fee:objID><fee:reason>Not in a zone of this registry</fee:reason></fee:cd>`,
		`avail="0"><fee:objID>-.com</fee:objID><fee:reason>Invalid name</fee:reason></fee:cd>`,
	} {
		if !strings.HasPrefix(cds[i+1], want) {
			t.Errorf("cd %d: got  %s\nwant %s", i, cds[i+1], want)
		}
	}
	c.do("check", "D:<name>free.com</name>", asked(`<currency>USD</currency><command name="create"/>`)).want(1000).
		has(`<domain:name avail="1">free.com`, "<fee:currency>EUR<", `<fee:cd avail="0">`, "Prices are in EUR").lacks("fee:fee")
	c.do("check", "D:<name>free.com</name>").want(1000).lacks("fee:")
	for _, tt := range []struct {
		inner string
		code  int
	}{
		{``, 2003},
		{`<currency>EUR</currency>`, 2003},
		{`<currency>eur</currency><command name="create"/>`, 2005},
		{`<command/>`, 2003},
		{`<command name="check"/>`, 2005},
		{`<command name="create"><period unit="y">0</period></command>`, 2004},
		{`<command name="create"><fee>1</fee></command>`, 2001},
	} {
		c.do("check", "D:<name>free.com</name>", asked(tt.inner)).want(tt.code)
	}
	c.do("check", "H:<name>ns.free.com</name>", asked(`<command name="create"/>`)).want(2103)
	c.do("info", "D:<name>example.com</name>", asked(`<command name="create"/>`)).want(2103)
}

// TestFeeCharged: what was agreed must be the price or more, in our currency; what was charged is in
// the answer. A premium name is not sold without (RFC 8748 section 5.2.1).
func TestFeeCharged(t *testing.T) {
	agree := func(verb, sums string) string { return feeXML(verb, sums) }
	r := play(t, Config{}, []step{
		{verb: "create", body: "D:<name>a.com</name>" + pw, ext: agree("create", "<fee>9.99</fee>"), code: 2004, has: "it costs 10.00 EUR|<domain:name"},
		{verb: "create", body: "D:<name>a.com</name>" + pw, ext: agree("create", "<currency>USD</currency><fee>99</fee>"), code: 2004, has: "prices are in EUR"},
		{verb: "create", body: "D:<name>a.com</name>" + pw, ext: agree("create", "<fee>15</fee><credit>-5.01</credit>"), code: 2004},
		{verb: "create", body: "D:<name>a.com</name>" + pw, ext: agree("create", "<fee>-1</fee>"), code: 2005},
		{verb: "create", body: "D:<name>a.com</name>" + pw, ext: agree("create", "<currency>EUR</currency>"), code: 2003},
		{verb: "info", body: "D:<name>a.com</name>", code: 2303},
		{verb: "create", body: `D:<name>a.com</name><period unit="y">2</period>` + pw, ext: agree("create", "<fee>19.999</fee>"), code: 2004},
		{verb: "create", body: `D:<name>a.com</name><period unit="y">2</period>` + pw, ext: agree("create", `<currency>EUR</currency><fee description="of 2 years" refundable="1">12</fee><fee>9</fee><credit>-1.00</credit>`),
			code: 1000, has: `<domain:exDate|<fee:creData xmlns:fee="` + nsFee + `"><fee:currency>EUR</fee:currency><fee:fee>20.00</fee:fee></fee:creData>`},
		{verb: "create", body: "D:<name>free.com</name>" + pw, code: 1000, has: "!fee:"},
		{verb: "create", body: "D:<name>premium-a.com</name>" + pw, code: 2003, has: "it costs 100.00 EUR"},
		{verb: "create", body: "D:<name>PREMIUM-a.com</name>" + pw, ext: agree("create", "<fee>10</fee>"), code: 2004},
		{verb: "create", body: "D:<name>PREMIUM-a.com</name>" + pw, ext: agree("create", "<fee>1000</fee>"), code: 1000, has: "<fee:fee>100.00<"},

		{verb: "renew", body: `D:<name>a.com</name><curExpDate>2033-03-01</curExpDate><period unit="y">3</period>`, ext: agree("renew", "<fee>29</fee>"), code: 2004},
		{verb: "info", body: "D:<name>a.com</name>", code: 1000, has: "exDate>2033-03-01"},
		{verb: "renew", body: `D:<name>a.com</name><curExpDate>2033-03-01</curExpDate><period unit="y">3</period>`, ext: agree("renew", "<fee>30</fee>"),
			code: 1000, has: "exDate>2036-03-01|<fee:renData |<fee:fee>30.00<"},
		{verb: "renew", body: "D:<name>premium-a.com</name><curExpDate>2032-03-01</curExpDate>", code: 2003},

		{verb: "update", body: `D:<name>a.com</name><chg/>`, ext: agree("update", "<fee>0</fee>"), code: 1000, has: "<fee:updData |<fee:fee>0.00<"},

		{who: "other", verb: `transfer op="request"`, body: "D:<name>a.com</name>" + pw, ext: agree("transfer", "<fee>9</fee>"), code: 2004},
		{who: "other", verb: `transfer op="query"`, body: "D:<name>a.com</name>" + pw, code: 2301}, // not begun
		{who: "other", verb: `transfer op="request"`, body: "D:<name>a.com</name><authInfo><pw>wrong</pw></authInfo>", ext: agree("transfer", "<fee>9</fee>"), code: 2202},
		{who: "other", verb: `transfer op="request"`, body: "D:<name>a.com</name>" + pw, ext: agree("transfer", "<fee>10</fee>"), code: 1001, has: "<fee:trnData |<fee:fee>10.00<"},
		{who: "demo", verb: `transfer op="reject"`, body: "D:<name>a.com</name>", code: 1000, has: "!fee:"},

		{who: "demo", verb: "delete", body: "D:<name>free.com</name>", code: 1000, has: "!fee:"},
		{who: "demo", verb: "delete", body: "D:<name>premium-a.com</name>", code: 1000, has: `<fee:delData |<fee:credit description="AGP Credit">-100.00<`},
	})
	if n := r.Counters(); n.Executed["create"] != 3 || n.Executed["renew"] != 1 {
		t.Errorf("carried out %v", n.Executed)
	}
}

// TestFeeRestore: the request costs, the report does not.
func TestFeeRestore(t *testing.T) {
	name := "D:<name>old.com</name>"
	play(t, Config{}, []step{
		{verb: "create", body: name + pw, code: 1000},
		{wait: addPeriod},
		{verb: "delete", body: name, code: 1001, has: "!fee:"},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", "") + feeXML("update", "<fee>39</fee>"), code: 2004},
		{verb: "info", body: name, code: 1000, has: `s="redemptionPeriod"`},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", "") + feeXML("update", "<fee>40</fee>"), code: 1000,
			has: `s="pendingRestore"|<fee:updData |<fee:fee>40.00<`},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", report) + feeXML("update", "<fee>0</fee>"), code: 1000, has: "<fee:fee>0.00<"},
	})
}

// TestFeeNotChosen: fee and ttl are for logins that chose them, and profiles do not offer them.
func TestFeeNotChosen(t *testing.T) {
	ask := feeXML("check", `<command name="create"/>`)
	d := enterWith(t, start(t, Config{}), allObjects+olderExtensions)
	d.do("check", "D:<name>free.com</name>", ask).want(2103)
	d.do("info", "D:<name>example.com</name>", ttlXML("info", "")).want(2103)
	for _, p := range Profiles() {
		cfg, err := Profile(p.Name)
		must(t, err)
		cfg.Faults = nil
		c := connect(t, start(t, cfg))
		g := c.greet()
		if !strings.Contains(g, nsLoginSec) || strings.Contains(g, nsFee) || strings.Contains(g, nsTTL) {
			t.Errorf("%s greets with %s", p.Name, g)
		}
	}
	c := connect(t, start(t, Config{Extensions: []string{}}))
	if g := c.greet(); strings.Contains(g, "svcExtension") {
		t.Errorf("without extensions: %s", g)
	}
	c = connect(t, start(t, Config{Extensions: []string{nsTTL}}))
	c.greet()
	c.command(loginXML("demo", "demo-secret", "", "1.0", "en", allObjects+allExtensions)).want(2103)
}

func TestMoney(t *testing.T) {
	for m, want := range map[money]string{0: "0.00", 1: "0.01", 10: "0.10", 1000: "10.00", -1: "-0.01", -123456: "-1234.56"} {
		if got := m.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(m), got, want)
		}
	}
}
