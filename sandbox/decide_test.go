package sandbox

import (
	"strings"
	"testing"
)

// enterWith opens a session of demo that has chosen objects and extensions as a login writes them.
func enterWith(t *testing.T, r *Registry, svcs string) *client {
	t.Helper()
	c := connect(t, r)
	c.wild = true // what some tests send breaks the schemas and is ignored
	c.greet()
	c.command(loginXML("demo", "demo-secret", "", "1.0", "en", svcs)).want(1000)
	return c
}

// TestIgnoredExtension: with UnknownExtension 1000 an extension that the login did not choose has
// no effect, whatever it holds, and the rest of the command is carried out. RFC 5730 section 2.7.3.
func TestIgnoredExtension(t *testing.T) {
	r := start(t, Config{UnknownExtension: 1000})
	c := enterWith(t, r, allObjects)
	served := "D:<name>served.com</name>"
	c.do("delete", served).want(1001)
	for _, ext := range []string{
		restoreXML("request", ""),
		`<rgp:update xmlns:rgp="` + nsRGP + `"/>`,
		`<rgp:info xmlns:rgp="` + nsRGP + `"/>`,
	} {
		c.do("update", served+"<chg/>", ext).want(2304).has("pendingDelete")
	}
	d := enterWith(t, r, allObjects+allExtensions)
	d.do("info", served).want(1000).has(`rgpStatus s="redemptionPeriod"`).lacks("pendingRestore")

	c.do("create", "D:<name>plain.com</name>"+pw, dsXML("create", ds("1", "AA"))).want(1000)
	c.do("create", "D:<name>bad.com</name>"+pw, dsXML("create", "<nonsense/>")).want(1000)
	c.do("update", "D:<name>plain.com</name>", dsXML("update", "<add>"+ds("2", "BB")+"</add>")).want(1000)
	for _, name := range []string{"plain.com", "bad.com"} {
		d.do("info", "D:<name>"+name+"</name>").want(1000).lacks("secDNS:dsData")
	}
}

// TestUnknownExtensionRefused: by default the same commands are answered 2103 and change nothing.
func TestUnknownExtensionRefused(t *testing.T) {
	r := start(t, Config{Record: true})
	c := enterWith(t, r, allObjects)
	c.do("create", "D:<name>plain.com</name>"+pw, dsXML("create", ds("1", "AA"))).want(2103).has(nsSecDNS)
	c.do("update", "D:<name>example.com</name><chg/>", restoreXML("request", "")).want(2103).has(nsRGP)
	c.do("check", "D:<name>plain.com</name>").want(1000).has(`avail="1"`)
	if got := r.Executions("create", "plain.com"); got != (Times{Received: 1}) {
		t.Errorf("executions %+v", got)
	}
}

// TestExtensionOfAnotherCommand: an extension element belongs to the command of its own name, and
// to domains.
func TestExtensionOfAnotherCommand(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	for _, tt := range []struct {
		verb, body, ext string
	}{
		{"info", "D:<name>example.com</name>", dsXML("create", ds("1", "AA"))},
		{"delete", "D:<name>example.com</name>", dsXML("update", "<rem><all>1</all></rem>")},
		{"renew", "D:<name>example.com</name><curExpDate>2032-01-30</curExpDate>", restoreXML("request", "")},
		{"create", "C:<id>NEW-1</id>" + aliceClone, dsXML("create", ds("1", "AA"))},
		{"update", "H:<name>ns1.example.com</name><chg><name>ns7.example.com</name></chg>", dsXML("update", "<rem><all>1</all></rem>")},
		{"check", "D:<name>a.com</name>", strings.ReplaceAll(dsXML("infData", ""), "infData", "check")},
	} {
		rp := c.do(tt.verb, tt.body, tt.ext)
		if rp.code != 2103 {
			t.Errorf("%s %s with %s: got %d, want 2103", tt.verb, tt.body, tt.ext, rp.code)
		}
	}
}

// TestReasonNamesObject: RFC 5730 section 2.6: value identifies the object that caused the error,
// with its own namespace, and undef stands where there is none.
func TestReasonNamesObject(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	for _, tt := range []struct{ xml, value string }{
		{objectXML("info", "D:<name>No&amp;Where.com</name>"), ""},
		{objectXML("info", "D:<name>NoWhere.com</name>"), `<domain:name xmlns:domain="` + nsDomain + `">NoWhere.com</domain:name>`},
		{objectXML("info", "H:<name>ns.nowhere.com</name>"), `<host:name xmlns:host="` + nsHost + `">ns.nowhere.com</host:name>`},
		{objectXML("info", "C:<id>NOBODY</id>"), `<contact:id xmlns:contact="` + nsContact + `">NOBODY</contact:id>`},
		{`<poll op="ack" msgID="nine"/>`, "<undef/>"},
		{"<renounce/>", "<undef/>"},
	} {
		rp := c.command(tt.xml)
		if rp.code < 2000 {
			t.Errorf("%s: got %d", tt.xml, rp.code)
		}
		if tt.value != "" && !strings.Contains(rp.text, "<extValue><value>"+tt.value+"</value><reason>") {
			t.Errorf("%s: no value %s in %s", tt.xml, tt.value, rp.text)
		}
		if tt.value == "" && !strings.Contains(rp.text, "No&amp;Where.com") {
			t.Errorf("%s: value is not escaped: %s", tt.xml, rp.text)
		}
	}
}

// TestOrderOfTests: of several faults of one command the first test decides: command, object
// service, extension, object's command, name of the object's element, its content.
func TestOrderOfTests(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	bad := `<x:y xmlns:x="urn:x"/>`
	for _, tt := range []struct {
		xml  string
		code int
	}{
		{"<renounce/><extension>" + bad + "</extension>", 2000},
		{`<check><x:check xmlns:x="urn:x"/></check><extension>` + bad + "</extension>", 2307},
		{objectXML("check", "D:<nome/>", bad), 2103},
		{objectXML("renew", "H:<nome/>", bad), 2103},
		{objectXML("renew", "H:<nome/>"), 2101},
		{`<check><d:info xmlns:d="` + nsDomain + `"><d:nome/></d:info></check>`, 2001},
		{objectXML("check", "D:<name></name>"), 2005},
		{objectXML("transfer", "D:<nome/>"), 2003},
		{objectXML(`transfer op="steal"`, "D:<nome/>"), 2005},
	} {
		if rp := c.command(tt.xml); rp.code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.xml, rp.code, tt.code)
		}
	}
}
