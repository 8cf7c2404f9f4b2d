package sandbox

import (
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestDomainCheck(t *testing.T) {
	play(t, Config{}, []step{
		{verb: "check", body: "D:<name>example.com</name>", code: 1000, has: `avail="0">example.com<|In use`},
		{verb: "check", body: "D:<name>EXAMPLE.com</name><name>a.com</name>", code: 1000, has: `avail="0">EXAMPLE.com<|avail="1">a.com<`},
		{verb: "check", body: "D:<name>a.invalid</name>", code: 1000, has: `avail="0"|Not in a zone`},
		{verb: "check", body: "D:<name>a.b.com</name><name>com</name>", code: 1000, has: `Not in a zone|Invalid name`},
		{verb: "check", body: "D:<name>-a.com</name><name>a_b.com</name><name>ab--c.com</name>", code: 1000, has: `!avail="1"|Invalid name`},
		{verb: "check", body: "D:<name>xn--bcher-kva.com</name>", code: 1000, has: `avail="1"`},
		{verb: "check", body: "D:<name>a&lt;b&amp;c.com</name>", code: 1000, has: `avail="0">a&lt;b&amp;c.com`},
		{verb: "check", body: "D:" + strings.Repeat("<name>a.com</name>", 50), code: 1000},
		{verb: "check", body: "D:" + strings.Repeat("<name>a.com</name>", 51), code: 2306},
		{verb: "check", body: "D:<name></name>", code: 2005},
		{verb: "check", body: "D:<nome>a.com</nome>", code: 2001},
		{verb: "check", body: "D:<name>a<b/></name>", code: 2001},
	})
}

func TestDomainCreate(t *testing.T) {
	long := strings.Repeat("a", 63)
	play(t, Config{}, []step{
		{verb: "create", body: "D:<name>new.com</name>" + pw, code: 1000, has: "<domain:name>new.com</|<domain:crDate>2031-03-01T12:00:0|<domain:exDate>2032-03-01"},
		{verb: "create", body: "D:<name>NEW.com</name>" + pw, code: 2302, has: ">NEW.com</domain:name></value><reason>"},
		{verb: "create", body: `D:<name>ten.com</name><period unit="y">10</period>` + pw, code: 1000, has: "<domain:exDate>2041-03-01"},
		{verb: "create", body: `D:<name>m24.com</name><period unit="m">24</period>` + pw, code: 1000, has: "<domain:exDate>2033-03-01"},
		{verb: "create", body: `D:<name>m5.com</name><period unit="m">5</period>` + pw, code: 2306},
		{verb: "create", body: `D:<name>y11.com</name><period unit="y">11</period>` + pw, code: 2306},
		{verb: "create", body: `D:<name>y0.com</name><period unit="y">0</period>` + pw, code: 2004},
		{verb: "create", body: `D:<name>y100.com</name><period unit="y">100</period>` + pw, code: 2004},
		{verb: "create", body: `D:<name>yx.com</name><period unit="y">x</period>` + pw, code: 2005},
		{verb: "create", body: `D:<name>yw.com</name><period unit="w">1</period>` + pw, code: 2005},
		{verb: "create", body: `D:<name>yn.com</name><period>1</period>` + pw, code: 2003},
		{verb: "create", body: "D:<name>" + long + ".com</name>" + pw, code: 1000},
		{verb: "create", body: "D:<name>a" + long + ".com</name>" + pw, code: 2005},
		{verb: "create", body: "D:<name>b&#252;cher.com</name>" + pw, code: 2005},
		{verb: "create", body: "D:<name>new.invalid</name>" + pw, code: 2306},
		{verb: "create", body: "D:<name>www.new.com</name>" + pw, code: 2306},
		{verb: "create", body: "D:<name>noauth.com</name>", code: 2003},
		{verb: "create", body: "D:" + pw, code: 2003},
		{verb: "create", body: "D:" + pw + "<name>disorder.com</name>", code: 2001},
		{verb: "create", body: "D:<name>ext.com</name><authInfo><ext><other/></ext></authInfo>", code: 2102},
		{verb: "create", body: "D:<name>r.com</name><registrant>ALICE</registrant><contact type=\"admin\">TECH-1</contact>" + pw, code: 1000},
		{verb: "create", body: "D:<name>r2.com</name><registrant>NOBODY</registrant>" + pw, code: 2303, has: "no contact NOBODY"},
		{verb: "create", body: `D:<name>r3.com</name><contact type="tech">NOBODY</contact>` + pw, code: 2303},
		{verb: "create", body: `D:<name>r4.com</name><contact type="tech">ALICE</contact><contact type="tech">ALICE</contact>` + pw, code: 2306},
		{verb: "create", body: `D:<name>r5.com</name><contact type="boss">ALICE</contact>` + pw, code: 2005},
		{verb: "create", body: "D:<name>h.com</name><ns><hostObj>ns1.example.com</hostObj></ns>" + pw, code: 1000},
		{verb: "create", body: "D:<name>h2.com</name><ns><hostObj>ns9.example.com</hostObj></ns>" + pw, code: 2303},
		{verb: "create", body: "D:<name>h3.com</name><ns><hostObj>ns1.example.com</hostObj><hostObj>NS1.example.com</hostObj></ns>" + pw, code: 2306},
		{verb: "create", body: "D:<name>h4.com</name><ns><hostAttr><hostName>ns1.x.com</hostName></hostAttr></ns>" + pw, code: 2102},
		{verb: "create", body: "D:<name>h5.com</name><ns/>" + pw, code: 2003},
		{verb: "create", body: "D:<name>h6.com</name><ns><hostObj>ns1.example.com</hostObj><hostAttr><hostName>a.b</hostName></hostAttr></ns>" + pw, code: 2001},
		{verb: "info", body: "D:<name>h.com</name>", code: 1000, has: `s="ok"|<domain:ns><domain:hostObj>ns1.example.com</|<domain:pw>2fooBAR</|addPeriod`},
		{verb: "info", body: "D:<name>new.com</name>", code: 1000, has: `s="inactive"|!s="ok"|!<domain:ns>|!upID`},
		{verb: "info", body: "D:<name>r2.com</name>", code: 2303},
	})
}

func TestDomainInfo(t *testing.T) {
	auth := func(p string) string { return "<authInfo><pw>" + p + "</pw></authInfo>" }
	play(t, Config{}, []step{
		{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "registrant>ALICE|auth-example.com|<domain:host>ns1.example.com</|<domain:clID>demo</|<domain:crID>demo</"},
		{verb: "info", body: "D:<name>taken.com</name>", code: 1000, has: "<domain:clID>other</|<domain:exDate>|!registrant|!authInfo"},
		{verb: "info", body: "D:<name>taken.com</name>" + auth("auth-taken.com"), code: 1000, has: "registrant>BOB|<domain:pw>auth-taken.com"},
		{verb: "info", body: "D:<name>taken.com</name>" + auth("wrong"), code: 2202},
		{verb: "info", body: "D:<name>taken.com</name>" + auth(""), code: 2202},
		{verb: "info", body: `D:<name>taken.com</name><authInfo><pw roid="C1-X">auth-BOB</pw></authInfo>`, code: 2202},
		{verb: "info", body: `D:<name hosts="none">served.com</name>`, code: 1000, has: "!hostObj|!<domain:host>"},
		{verb: "info", body: `D:<name hosts="del">served.com</name>`, code: 1000, has: "hostObj|!<domain:host>"},
		{verb: "info", body: `D:<name hosts="sub">example.com</name>`, code: 1000, has: "!hostObj|<domain:host>ns2.example.com"},
		{verb: "info", body: `D:<name hosts="some">example.com</name>`, code: 2005},
		{verb: "info", body: "D:<name>locked.com</name>", code: 1000, has: "serverDeleteProhibited|serverTransferProhibited|!\"ok\""},
		{verb: "info", body: "D:<name>free.com</name>", code: 2303, has: `<domain:name xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">free.com</domain:name>`},
	})
}

// TestDomainAuthRoid: the password may be that of the registrant, named by its roid.
func TestDomainAuthRoid(t *testing.T) {
	r := start(t, Config{})
	bob := enter(t, r, "other").do("info", "C:<id>BOB</id>").want(1000).text1("infData", "roid")
	c := enter(t, r, "demo")
	ask := `D:<name>taken.com</name><authInfo><pw roid="` + bob + `">`
	c.do("info", ask+"auth-BOB</pw></authInfo>").want(1000).has("registrant")
	c.do("info", ask+"auth-taken.com</pw></authInfo>").want(2202)
}

func TestDomainUpdate(t *testing.T) {
	name := "D:<name>example.com</name>"
	play(t, Config{}, []step{
		{verb: "update", body: name, code: 2003},
		{verb: "update", body: "D:<name>free.com</name><chg/>", code: 2303},
		{verb: "update", body: "D:<name>taken.com</name><chg/>", code: 2201},
		{verb: "update", body: name + "<add><ns><hostObj>ns1.example.com</hostObj></ns></add>", code: 1000},
		{verb: "update", body: name + "<add><ns><hostObj>ns1.example.com</hostObj></ns></add>", code: 2306},
		{verb: "update", body: name + "<add><ns><hostObj>ns9.example.com</hostObj></ns></add>", code: 2303},
		{verb: "info", body: name, code: 1000, has: "hostObj>ns1.example.com|<domain:upID>demo|<domain:upDate>2031|\"ok\""},
		{verb: "update", body: name + "<rem><ns><hostObj>ns2.example.com</hostObj></ns></rem>", code: 2306},
		{verb: "update", body: name + "<add><ns><hostObj>ns2.example.com</hostObj></ns></add><rem><ns><hostObj>ns1.example.com</hostObj></ns></rem>", code: 1000},
		{verb: "info", body: name, code: 1000, has: "hostObj>ns2.example.com|!hostObj>ns1"},
		{verb: "update", body: name + `<add><contact type="admin">ALICE</contact><contact type="tech">ALICE</contact></add>`, code: 1000},
		{verb: "update", body: name + `<rem><contact type="billing">ALICE</contact></rem>`, code: 2306},
		{verb: "update", body: name + `<rem><contact type="tech">ALICE</contact></rem>`, code: 1000},
		{verb: "info", body: name, code: 1000, has: `type="admin">ALICE|!"tech"`},
		{verb: "update", body: name + `<chg><registrant>TECH-1</registrant><authInfo><pw>new pass</pw></authInfo></chg>`, code: 1000},
		{verb: "info", body: name, code: 1000, has: "registrant>TECH-1|<domain:pw>new pass<"},
		{verb: "update", body: name + `<chg><registrant>NOBODY</registrant></chg>`, code: 2303},
		{verb: "update", body: name + `<chg><registrant></registrant><authInfo><null/></authInfo></chg>`, code: 1000},
		{verb: "info", body: name, code: 1000, has: "!registrant|!authInfo"},
		{who: "other", verb: "info", body: name + "<authInfo><pw></pw></authInfo>", code: 2202},
	})
}

func TestDomainStatus(t *testing.T) {
	name := "D:<name>example.com</name>"
	set := func(op, s string) string { return name + "<" + op + `><status s="` + s + `"/></` + op + ">" }
	steps := []step{
		{verb: "update", body: set("add", "serverHold"), code: 2306},
		{verb: "update", body: set("add", "ok"), code: 2306},
		{verb: "update", body: set("add", "linked"), code: 2005}, // not a status of domains
		{verb: "update", body: set("rem", "clientHold"), code: 2306},
		{verb: "update", body: name + `<add><status s="clientHold" lang="en">Payment &lt;overdue&gt;</status></add>`, code: 1000},
		{verb: "update", body: set("add", "clientHold"), code: 2306},
		{verb: "info", body: name, code: 1000, has: `s="clientHold" lang="en">Payment &lt;overdue&gt;</|s="inactive"|!"ok"`},
		{verb: "update", body: set("rem", "clientHold"), code: 1000},
	}
	for _, p := range []struct{ status, verb, body string }{
		{"clientDeleteProhibited", "delete", "D:<name>served.com</name>"},
		{"clientRenewProhibited", "renew", "D:<name>served.com</name><curExpDate>2032-01-30</curExpDate>"},
		{"clientUpdateProhibited", "update", "D:<name>served.com</name><chg/>"},
	} {
		n := "D:<name>served.com</name>"
		steps = append(steps,
			step{verb: "update", body: n + `<add><status s="` + p.status + `"/></add>`, code: 1000},
			step{verb: p.verb, body: p.body, code: 2304, has: p.status},
			// Lifting the status is the one update that clientUpdateProhibited lets through.
			step{verb: "update", body: n + `<rem><status s="` + p.status + `"/></rem>`, code: 1000})
	}
	steps = append(steps,
		step{who: "other", verb: "update", body: "D:<name>locked.com</name><chg/>", code: 2304},
		step{verb: "delete", body: "D:<name>locked.com</name>", code: 2304},
		step{who: "demo", verb: "transfer op=\"request\"", body: "D:<name>locked.com</name><authInfo><pw>auth-locked.com</pw></authInfo>", code: 2304})
	play(t, Config{}, steps)
}

func TestDomainRenew(t *testing.T) {
	ask := func(date, period string) string {
		return "D:<name>example.com</name><curExpDate>" + date + "</curExpDate>" + period
	}
	// Example domains were made on 30 January 2031.
	play(t, Config{}, []step{
		{verb: "renew", body: ask("2032-01-31", ""), code: 2306},
		{verb: "renew", body: ask("2032-1-30", ""), code: 2005},
		{verb: "renew", body: "D:<name>example.com</name>", code: 2003},
		{verb: "renew", body: ask("2032-01-30", ""), code: 1000, has: "<domain:exDate>2033-01-30T"},
		{verb: "renew", body: ask("2032-01-30", ""), code: 2306}, // a repeat must not renew again
		{verb: "renew", body: ask("2033-01-30Z", `<period unit="m">12</period>`), code: 1000, has: "2034-01-30"},
		{verb: "renew", body: ask("2034-01-30", `<period unit="y">8</period>`), code: 2306},
		{verb: "renew", body: ask("2034-01-30", `<period unit="y">7</period>`), code: 1000, has: "2041-01-30"},
		{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: `rgpStatus s="renewPeriod"/>`},
		{who: "other", verb: "renew", body: ask("2041-01-30", ""), code: 2201},
		{verb: "renew", body: "D:<name>none.com</name><curExpDate>2032-01-30</curExpDate>", code: 2303},
	})
}

func TestDomainDelete(t *testing.T) {
	play(t, Config{}, []step{
		{verb: "delete", body: "D:<name>taken.com</name>", code: 2201},
		{verb: "delete", body: "D:<name>example.com</name>", code: 2305, has: "ns1.example.com"},
		{verb: "delete", body: "D:<name>none.com</name>", code: 2303},
		{verb: "create", body: "D:<name>young.com</name>" + pw, code: 1000},
		{verb: "delete", body: "D:<name>young.com</name>", code: 1000},
		{verb: "info", body: "D:<name>young.com</name>", code: 2303},
		{verb: "create", body: "D:<name>young.com</name>" + pw, code: 1000},
		{verb: "delete", body: "D:<name>served.com</name>", code: 1001},
		{verb: "info", body: "D:<name>served.com</name>", code: 1000, has: `"pendingDelete"|"redemptionPeriod"`},
		{verb: "delete", body: "D:<name>served.com</name>", code: 2304},
		{verb: "update", body: "D:<name>served.com</name><chg/>", code: 2304},
		{wait: 31 * day},
		{verb: "info", body: "D:<name>served.com</name>", code: 1000, has: `rgpStatus s="pendingDelete"`},
		{verb: "update", body: "D:<name>served.com</name><chg/>", ext: restoreXML("request", ""), code: 2304},
		{wait: 5 * day},
		{verb: "check", body: "D:<name>served.com</name>", code: 1000, has: `avail="1"`},
		{verb: "info", body: "H:<name>ns1.example.com</name>", code: 1000, has: `!"linked"`},
	})
}

func TestRestore(t *testing.T) {
	name := "D:<name>served.com</name>"
	play(t, Config{}, []step{
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 2304},
		{verb: "delete", body: name, code: 1001},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", report), code: 2304},
		{verb: "update", body: name + "<chg><registrant>TECH-1</registrant></chg>", ext: restoreXML("request", ""), code: 2306},
		{who: "other", verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 2201},
		{who: "demo", verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 1000, has: `<rgp:upData |<rgp:rgpStatus s="pendingRestore"/>`},
		{wait: 40 * day}, // it is not purged any more
		{verb: "info", body: name, code: 1000, has: `"pendingRestore"|"pendingDelete"`},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", ""), code: 2003},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", report), code: 1000},
		{verb: "info", body: name, code: 1000, has: `"ok"|!rgp:`},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", "<rgp:nonsense/>"), code: 2001},
	})
}

func TestSecDNS(t *testing.T) {
	name := "D:<name>example.com</name>"
	a, b := ds("12345", "49FD46E6C4B45C55D4AC"), ds("23456", "38EC35D5B3A34B44C39B")
	play(t, Config{}, []step{
		{verb: "create", body: "D:<name>signed.com</name>" + pw, ext: dsXML("create", "<maxSigLife>604800</maxSigLife>"+a), code: 1000},
		{verb: "info", body: "D:<name>signed.com</name>", code: 1000, has: "<secDNS:maxSigLife>604800</|<secDNS:keyTag>12345</|<secDNS:digest>49FD46E6C4B45C55D4AC</"},
		{verb: "create", body: "D:<name>s2.com</name>" + pw, ext: dsXML("create", a+a), code: 2306},
		{verb: "create", body: "D:<name>s3.com</name>" + pw, ext: dsXML("create", ""), code: 2003},
		{verb: "create", body: "D:<name>s4.com</name>" + pw, ext: dsXML("create", ds("65536", "AA")), code: 2004},
		{verb: "create", body: "D:<name>s5.com</name>" + pw, ext: dsXML("create", ds("1", "AAA")), code: 2005},
		{verb: "create", body: "D:<name>s6.com</name>" + pw, ext: dsXML("create", "<keyData><flags>257</flags><protocol>3</protocol><alg>13</alg><pubKey>AQPJ</pubKey></keyData>"), code: 2306},
		{verb: "check", body: "D:<name>s6.com</name>", code: 1000, has: `avail="1"`},
		{verb: "update", body: name, ext: dsXML("update", "<add>"+a+"</add>"), code: 1000},
		{verb: "update", body: name, ext: dsXML("update", "<add>"+a+"</add>"), code: 2306},
		{verb: "update", body: name, ext: dsXML("update", "<rem>"+b+"</rem>"), code: 2306},
		{verb: "update", body: name, ext: dsXML("update", "<rem>"+ds("0012345", "49fd46e6c4b45c55d4ac")+"</rem><add>"+b+"</add><chg><maxSigLife>9</maxSigLife></chg>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "keyTag>23456|maxSigLife>9<|!12345"},
		{verb: "update", body: name, ext: strings.Replace(dsXML("update", "<rem><all>true</all></rem>"), " xmlns", ` urgent="1" xmlns`, 1), code: 2102},
		{verb: "update", body: name, ext: dsXML("update", "<rem><all>false</all></rem>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "23456"},
		{verb: "update", body: name, ext: dsXML("update", "<rem><all>true</all></rem>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "!secDNS"},
		{verb: "check", body: name, ext: dsXML("create", a), code: 2103}, // not an extension of check
		{verb: "update", body: name, ext: `<orgext:update xmlns:orgext="urn:ietf:params:xml:ns:epp:orgext-1.0"/>`, code: 2103},
	})
}

func TestPendingCreate(t *testing.T) {
	play(t, Config{Empty: true, PendingDelay: time.Minute}, []step{
		{verb: "create", body: "D:<name>pending-a.com</name>" + pw, code: 1001, has: "creData"},
		{verb: "create", body: "D:<name>pending-refuse-b.com</name>" + pw, code: 1001},
		{verb: "info", body: "D:<name>pending-a.com</name>", code: 1000, has: `"pendingCreate"`},
		{verb: "update", body: "D:<name>pending-a.com</name><chg/>", code: 2304},
		{verb: "delete", body: "D:<name>pending-a.com</name>", code: 2304},
		{verb: "create", body: `H:<name>ns.pending-a.com</name><addr>192.0.2.1</addr>`, code: 2304},
		{body: `<poll op="req"/>`, code: 1300},
		{wait: time.Minute},
		{body: `<poll op="req"/>`, code: 1301, has: `count="2"|<domain:name paResult="1">pending-a.com</|<domain:paTRID><clTRID>|<domain:paDate>2031`},
		{body: `<poll op="ack" msgID="1003"/>`, code: 1000, has: `<msgQ count="1" id="1004"/>`},
		{body: `<poll op="req"/>`, code: 1301, has: `paResult="0">pending-refuse-b.com`},
		{verb: "info", body: "D:<name>pending-a.com</name>", code: 1000, has: `!"pendingCreate"`},
		{verb: "info", body: "D:<name>pending-refuse-b.com</name>", code: 2303},
		{verb: "delete", body: "D:<name>pending-a.com</name>", code: 1000},
	})
}

// TestPendingTRID: panData names the transaction by both of its ids, even if there was no clTRID.
func TestPendingTRID(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now})
	c := enter(t, r, "demo")
	rp := c.ask(epp("<command>" + objectXML("create", "D:<name>pending-1.com</name>"+pw) + "<clTRID>A&amp;B-1</clTRID></command>")).want(1001)
	sv1 := rp.text1("trID", "svTRID")
	rp = c.ask(epp("<command>" + objectXML("create", "D:<name>pending-2.com</name>"+pw) + "</command>")).want(1001).lacks("clTRID")
	sv2 := rp.text1("trID", "svTRID")
	k.step(3 * time.Second)
	rp = c.command(`<poll op="req"/>`).want(1301)
	if cl, sv := rp.text1("paTRID", "clTRID"), rp.text1("paTRID", "svTRID"); cl != "A&B-1" || sv != sv1 {
		t.Errorf("paTRID %q %q, want A&B-1 %q", cl, sv, sv1)
	}
	c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
	rp = c.command(`<poll op="req"/>`).want(1301)
	if cl, sv := rp.text1("paTRID", "clTRID"), rp.text1("paTRID", "svTRID"); cl != "" || sv != sv2 {
		t.Errorf("paTRID %q %q, want none and %q", cl, sv, sv2)
	}
}
