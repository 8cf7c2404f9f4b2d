package sandbox

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRuleErrorDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := enter(t, start(t, Config{Rules: Rules{ErrorDelay: time.Second}}), "demo")
		took(t, 0, c.checks)
		took(t, time.Second, func() { c.do("info", "D:<name>missing.com</name>").want(2303) })
		took(t, time.Second, func() { c.ask("<epp/>").want(2001) })
	})
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
