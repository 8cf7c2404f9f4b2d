package sandbox

import (
	"testing"
	"testing/synctest"
	"time"
)

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

// TestRuleZombieWords: a zombie may say anything.
func TestRuleZombieWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Rules: Rules{ZombieCommands: 1, ZombieCode: 2201, ZombieWords: "Autoriseerimise viga"}})
		c := enter(t, r, "demo")
		c.checks()
		c.do("check", "D:<name>a.com</name>").want(2201).has("<msg>Autoriseerimise viga</msg>")
		c.command(`<poll op="req"/>`).want(2201)
		c.ask(epp("<hello/>")).has("<greeting>")
		breaches(t, r, Breaches{})
	})
}

// TestLoginTimeoutOnce: LoginTimeout is for connections where nobody has logged in. A connection
// that stays open after a logout has had its login.
func TestLoginTimeoutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{LoginTimeout: time.Minute, IdleTimeout: time.Hour, Quirks: Quirks{StayAfterLogout: true}})
		c := enter(t, r, "demo")
		c.quiet(2 * time.Minute)
		c.command("<logout/>").want(1500)
		c.quiet(30 * time.Minute)
		c.login("demo", "demo-secret").want(1000)
		c.checks()
		took(t, time.Hour, c.ended)
		breaches(t, r, Breaches{})
	})
}
