package sandbox

import (
	"strings"
	"testing"
	"time"
)

// TestRegistrarsDay is what a registrar does from morning to night, and what it must find.
func TestRegistrarsDay(t *testing.T) {
	k := newClock()
	r := start(t, Config{Now: k.Now, RateLimit: 100, AutoApprove: 5 * day})
	demo, other := enter(t, r, "demo"), enter(t, r, "other")

	// Morning: a customer wants a domain, with name servers below it.
	demo.do("check", "D:<name>bakery.com</name><name>taken.com</name>").want(1000).has(`avail="1">bakery.com`, `avail="0">taken.com`)
	demo.do("create", `C:<id>BAKER</id>`+aliceClone).want(1000)
	demo.do("create", `D:<name>bakery.com</name><period unit="y">2</period><registrant>BAKER</registrant><contact type="admin">BAKER</contact>`+
		`<contact type="tech">TECH-1</contact>`+pw).want(1000)
	demo.do("create", "H:<name>ns1.bakery.com</name><addr>192.0.2.53</addr>").want(1000)
	demo.do("create", "H:<name>ns.elsewhere.invalid</name>").want(1000)
	demo.do("update", "D:<name>bakery.com</name><add><ns><hostObj>ns1.bakery.com</hostObj><hostObj>ns.elsewhere.invalid</hostObj></ns></add>",
		dsXML("update", "<add>"+ds("4711", "00AA")+"</add>")).want(1000)
	demo.do("info", "D:<name>bakery.com</name>").want(1000).has(
		"<domain:registrant>BAKER<", `s="ok"`, "hostObj>ns1.bakery.com", "<domain:host>ns1.bakery.com<", "keyTag>4711", `"addPeriod"`, "exDate>2033-03-01")

	// Noon: another registrar is not to touch it, until the customer gives it the password.
	other.do("info", "D:<name>bakery.com</name>").want(1000).lacks("BAKER", "2fooBAR")
	other.do("update", "D:<name>bakery.com</name><chg/>").want(2201)
	other.do("delete", "D:<name>bakery.com</name>").want(2201)
	other.do("renew", "D:<name>bakery.com</name><curExpDate>2033-03-01</curExpDate>").want(2201)
	other.do(`transfer op="request"`, "D:<name>bakery.com</name>"+pw).want(1001)
	k.step(time.Hour)
	demo.command(`<poll op="req"/>`).want(1301) // the welcome comes first
	for {
		rp := demo.command(`<poll op="req"/>`)
		if rp.code == 1300 {
			t.Fatal("no message of the transfer")
		}
		demo.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
		if strings.Contains(rp.text, "trnData") {
			rp.has("bakery.com", "<domain:trStatus>pending")
			break
		}
	}
	demo.do(`transfer op="reject"`, "D:<name>bakery.com</name>").want(1000)
	demo.do("update", `D:<name>bakery.com</name><add><status s="clientTransferProhibited"/></add><chg><authInfo><pw>other than before</pw></authInfo></chg>`).want(1000)
	other.do(`transfer op="request"`, "D:<name>bakery.com</name>"+pw).want(2202)
	other.do(`transfer op="request"`, "D:<name>bakery.com</name><authInfo><pw>other than before</pw></authInfo>").want(2304)

	// Evening: the customer wants to be rid of it all.
	demo.do("renew", "D:<name>bakery.com</name><curExpDate>2033-03-01</curExpDate>").want(1000).has("2034-03-01")
	demo.do("delete", "C:<id>BAKER</id>").want(2305)
	demo.do("delete", "D:<name>bakery.com</name>").want(2305)
	demo.do("delete", "H:<name>ns1.bakery.com</name>").want(2305)
	demo.do("update", "D:<name>bakery.com</name><rem><ns><hostObj>ns1.bakery.com</hostObj></ns></rem>").want(1000)
	demo.do("delete", "H:<name>ns1.bakery.com</name>").want(1000)
	demo.do("delete", "D:<name>bakery.com</name>").want(1000) // within the add period
	demo.do("delete", "C:<id>BAKER</id>").want(1000)
	demo.do("check", "D:<name>bakery.com</name>").want(1000).has(`avail="1"`)

	demo.command("<logout/>").want(1500)
	demo.ended()
	other.command("<logout/>").want(1500)
	breaches(t, r, Breaches{})
	n := r.Counters()
	if n.Logins != 2 || n.Logouts != 2 || n.Commands["create"] != 4 || n.Codes[2201] != 3 || n.Connections != 2 {
		t.Errorf("%+v", n)
	}
}

// TestStyles: the same command in every dress that clients give it.
func TestStyles(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	for _, doc := range []string{
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><check xmlns="urn:ietf:params:xml:ns:domain-1.0"><name>example.com</name></check></check><clTRID>S-1</clTRID></command></epp>`,
		`<ns0:epp xmlns:ns0="urn:ietf:params:xml:ns:epp-1.0" xmlns:ns1="urn:ietf:params:xml:ns:domain-1.0"><ns0:command><ns0:check><ns1:check><ns1:name>example.com</ns1:name></ns1:check></ns0:check><ns0:clTRID>S-2</ns0:clTRID></ns0:command></ns0:epp>`,
		"\ufeff<?xml version='1.0' encoding='utf-8' standalone='no'?>\r\n<!-- a --><epp xmlns='urn:ietf:params:xml:ns:epp-1.0'\r\n xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='urn:ietf:params:xml:ns:epp-1.0 epp-1.0.xsd'>\r\n<command>\r\n<check><!-- b --><d:check xmlns:d='urn:ietf:params:xml:ns:domain-1.0' xsi:schemaLocation='x y'>\r\n<d:name>\r\n example.com </d:name></d:check></check>\r\n<clTRID>S-3</clTRID>\r\n</command>\r\n</epp>\r\n",
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><d:check xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name><![CDATA[example.com]]></d:name></d:check></check><clTRID>S-4</clTRID></command></epp>`,
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><d:check xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>ex&#97;mple<!-- c -->.com</d:name></d:check></check><clTRID>S-5</clTRID></command></epp>`,
	} {
		c.ask(doc).want(1000).has(`<domain:name avail="0">example.com</domain:name>`, "<clTRID>S-")
	}
}
