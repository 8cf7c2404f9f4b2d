package sandbox

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// took checks how long something takes.
func took(t *testing.T, want time.Duration, what func()) {
	t.Helper()
	began := time.Now()
	what()
	if d := time.Since(began); d != want {
		t.Errorf("took %v, want %v", d, want)
	}
}

func TestRuleHangup(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 2, Now: k.Now, Rules: Rules{Hangup: true}})
	c := enter(t, r, "demo")
	c.checks()
	c.checks()
	c.send(checkFrame)
	c.ended()
	breaches(t, r, Breaches{TooFast: 1})

	r = start(t, Config{MaxCommands: 2, Rules: Rules{Hangup: true}})
	c = enter(t, r, "demo")
	c.checks()
	c.checks()
	c.send(checkFrame)
	c.ended()
	breaches(t, r, Breaches{TooMany: 1})
}

func TestRuleCountAll(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 4, RatePer: time.Minute, Now: k.Now, Rules: Rules{CountAll: true}})
	c := enter(t, r, "demo") // 1
	c.ask(epp("<hello/>"))   // 2
	c.checks()               // 3
	c.checks()               // 4
	c.do("check", "D:<name>a.com</name>").want(2502)
	c.ask(epp("<hello/>")).want(2502)
	c.command("<logout/>").want(2502)
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2502)
	d.login("nobody", "demo-secret").want(2200) // no account, no limit
	breaches(t, r, Breaches{TooFast: 4})
	k.step(time.Minute)
	d.login("demo", "demo-secret").want(1000)
	c.command("<logout/>").want(1500)
	if n := r.Counters(); n.LoginsRefused != 2 {
		t.Errorf("counted %+v", n)
	}
}

func TestRuleRatePerSession(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 1, Now: k.Now, Rules: Rules{RatePerSession: true}})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	a.checks()
	b.checks()
	a.do("check", "D:<name>a.com</name>").want(2502)
	k.step(time.Second)
	a.checks()
	breaches(t, r, Breaches{TooFast: 1})
}

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

func TestRuleOneFramePerRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		writes []string
	}{
		{"two in one", []string{string(unit(createFrame)) + string(unit(checkFrame))}},
		{"header first", []string{string(unit(createFrame))[:4], string(unit(createFrame))[4:]}},
	} {
		r := start(t, Config{Rules: Rules{OneFramePerRead: true}})
		c := enter(t, r, "demo")
		c.checks()
		for _, w := range tt.writes {
			c.conn.Write([]byte(w))
		}
		c.ended()
		if n := r.Counters(); n.Executed["create"] != 0 {
			t.Errorf("%s: counted %+v", tt.name, n)
		}
	}
	synctest.Test(t, func(t *testing.T) { // while the answer is being made
		r := start(t, Config{Latency: time.Second, Rules: Rules{OneFramePerRead: true}})
		c := enter(t, r, "demo")
		c.send(createFrame)
		time.Sleep(time.Second / 2)
		c.conn.Write([]byte{0})
		c.ended()
		if n := r.Counters(); n.Executed["create"] != 1 || n.Codes[1000] != 1 {
			t.Errorf("counted %+v", n)
		}
	})
}

func TestRuleSilentBadLength(t *testing.T) {
	for _, header := range []string{"\x00\x00\x00\x04", "\x00\x00\x10\x01"} {
		r := start(t, Config{MaxFrame: 4096, Rules: Rules{SilentBadLength: true}})
		c := enter(t, r, "demo")
		c.conn.Write([]byte(header + "x"))
		c.ended()
		breaches(t, r, Breaches{BadLength: 1})
	}
}

func TestRuleIdleRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{IdleTimeout: time.Minute, LoginTimeout: time.Second, MaxAge: 3 * time.Hour, Rules: Rules{IdleRefuses: true}})
		began := time.Now()
		c := enter(t, r, "demo")
		c.quiet(time.Minute - 1)
		c.checks()
		c.quiet(time.Minute + 1)
		if n := r.Counters(); n.Sessions["demo"] != 0 {
			t.Errorf("sessions %v", n.Sessions)
		}
		c.do("check", "D:<name>a.com</name>").want(2201).has("<msg>Session timeout</msg>")
		c.quiet(time.Hour)
		c.command("<logout/>").want(2201)
		c.ask(epp("<hello/>")).has("<greeting>")
		c.login("demo", "demo-secret").want(1000)
		c.checks()
		breaches(t, r, Breaches{})
		c.quiet(time.Hour)
		c.ended()
		if d := time.Since(began); d != 3*time.Hour {
			t.Errorf("ended after %v", d)
		}
	})
}

// TestRuleIdleWithoutLogin: who never logged in is closed as ever.
func TestRuleIdleWithoutLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, start(t, Config{IdleTimeout: time.Minute, Rules: Rules{IdleRefuses: true}}))
		c.greet()
		took(t, time.Minute, c.ended)
	})
}

func TestRuleLoginErrors(t *testing.T) {
	c := connect(t, start(t, Config{Rules: Rules{LoginErrors: 1}}))
	c.greet()
	c.login("demo", "wrong-secret").want(2501)
	c.ended()
}

func TestRuleErrorDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := enter(t, start(t, Config{Rules: Rules{ErrorDelay: time.Second}}), "demo")
		took(t, 0, c.checks)
		took(t, time.Second, func() { c.do("info", "D:<name>missing.com</name>").want(2303) })
		took(t, time.Second, func() { c.ask("<epp/>").want(2001) })
	})
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

func TestRuleTarpit(t *testing.T) {
	pit := Tarpit{SecondCommand: 2 * time.Second, Rechecks: 3 * time.Second, Exists: 5 * time.Second, ForeignInfo: 7 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		c := enter(t, start(t, Config{Rules: Rules{Tarpit: pit}}), "demo")
		check := func(name string) func() {
			return func() { c.do("check", "D:<name>"+name+"</name>").want(1000) }
		}
		took(t, 0, check("first.com"))
		took(t, 2*time.Second, check("second.com"))
		took(t, 0, check("same.com"))
		took(t, 0, check("same.com"))
		took(t, 3*time.Second, check("SAME.com"))
		took(t, 0, check("another.com"))
		time.Sleep(4 * time.Second)
		took(t, 0, check("same.com"))
		took(t, 5*time.Second, func() { c.do("create", "D:<name>example.com</name>"+pw).want(2302) })
		took(t, 0, func() { c.do("create", "D:<name>new.com</name>"+pw).want(1000) })
		took(t, 0, func() { c.do("info", "D:<name>new.com</name>").want(1000) })
	})
}

// TestRuleTarpitForeign: info without authInfo on what belongs to another.
func TestRuleTarpitForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Empty: true, Rules: Rules{Tarpit: Tarpit{ForeignInfo: time.Second}}})
		must(t, r.AddContact("other", "OTHER-1", "2fooBAR"))
		must(t, r.AddDomain(Domain{Name: "other.com", Client: "other", AuthInfo: "2fooBAR"}))
		must(t, r.AddHost("other", "ns.other.com"))
		must(t, r.AddHost("demo", "ns.demo.de"))
		c := enter(t, r, "demo")
		info := func(inner string) func() { return func() { c.do("info", inner).want(1000) } }
		took(t, time.Second, info("D:<name>Other.com</name>"))
		took(t, 0, info("D:<name>other.com</name>"+pw))
		took(t, time.Second, info("H:<name>ns.other.com</name>"))
		took(t, 0, info("H:<name>ns.demo.de</name>"))
		took(t, 0, func() { c.do("info", "C:<id>OTHER-1</id>").want(2201) })
		took(t, 0, func() { c.do("info", "C:<id>NONE-1</id>").want(2303) })
	})
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

func TestRuleZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, rules := range []Rules{{ZombieCommands: 3}, {ZombieAfter: time.Minute}} {
			r := start(t, Config{Rules: rules})
			c := enter(t, r, "demo")
			for range 3 {
				c.checks()
			}
			time.Sleep(time.Minute)
			for range 3 {
				c.do("check", "D:<name>a.com</name>").want(2002).has("<msg>Registrar is not logged in</msg>")
				c.ask(epp("<hello/>")).has("<greeting>")
			}
			c.command("<logout/>").want(2002)
			if n := r.Counters(); n.Sessions["demo"] != 1 || n.Executed["check"] != 3 {
				t.Errorf("%+v: counted %+v", rules, n)
			}
			enter(t, r, "demo").checks()
			breaches(t, r, Breaches{})
		}
	})
}

func TestRuleGhost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{MaxSessions: 2, IdleTimeout: time.Hour, Rules: Rules{GhostFor: time.Minute}})
		try := func(code int) *client {
			t.Helper()
			c := connect(t, r)
			c.greet()
			c.login("demo", "demo-secret").want(code)
			return c
		}
		a, b := try(1000), try(1000)
		a.command("<logout/>").want(1500) // leaves none
		a = try(1000)
		a.conn.Close()
		synctest.Wait()
		if n := r.Counters(); n.Sessions["demo"] != 1 || n.Ghosts["demo"] != 1 {
			t.Errorf("sessions %v, ghosts %v", n.Sessions, n.Ghosts)
		}
		try(2502)
		breaches(t, r, Breaches{}) // the client did nothing wrong
		time.Sleep(time.Minute - 1)
		try(2502)
		time.Sleep(time.Nanosecond)
		a = try(1000)
		if n := r.Counters(); n.Sessions["demo"] != 2 || len(n.Ghosts) != 0 {
			t.Errorf("sessions %v, ghosts %v", n.Sessions, n.Ghosts)
		}
		try(2502)
		breaches(t, r, Breaches{TooManySessions: 1})
		took(t, time.Hour-time.Minute, b.ended) // the registry itself knows whom it closed
		a.ended()
		try(1000)
		try(1000)
	})
}

func TestRuleSNI(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	for name, want := range map[string]bool{"localhost": true, "127.0.0.1": false} {
		r := start(t, Config{Rules: Rules{RequireSNI: true}})
		config := certs.Client.Clone()
		config.ServerName = name
		config.InsecureSkipVerify = true // of a test: an address as name is never sent
		conn := tlsPipe(t, r, certs.Server, config)
		_, err := conn.Read(make([]byte, 10))
		if (err == nil) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

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

// tlsPipe connects over TLS in memory.
func tlsPipe(t *testing.T, r *Registry, server, client *tls.Config) *tls.Conn {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	go r.ServeConn(tls.Server(far, server))
	return tls.Client(near, client)
}
