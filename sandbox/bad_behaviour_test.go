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

// TestPointsAndQuota counts what Rules.BlockAt and Rules.Quota count, command by command.
func TestPointsAndQuota(t *testing.T) {
	r := start(t, Config{MaxSessions: 3, Rules: Rules{BlockAt: 1000, Quota: 1000}})
	c := enter(t, r, "demo")
	// The object service is not chosen here, so that commands fail before the store sees them.
	d := enterWith(t, r, "<objURI>"+nsHost+"</objURI>")
	points, used := 0, 0
	for _, tt := range []struct {
		c            *client
		xml          string
		code         int
		points, used int
	}{
		{c, objectXML("create", "D:<name>one.com</name>"+pw), 1000, 0, 1},
		{c, objectXML("create", "D:<name>pending-one.com</name>"+pw), 1001, 0, 1},
		{c, objectXML("create", "D:<name>one.com</name>"+pw), 2302, 10, 0},
		{c, objectXML("create", "C:<id>ALICE</id>"+aliceClone), 2302, 10, 0},
		{c, objectXML("create", "D:<name>two.com</name>"), 2003, 1, 0},
		{c, objectXML("create", "D:<name>one.invalid</name>"+pw), 2306, 1, 0},
		{c, objectXML("update", "D:<name>one.com</name>"), 2003, 1, 0},
		{c, objectXML("update", "D:<name>one.com</name><chg/>"), 1000, 0, 0},
		{c, objectXML("delete", "D:<name>one.com</name>"), 1000, 0, 1},
		{c, objectXML("delete", "D:<name>one.com</name>"), 2303, 1, 0},
		{c, objectXML("renew", "D:<name>example.com</name><curExpDate>2000-01-01</curExpDate>"), 2306, 1, 0},
		{c, objectXML(opRequest, taken+takenAuth), 1001, 0, 1},
		{c, objectXML(opRequest, taken+takenAuth), 2300, 1, 0},
		{c, objectXML(opQuery, "D:<name>example.com</name>"), 2301, 0, 0},
		{c, objectXML(opApprove, taken), 2201, 1, 0},
		{c, objectXML(opCancel, taken), 1000, 0, 0},
		{c, objectXML("info", "D:<name>missing.com</name>"), 2303, 0, 0},
		{c, objectXML("check", "D:<name></name>"), 2005, 0, 0},
		{c, `<poll op="ack" msgID="1"/>`, 2303, 0, 0},
		{c, "<renounce/>", 2000, 0, 0},
		{d, objectXML("create", "D:<name>one.com</name>"+pw), 2307, 1, 0},
	} {
		tt.c.command(tt.xml).want(tt.code)
		points, used = points+tt.points, used+tt.used
		r.gate.with("demo", func(st *standing) {
			if st.points != points || st.used != used {
				t.Errorf("after %s: %d points, %d used, want %d, %d", tt.xml, st.points, st.used, points, used)
				points, used = st.points, st.used
			}
		})
	}
	c.ask("<no").want(2001)
	r.gate.with("demo", func(st *standing) {
		if st.points != points {
			t.Error("a payload that cannot be read has points")
		}
	})
	r.gate.with("other", func(st *standing) {
		if st.points != 0 || st.used != 0 {
			t.Errorf("the other account has %+v", st)
		}
	})
	r.gate.with("nobody", func(*standing) { t.Error("nobody has a standing") })
}

// TestQuotaDays: the quota is that of a day from midnight to midnight UTC, for each account, and
// what is refused does not count.
func TestQuotaDays(t *testing.T) {
	k := newClock() // noon of 1 March
	r := start(t, Config{Now: k.Now, Rules: Rules{Quota: 1}})
	c, other := enter(t, r, "demo"), enter(t, r, "other")
	create := func(c *client, name string, code int) *reply {
		t.Helper()
		return c.do("create", "D:<name>"+name+".com</name>"+pw).want(code)
	}
	create(c, "a", 1000)
	create(c, "b", 2308).has("until 2031-03-02T00:00:00.0Z")
	create(other, "b", 1000)
	k.step(12*time.Hour - 1)
	create(c, "c", 2308)
	k.step(1)
	create(c, "c", 1000)
	create(c, "d", 2308).has("until 2031-03-03T00:00:00.0Z")
	k.step(3 * day) // days without a command are no credit
	create(c, "e", 1000)
	create(c, "f", 2308)
	if n := r.Counters(); n.Codes[2308] != 4 || n.Executed["create"] != 4 {
		t.Errorf("counted %+v", n)
	}
}

// TestBlockedAccount: the account that reaches the points is blocked at once, in all its sessions;
// hello and logout are served, a login is 2501 and others are not touched.
func TestBlockedAccount(t *testing.T) {
	r := start(t, Config{Rules: Rules{BlockAt: 3}})
	a, b, other := enter(t, r, "demo"), enter(t, r, "demo"), enter(t, r, "other")
	a.do("delete", "D:<name>missing.com</name>").want(2303)
	b.do("delete", "D:<name>missing.com</name>").want(2303)
	a.checks()
	a.do("delete", "D:<name>missing.com</name>").want(2303)
	for _, c := range []*client{a, b} {
		c.do("check", "D:<name>a.com</name>").want(2201).has("account is BLOCKED")
		c.command(`<poll op="req"/>`).want(2201)
		c.command("<renounce/>").want(2201)
		c.ask(epp("<hello/>")).has("<greeting>")
	}
	other.checks()
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2501)
	d.ended()
	a.command("<logout/>").want(1500)
	if n := r.Counters(); n.LoginsRefused != 1 || n.Codes[2201] != 6 || n.Sessions["demo"] != 1 {
		t.Errorf("counted %+v", n)
	}
}

// TestLockoutAgain: each command above the rate begins the lockout anew, a login during it does
// not; the account of a wrong password is locked as well, since the registry looks at the name
// first.
func TestLockoutAgain(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 1, RatePer: time.Hour, Now: k.Now, Rules: Rules{Lockout: time.Minute}})
	hangup := func() {
		t.Helper()
		c := enter(t, r, "demo")
		c.send(checkFrame)
		c.ended()
	}
	c := enter(t, r, "demo")
	c.checks()
	hangup()
	c.send(checkFrame) // its other session
	c.ended()
	for range 3 {
		k.step(20*time.Second - 1)
		d := connect(t, r)
		d.greet()
		d.login("demo", "wrong-secret").want(2501).has("locked until 2031-03-01T12:01:00.0Z")
		d.ended()
	}
	k.step(3)
	hangup() // still above the rate of the hour
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2501).has("locked until 2031-03-01T12:02:00.0Z")
	d.ended()
	breaches(t, r, Breaches{TooFast: 2})
}

// TestErrorsCloseCounts: errors count by code and session, and answers without error do not reset
// them. A command that was not carried out by a fault does not count; an answer that was only lost
// does.
func TestErrorsCloseCounts(t *testing.T) {
	r := start(t, Config{MaxSessions: 4, Rules: Rules{ErrorsClose: 2},
		Faults: faults(t, "silent-before:cmd=info,first=1;silent:cmd=delete,first=1")})
	c := enterWild(t, r, "demo")
	c.invalid = "2503"
	// not carried out
	c.send(epp("<command>" + objectXML("info", "D:<name>missing.com</name>") + "</command>"))
	c.checks()
	c.do("info", "D:<name>missing.com</name>").want(2303)
	c.do("create", "D:<name>example.com</name>"+pw).want(2302)
	c.checks()
	c.command("<renounce/>").want(2000)
	c.send(epp("<command>" + objectXML("info", "H:<name>ns.missing.com</name>") + "<clTRID>LAST-1</clTRID></command>"))
	c.answered("2503", "<msg>Command failed</msg>", "<clTRID>LAST-1</clTRID>")
	c.ended()
	if n := r.Counters(); n.Codes[2303] != 1 || n.Codes[2503] != 1 || n.Sessions["demo"] != 0 {
		t.Errorf("counted %+v", n)
	}
	d := enterWild(t, r, "demo")
	d.command("<renounce/>").want(2000)
	e := enterWild(t, r, "demo") // counts for itself
	e.command("<renounce/>").want(2000)
	d.ask("<no").want(2001) // another code
	d.send(epp("<command><renounce/></command>"))
	d.answered("2500")
	d.ended()
	e.checks()
	// carried out, answer lost
	e.send(epp("<command>" + objectXML("delete", "D:<name>missing.com</name>") + "</command>"))
	e.invalid = "2503"
	e.send(epp("<command>" + objectXML("delete", "D:<name>missing.com</name>") + "</command>"))
	e.answered("2503")
	e.ended()
}

// TestBillingMonths: FreeCommands counts the commands of an account in a calendar month, refused
// ones included, and says so once a month.
func TestBillingMonths(t *testing.T) {
	k := newClock() // 1 March
	r := start(t, Config{Empty: true, Now: k.Now, Rules: Rules{FreeCommands: 2}})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	poll := func(code int) {
		t.Helper()
		rp := a.command(`<poll op="req"/>`).want(code)
		if code == 1301 {
			a.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
		}
	}
	a.ask(epp("<hello/>"))                                // is free
	a.do("info", "D:<name>missing.com</name>").want(2303) // 1
	b.checks()                                            // 2
	poll(1300)                                            // 3: the surplus
	poll(1301)
	poll(1300)
	k.step(30*day + 12*time.Hour - 1) // the last instant of March
	poll(1300)
	k.step(1) // April
	poll(1300)
	poll(1300)
	b.checks() // 3
	poll(1301)
	k.step(365 * day) // April again, of another year
	poll(1300)
	poll(1300)
	poll(1300)
	poll(1301)
	enter(t, r, "other").command(`<poll op="req"/>`).want(1300)
}
