package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

func TestRuleLists(t *testing.T) {
	r := start(t, Config{Empty: true, MaxSessions: 3, Rules: Rules{Lists: true}})
	for i := range 3 {
		must(t, r.AddDomain(Domain{Name: fmt.Sprintf("d%d.com", i), Client: "demo"}))
	}
	must(t, r.AddDomain(Domain{Name: "other.com", Client: "other"}))
	ext := func(c *client, inner string) *reply {
		return c.ask(epp(`<extension><fred:extcommand xmlns:fred="` + nsFred + `">` + inner + `<fred:clTRID>FRED-1</fred:clTRID></fred:extcommand></extension>`))
	}
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	ext(a, "<fred:getResults/>").want(1000).lacks("fred:item")
	ext(a, "<fred:listDomains/>").want(1000).has("<fred:count>3</fred:count>", "<clTRID>FRED-1</clTRID>")
	ext(a, "<fred:getResults/>").want(1000).has("<fred:item>d0.com</fred:item><fred:item>d1.com</fred:item>").lacks("d2.com")
	// the cursor is the account's
	ext(b, "<fred:getResults/>").want(1000).has("<fred:item>d2.com</fred:item>").lacks("d1.com")
	ext(a, "<fred:getResults/>").want(1000).lacks("fred:item")
	ext(b, "<fred:listDomains/>").want(1000)
	ext(a, "<fred:getResults/>").want(1000).has("d0.com")
	ext(enter(t, r, "other"), "<fred:getResults/>").want(1000).lacks("fred:item")
	ext(a, "<fred:sendAuthInfo/>").want(2000)
	if !strings.Contains(ext(a, "").text, `code="2000"`) {
		t.Error("an empty extcommand was served")
	}
}

// TestListsBesides: without Rules.Lists the extension is unknown, and with it others still are. The
// list is a snapshot.
func TestListsBesides(t *testing.T) {
	ext := func(space, local, inner string) string {
		return epp("<extension><f:" + local + ` xmlns:f="` + space + `">` + inner + "<f:clTRID>FRED-1</f:clTRID></f:" + local + "></extension>")
	}
	c := enter(t, start(t, Config{}), "demo")
	c.ask(ext(nsFred, "extcommand", "<f:listDomains/>")).want(2000).has("<clTRID>FRED-1<")

	r := start(t, Config{Empty: true, Rules: Rules{Lists: true}})
	for _, name := range []string{"c.com", "a.com", "b.com"} {
		must(t, r.AddDomain(Domain{Name: name, Client: "demo"}))
	}
	c = enter(t, r, "demo")
	c.ask(ext("urn:x", "extcommand", "<f:listDomains/>")).want(2000)
	c.ask(ext(nsFred, "command", "<f:listDomains/>")).want(2000)
	c.ask(ext(nsFred, "extcommand", "<f:listContacts/>")).want(2000)
	c.ask(ext(nsFred, "extcommand", "<f:listDomains/>")).want(1000).has("<fred:count>3</fred:count>")
	must(t, r.AddDomain(Domain{Name: "aa.com", Client: "demo"}))
	c.do("delete", "D:<name>b.com</name>").want(1001)
	c.ask(ext(nsFred, "extcommand", "<f:getResults/>")).want(1000).has("<fred:item>a.com</fred:item><fred:item>b.com</fred:item></fred:resultsList>")
	c.ask(ext(nsFred, "extcommand", "<f:getResults/>")).want(1000).has(`"><fred:item>c.com</fred:item></fred:resultsList>`)
	c.ask(ext(nsFred, "extcommand", "<f:getResults/>")).want(1000).lacks("fred:item")
	c.ask(ext(nsFred, "extcommand", "<f:listDomains/>")).want(1000).has("<fred:count>4</fred:count>")
	if n := r.Counters(); n.Commands["extension"] != 8 || n.Executed["extension"] != 5 {
		t.Errorf("counted %d, executed %d", n.Commands["extension"], n.Executed["extension"])
	}
}
