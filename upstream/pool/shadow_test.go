package pool

import (
	"testing"
	"time"
)

// TestShadowRuleAddedWhileQueued: a reload adds a shadow rule of client scope while an exchange waits
// in a row, whose client has buckets of the rules before.
func TestShadowRuleAddedWhileQueued(t *testing.T) {
	r1 := limited(100, time.Second, ScopeClient)
	r1.Name = "a"
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{r1} })
	s := d.open()
	x := d.ask(true)
	y := &Exchange{Command: x.Command, Query: true, Weight: 1, Since: d.now, Budget: NewBudget()}
	d.submit(y) // waits in a row: the session is busy
	r2 := limited(100, time.Second, ScopeRegistry)
	r2.Name = "b"
	r3 := only(x.Command, 1, time.Second, ScopeClient)
	r3.Name, r3.Shadow = "c", true
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{r1, r2, r3}}, d.now)
	d.step()
	d.sent = nil
	d.answer(s, CauseNone)
	d.wantSent(y)
}

// TestShadowTakesNoOthersSlot: a shadow rule at an index that the old rules had too takes no slot of
// the old rule's bucket, so that it holds nothing.
func TestShadowTakesNoOthersSlot(t *testing.T) {
	hour := limited(2, time.Hour, ScopeClient)
	hour.Name = "real"
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{hour} })
	s := d.open()
	x := d.ask(true)
	b := NewBudget()
	y := &Exchange{Command: x.Command, Query: true, Weight: 1, Since: d.now, Budget: b}
	d.submit(y) // has one of two slots of "real"
	sh := only(x.Command, 5, time.Hour, ScopeClient)
	sh.Name, sh.Shadow = "shadow", true
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{sh, hour}}, d.now)
	d.step()
	d.answer(s, CauseNone) // y is sent
	d.answer(s, CauseNone)
	z := &Exchange{Command: x.Command, Query: true, Weight: 1, Since: d.now, Budget: b}
	d.sent = nil
	d.submit(z)
	d.wantSent(z)
}
