package pool

import (
	"slices"
	"testing"
	"time"

	"eppmux/frame"
)

// TestCommandSet: a set has what its function covers, command by command and op by op; equal sets
// are equal values.
func TestCommandSet(t *testing.T) {
	polls := Commands(func(c frame.Command, op frame.Op) bool { return c == frame.CommandPoll && op == frame.OpReq })
	for c := frame.CommandNone + 1; int(c) < frame.NumCommands; c++ {
		for op := frame.OpNone; op <= frame.OpOther; op++ {
			if got, want := polls.Has(c, op), c == frame.CommandPoll && op == frame.OpReq; got != want {
				t.Errorf("%v %v: got %v", c, op, got)
			}
			if all := allCommands(); !all.Has(c, op) {
				t.Errorf("%v %v is not in the set of all", c, op)
			}
		}
	}
	again := Commands(func(c frame.Command, op frame.Op) bool { return c == frame.CommandPoll && op == frame.OpReq })
	if polls != again || polls == allCommands() || polls == (CommandSet{}) {
		t.Error("sets do not compare by what they hold")
	}
	none := Commands(func(frame.Command, frame.Op) bool { return false })
	if none != (CommandSet{}) {
		t.Error("a set of nothing is not the zero one")
	}
}

// TestKinds: each command with its op is a kind of its own.
func TestKinds(t *testing.T) {
	seen := make(map[kind]bool)
	for c := range frame.Command(frame.NumCommands) {
		for op := frame.OpNone; op <= frame.OpOther; op++ {
			k := kindOf(c, op)
			if seen[k] || int(k) >= numKinds {
				t.Errorf("%v %v has kind %d", c, op, k)
			}
			seen[k] = true
		}
	}
	if len(seen) != numKinds {
		t.Errorf("%d kinds, want %d", len(seen), numKinds)
	}
}

// TestBucketSet: a set of rules admits when each of them does, and rules without a bucket here do
// not count.
func TestBucketSet(t *testing.T) {
	l := newLimits([]Rule{
		limited(1, time.Second, ScopeRegistry),
		limited(1, time.Minute, ScopeRegistry),
		limited(1, time.Hour, ScopeSession),
	})
	b := l.registry
	var c charges
	c.take(b, 0b011, need{}, 0)
	c.answered(0)
	for _, tt := range []struct {
		set  ruleSet
		now  time.Duration
		next time.Duration
		over ruleSet
	}{
		{0, 0, 0, 0},
		{0b001, 0, time.Second, 0b001},
		{0b010, 0, time.Minute, 0b010},
		{0b011, 0, time.Minute, 0b011},
		{0b100, 0, 0, 0}, // a session's
		{0b111, 0, time.Minute, 0b011},
		{0b011, time.Second, time.Minute, 0b010},
		{0b011, time.Minute, time.Minute, 0},
		{0b011, time.Hour, time.Hour, 0},
	} {
		if got := b.next(tt.set, need{}, tt.now); got != tt.next {
			t.Errorf("%b at %v: admits at %v, want %v", tt.set, tt.now, got, tt.next)
		}
		if got := b.over(tt.set, need{}, tt.now); got != tt.over {
			t.Errorf("%b at %v: over are %b, want %b", tt.set, tt.now, got, tt.over)
		}
		if got := bucketSet(nil).next(tt.set, need{}, tt.now); got != tt.now {
			t.Errorf("%b at %v: no buckets admit at %v", tt.set, tt.now, got)
		}
		if got := bucketSet(nil).over(tt.set, need{}, tt.now); got != 0 {
			t.Errorf("%b at %v: over are %b of no buckets", tt.set, tt.now, got)
		}
	}
}

// TestCharges: slots go back to the buckets that they were taken from: a period after an answer, at
// once if nothing was sent, and whatever the rules are by then.
func TestCharges(t *testing.T) {
	l := newLimits([]Rule{limited(1, time.Minute, ScopeRegistry)})
	old := l.registry
	var c charges
	c.take(old, 1, need{}, 0)
	if got := old.next(1, need{}, 0); got == 0 {
		t.Error("a taken slot is free")
	}
	c.unsent(0)
	if got := old.next(1, need{}, 0); got != 0 {
		t.Errorf("a slot of which nothing was sent is free at %v", got)
	}
	c.take(old, 1, need{}, 0)
	l.use([]Rule{only(frame.CommandCreate, 5, time.Second, ScopeRegistry)}, 0)
	c.answered(10 * time.Second)
	if got := old.next(1, need{}, 10*time.Second); got != 70*time.Second {
		t.Errorf("the old bucket admits at %v, want 70 s", got)
	}
	if len(c) != 0 || l.registry.next(1, need{}, 0) != 0 { // it has five slots
		t.Errorf("%d charges are left; the new bucket admits at %v", len(c), l.registry.next(1, need{}, 0))
	}
	c.take(nil, 1, need{}, 0)
	c.take(old, 0, need{}, 0)
	if len(c) != 0 {
		t.Errorf("%d charges of no bucket and no rule", len(c))
	}
}

// TestTooManyRules: a set of rules is one word.
func TestTooManyRules(t *testing.T) {
	rules := make([]Rule, MaxRules+1)
	for i := range rules {
		rules[i] = limited(1, time.Second, ScopeRegistry)
	}
	newLimits(rules[:MaxRules])
	panics(t, func() { newLimits(rules) })
}

// TestRuleNames: a rule without a name is called by its index.
func TestRuleNames(t *testing.T) {
	named, plain := Rule{Name: "creates"}, Rule{}
	if named.name(3) != "creates" || plain.name(3) != "3" {
		t.Errorf("got %q and %q", named.name(3), plain.name(3))
	}
}

// TestRegistryScope: all sessions share a limit of the registry; it is free again a period after the
// answer.
func TestRegistryScope(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions = 2, 2
		c.Rules = []Rule{only(frame.CommandCreate, 1, time.Second, ScopeRegistry)}
	})
	one := d.open()
	d.open()
	x, y := d.ask(false), d.ask(false)
	d.wantSent(x)
	d.now += 300 * time.Millisecond
	d.answer(one, CauseNone)
	d.wantSent()
	d.pass(5*time.Second, func() bool { return len(d.sent) > 0 })
	if d.now != 1300*time.Millisecond {
		t.Errorf("the second was sent at %v, want 1.3 s", d.now)
	}
	d.wantSent(y)
}

// TestSessionScope: each session has a limit of its own; an exchange goes to one that admits it.
func TestSessionScope(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions = 2, 2
		c.Rules = []Rule{only(frame.CommandCreate, 1, time.Second, ScopeSession)}
	})
	one, two := d.open(), d.open()
	x := d.ask(false)
	d.answer(one, CauseNone)
	y := d.ask(false)
	if y.SentOn() != two.ID {
		t.Errorf("the second went to session %d, want the other one", y.SentOn())
	}
	d.answer(two, CauseNone)
	z, query := d.ask(false), d.ask(true)
	d.wantSent(x, y, query) // the limit is not about queries
	d.wantWaiting(z)
	d.pass(5*time.Second, func() bool { return len(d.sent) > 0 })
	d.wantSent(z)
	if d.now != time.Second || z.SentOn() != two.ID {
		t.Errorf("the third went to session %d at %v", z.SentOn(), d.now)
	}
}

// TestClientScope: a client's limit holds its own exchanges, in their order, and nobody else's.
func TestClientScope(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions = 3, 3
		c.Rules = []Rule{limited(1, time.Second, ScopeClient)}
	})
	for range 3 {
		d.open()
	}
	b := NewBudget()
	ask := func() *Exchange {
		x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b, Since: d.now}
		d.submit(x)
		return x
	}
	first, second, third := ask(), ask(), ask()
	other := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: NewBudget()}
	d.submit(other)
	nobodys := d.ask(true)
	d.wantSent(first, other, nobodys)
	for _, s := range d.sessions {
		d.answer(s, CauseNone)
	}
	for i, x := range []*Exchange{second, third} {
		d.wantWaiting(x)
		d.pass(5*time.Second, func() bool { return len(d.sent) > 0 })
		d.wantSent(x)
		if want := time.Duration(i+1) * time.Second; d.now != want {
			t.Errorf("number %d was sent at %v, want %v", i+2, d.now, want)
		}
		d.answer(d.sessions[slices.IndexFunc(d.sessions, func(s *Session) bool { return s.x == x })], CauseNone)
	}
	if d.limits.held.Len() != 0 {
		t.Error("a budget is held for nothing")
	}
}

// TestClientLimitOfNothing: a client's limit is not asked about commands that it does not count.
func TestClientLimitOfNothing(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{only(frame.CommandCreate, 1, time.Hour, ScopeClient)} })
	s, b := d.open(), NewBudget()
	for range 5 {
		x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
		d.submit(x)
		d.answer(s, CauseNone)
		d.wantEnd(x, EndAnswered, CauseNone)
	}
}

// TestBudgetFollowsRules: a budget that was made under other rules is brought up to date when it is
// used, and what was used of a limit still counts.
func TestBudgetFollowsRules(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{limited(3, time.Hour, ScopeClient)} })
	s, b := d.open(), NewBudget()
	for range 2 {
		d.submit(&Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b})
		d.answer(s, CauseNone)
	}
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{limited(2, time.Hour, ScopeClient)}}, d.now)
	x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
	d.submit(x)
	d.wantWaiting(x)
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{limited(4, time.Hour, ScopeClient)}}, d.now)
	d.step()
	d.sent = d.sent[2:]
	d.wantSent(x) // held by the old rule, admitted by the new
}

// TestShadowCounts: a shadow rule of each scope counts the commands that it would have held, and
// holds none.
func TestShadowCounts(t *testing.T) {
	for _, scope := range []Scope{ScopeRegistry, ScopeSession, ScopeClient} {
		r := limited(2, time.Minute, scope)
		r.Shadow = true
		d := newDesk(t, func(c *Config) { c.Rules = []Rule{r} })
		s, b := d.open(), NewBudget()
		for range 5 {
			x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
			d.submit(x)
			d.answer(s, CauseNone)
			d.wantEnd(x, EndAnswered, CauseNone)
		}
		if got := d.limits.exceeded[0]; got != 3 {
			t.Errorf("scope %d: %d commands were counted, want 3 of 5", scope, got)
		}
	}
}

// TestShadowWithoutBudget: a shadow rule about clients counts nothing of a client without a budget.
func TestShadowWithoutBudget(t *testing.T) {
	r := limited(1, time.Minute, ScopeClient)
	r.Shadow = true
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{r} })
	s := d.open()
	for range 3 {
		d.ask(true)
		d.answer(s, CauseNone)
	}
	if got := d.limits.exceeded[0]; got != 0 {
		t.Errorf("%d commands were counted, want none", got)
	}
}

// TestRecount: what was counted goes on under the same name, wherever the rule stands now.
func TestRecount(t *testing.T) {
	named := func(name string) Rule {
		r := limited(1, time.Second, ScopeRegistry)
		r.Name = name
		return r
	}
	l := newLimits([]Rule{named("a"), named("b"), named("")})
	l.exceeded, l.limited = []uint64{1, 2, 3}, []time.Duration{10, 20, 30}
	l.use([]Rule{named("b"), named("c"), named(""), named("a")}, 0)
	if want := []uint64{2, 0, 0, 1}; !slices.Equal(l.exceeded, want) {
		t.Errorf("got %v, want %v", l.exceeded, want)
	}
	if want := []time.Duration{20, 0, 0, 10}; !slices.Equal(l.limited, want) {
		t.Errorf("got %v, want %v", l.limited, want)
	}
}

// TestHold: the time counts for which a rule of the registry holds a command for which a session is
// idle, and for each rule by itself.
func TestHold(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.QueueTimeout = 2, 2, time.Hour
		c.Rules = []Rule{only(frame.CommandCreate, 1, 2*time.Second, ScopeRegistry), only(frame.CommandCheck, 1, 5*time.Second, ScopeRegistry)}
	})
	s := d.open()
	two := d.open()
	for _, query := range []bool{false, true} {
		d.ask(query)
	}
	d.answer(s, CauseNone)
	d.answer(two, CauseNone)
	d.ask(false)
	d.ask(true)
	d.wait(10 * time.Second)
	var sn Snapshot
	d.Snapshot(&sn, d.now)
	if sn.Limited[0] != 2*time.Second || sn.Limited[1] != 5*time.Second {
		t.Errorf("held for %v and %v, want 2 s and 5 s", sn.Limited[0], sn.Limited[1])
	}
}
