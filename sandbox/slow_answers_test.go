package sandbox

import (
	"fmt"
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

// TestDelaysAddUp: Latency, ErrorDelay, the tarpit and the fault slow are added to each other, and
// the command is carried out before all of them.
func TestDelaysAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Latency: time.Second, Record: true,
			Rules:  Rules{ErrorDelay: 10 * time.Second, Tarpit: Tarpit{SecondCommand: 100 * time.Second, Exists: 1000 * time.Second}},
			Faults: faults(t, "slow=10000s:cmd=create,first=1")})
		c := connect(t, r)
		c.greet()
		took(t, time.Second, func() { c.login("demo", "demo-secret").want(1000) })
		took(t, 0, func() { c.ask(epp("<hello/>")) })
		took(t, time.Second, c.checks)
		took(t, 11111*time.Second, func() { c.do("create", "D:<name>example.com</name>"+pw).want(2302) })
		took(t, 1011*time.Second, func() { c.do("create", "D:<name>example.com</name>"+pw).want(2302) })
		took(t, 11*time.Second, func() { c.ask("<no").want(2001) })
		c.send(epp("<command>" + objectXML("create", "D:<name>new.com</name>"+pw) + "</command>"))
		synctest.Wait()
		if got := r.Executions("create", "new.com"); got != (Times{1, 1}) {
			t.Errorf("before the answer: %+v", got)
		}
		took(t, time.Second, func() { c.answered("1000") })
	})
}

// TestSecondCommand: hello, login and logout are not counted, a refused command is, and each login
// begins anew.
func TestSecondCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Rules: Rules{Tarpit: Tarpit{SecondCommand: time.Second}}, Quirks: Quirks{StayAfterLogout: true}})
		c := connect(t, r)
		c.greet()
		took(t, 0, func() { c.do("check", "D:<name>a.com</name>").want(2002) }) // nobody's
		took(t, 0, func() { c.do("check", "D:<name>a.com</name>").want(2002) })
		for range 2 {
			took(t, 0, func() { c.login("demo", "demo-secret").want(1000) })
			took(t, 0, func() { c.do("info", "D:<name>missing.com</name>").want(2303) })
			took(t, 0, func() { c.ask(epp("<hello/>")) })
			took(t, 0, func() { c.login("demo", "demo-secret").want(2002) })
			took(t, time.Second, c.checks)
			took(t, 0, c.checks)
			took(t, 0, func() { c.command("<logout/>").want(1500) })
		}
	})
}

// TestRechecksByName: the third check of a name within 4 s is delayed, whichever session or command
// it comes in; other names, commands and accounts are not.
func TestRechecksByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newClock()
		r := start(t, Config{Now: k.Now, Rules: Rules{Tarpit: Tarpit{Rechecks: time.Second}}})
		a, b, other := enter(t, r, "demo"), enter(t, r, "demo"), enter(t, r, "other")
		check := func(c *client, want time.Duration, names string) {
			t.Helper()
			took(t, want, func() { c.do("check", "D:"+names).want(1000) })
		}
		one, two := "<name>one.com</name>", "<name>two.com</name>"
		check(a, 0, one)
		check(b, 0, "<name>ONE.com</name>")
		check(a, 0, two)
		check(a, time.Second, one)
		check(b, time.Second, two+one)
		check(other, 0, one)
		took(t, 0, func() { a.do("info", "D:<name>one.com</name>").want(2303) })
		took(t, 0, func() { a.do("check", "H:<name>three.com</name>").want(1000) })
		k.step(4*time.Second - 1)
		check(a, time.Second, one)
		k.step(1)
		check(a, 0, one)
		check(a, 0, one)
		check(a, time.Second, one)
		// A name twice in one command is checked twice.
		check(a, 0, "<name>new.com</name><name>new.com</name>")
		check(a, time.Second, "<name>new.com</name>")
	})
}

// TestRechecksForgets: the names that are remembered for an account are bounded.
func TestRechecksForgets(t *testing.T) {
	r := New(Config{Rules: Rules{Tarpit: Tarpit{Rechecks: time.Second}}})
	defer r.Close()
	s := &session{r: r, account: "demo"}
	names := 0
	for i := range maxRechecked/maxCheck + 10 {
		object := &node{space: nsDomain}
		for j := range maxCheck {
			object.kids = append(object.kids, &node{space: nsDomain, local: "name", text: fmt.Sprintf("n%d-%d.com", i, j)})
		}
		s.rechecked(&request{verb: "check", object: object})
		r.gate.with("demo", func(st *standing) { names = max(names, len(st.checks)) })
	}
	if names <= maxRechecked/2 || names > maxRechecked+maxCheck {
		t.Errorf("up to %d names remembered", names)
	}
}
