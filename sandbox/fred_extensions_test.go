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
