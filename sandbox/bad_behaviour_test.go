package sandbox

import (
	"testing"
	"time"
)

func TestRuleLockout(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 1, Now: k.Now, Rules: Rules{Lockout: 300 * time.Second}})
	a, b, c := enter(t, r, "demo"), enter(t, r, "demo"), enter(t, r, "other")
	a.checks()
	a.send(checkFrame)
	a.ended()
	b.send(epp("<hello/>")) // the account's other sessions go, too
	b.ended()
	c.checks()
	k.step(300*time.Second - 1)
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2501).has("locked until 2031-03-01T12:05:00.0Z")
	d.ended()
	k.step(1)
	enter(t, r, "demo").checks()
}

func TestRuleErrorsClose(t *testing.T) {
	for _, tt := range []struct {
		name string
		send string
		code int
		last string
	}{
		{"2303", objectXML("info", "D:<name>missing.com</name>"), 2303, "2503"},
		{"2000", "<renounce/>", 2000, "2500"},
		{"2302", objectXML("create", "D:<name>example.com</name>"+pw), 2302, "2502"},
	} {
		r := start(t, Config{Rules: Rules{ErrorsClose: 3}})
		c := enterWild(t, r, "demo")
		if tt.last == "2503" {
			c.invalid = "a code of its own"
		}
		c.command(tt.send).want(tt.code)
		c.command(tt.send).want(tt.code)
		c.command(`<poll op="ack"/>`).want(2003) // of another kind
		c.checks()
		c.send(epp("<command>" + tt.send + "<clTRID>LAST-1</clTRID></command>"))
		c.answered(tt.last, "<clTRID>LAST-1</clTRID>")
		c.ended()
		d := enterWild(t, r, "demo") // a new session starts from none
		d.command(tt.send).want(tt.code)
	}
}

func TestRuleBlock(t *testing.T) {
	r := start(t, Config{MaxSessions: 4, Rules: Rules{BlockAt: 12}})
	c := enter(t, r, "demo")
	c.do("create", "D:<name>example.com</name>"+pw).want(2302) // 10 points
	c.do("info", "D:<name>missing.com</name>").want(2303)      // none: changes nothing
	c.do("delete", "D:<name>missing.com</name>").want(2303)    // 1
	c.do("create", "D:<name>new.com</name>"+pw).want(1000)
	c.do("delete", "D:<name>missing.com</name>").want(2303) // 12
	c.do("check", "D:<name>a.com</name>").want(2201).has("account is BLOCKED")
	c.ask(epp("<hello/>")).has("<greeting>")
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2501).has("BLOCKED")
	d.ended()
	enter(t, r, "other").checks()
	c.command("<logout/>").want(1500)
}

func TestRuleQuota(t *testing.T) {
	k := newClock() // noon
	r := start(t, Config{Now: k.Now, Rules: Rules{Quota: 2}})
	c := enter(t, r, "demo")
	create := func(name string) *reply { return c.do("create", "D:<name>"+name+"</name>"+pw) }
	create("one.com").want(1000)
	create("one.com").want(2302) // not carried out, not counted
	create("two.com").want(1000)
	create("three.com").want(2308).has("no protected transactions until 2031-03-02T00:00:00.0Z")
	c.do("delete", "D:<name>one.com</name>").want(2308)
	c.do("transfer op=\"request\"", "D:<name>one.com</name>"+pw).want(2308)
	c.checks() // all else goes on
	c.do("transfer op=\"query\"", "D:<name>one.com</name>").want(2301)
	c.do("create", "C:<id>NEW-1</id>"+aliceClone).want(1000)
	k.step(12*time.Hour - time.Second)
	create("three.com").want(2308)
	k.step(time.Second)
	create("three.com").want(1000)
}

func TestRuleFreeCommands(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now, Rules: Rules{FreeCommands: 3}})
	c := enter(t, r, "demo")
	for range 3 {
		c.checks()
	}
	c.command(`<poll op="req"/>`).want(1300) // the surplus
	rp := c.command(`<poll op="req"/>`).want(1301).has("further ones are billed")
	c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
	c.command(`<poll op="req"/>`).want(1300) // once a month
	k.step(31 * 24 * time.Hour)
	for range 4 {
		c.checks()
	}
	c.command(`<poll op="req"/>`).want(1301)
}
