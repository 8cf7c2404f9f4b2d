package pool

import (
	"slices"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// onObjects is a rule that counts the objects of all commands.
func onObjects(n int, scope Scope) Rule {
	return Rule{Limit: ratelimit.Limit{N: n, Per: time.Second}, Scope: scope, Unit: UnitObjects, Commands: allCommands()}
}

// askFor submits a check of so many objects of a client that was served at the given instant.
func (d *desk) askFor(objects int32, weight uint8, since time.Duration, b *Budget) *Exchange {
	x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: weight, Since: since, Objects: objects, Budget: b}
	d.submit(x)
	return x
}

// TestObjects: a check counts as many as it has objects, in each scope.
func TestObjects(t *testing.T) {
	for _, scope := range []Scope{ScopeRegistry, ScopeSession, ScopeClient} {
		d := newDesk(t, func(c *Config) { c.Rules = []Rule{onObjects(100, scope)} })
		d.now = time.Minute
		s, b := d.open(), NewBudget()
		used := 0
		d.now += 2 * time.Second // the login counts, too
		var sent []*Exchange
		for _, n := range []int32{60, 30, 10} {
			x := d.askFor(n, 1, 0, b)
			sent = append(sent, x)
			d.answer(s, CauseNone)
			d.wantEnd(x, EndAnswered, CauseNone)
			used += int(n)
		}
		d.wantSent(sent...)
		held := d.askFor(1, 1, 0, b)
		d.wantWaiting(held)
		if scope == ScopeRegistry {
			if got := d.limits.registry[0].Used(d.now); got != used {
				t.Errorf("got %d used, want %d", got, used)
			}
		}
		d.pass(time.Second, d.nothing)
		d.wantSent(held)
	}
}

// TestTooManyObjects: a check that no time would admit ends at once, also where new rules make it one, and
// in the scope of its client; a command of another kind never does.
func TestTooManyObjects(t *testing.T) {
	burst := onObjects(100, ScopeRegistry)
	burst.Limit.Burst = 10
	shadow := burst
	shadow.Shadow = true
	for _, tt := range []struct {
		rule  Rule
		b     *Budget
		most  int32
		bound bool
	}{
		{onObjects(100, ScopeRegistry), nil, 100, true},
		{burst, nil, 10, true},
		{onObjects(100, ScopeSession), nil, 100, true},
		{onObjects(100, ScopeClient), NewBudget(), 100, true},
		{onObjects(100, ScopeClient), nil, 100, false},
		{shadow, nil, 10, false},
		{Rule{Limit: burst.Limit, Commands: allCommands()}, nil, 10, false},
	} {
		d := newDesk(t, func(c *Config) { c.Rules = []Rule{tt.rule} })
		d.now = time.Minute
		waits := d.askFor(tt.most, 1, 0, tt.b)
		d.wantWaiting(waits)
		more := d.askFor(tt.most+1, 1, 0, tt.b)
		if !tt.bound {
			d.wantWaiting(more)
			continue
		}
		d.wantEnd(more, EndNotSent, CauseObjects)
		tt.rule.Limit.N, tt.rule.Limit.Burst = 5, 0
		d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: []Rule{tt.rule}}, d.now)
		d.step()
		d.wantEnd(waits, EndNotSent, CauseObjects)
		if d.Queued() > 0 {
			t.Error("something waits")
		}
	}
}

// TestManyObjectsAreNotPassed: a check of many objects, whose turn it is, has it, though others with few, of
// another class or kind, would be admitted sooner each time.
func TestManyObjectsAreNotPassed(t *testing.T) {
	for _, scope := range []Scope{ScopeRegistry, ScopeSession} {
		d := newDesk(t, func(c *Config) {
			c.Rules = []Rule{onObjects(10, scope), only(frame.CommandInfo, 1000, time.Second, ScopeRegistry)}
		})
		d.now = time.Minute
		s := d.open()
		small := func() {
			d.submit(&Exchange{Command: frame.CommandInfo, Query: true, Weight: 1, Since: d.now})
		}
		for range 30 {
			small()
		}
		var many *Exchange
		for i := range 3000 {
			if i == 100 {
				many = d.askFor(8, 1, d.now, nil)
			}
			if d.pass(10*time.Millisecond, d.nothing); s.InFlight() == CommandInFlight {
				x := s.Exchange()
				if d.answer(s, CauseNone); x != many {
					small()
				}
			}
			if many != nil && many.SentAt() > 0 {
				break
			}
		}
		if many == nil || many.SentAt() == 0 || many.Wait() > 6*time.Second {
			t.Errorf("scope %d: a check of 8 waited for %v among 30 that ask for one each, ten a second", scope, many.Wait())
		}
	}
}

// TestObjectsCarry: what is counted in one unit, for a rule of the other.
func TestObjectsCarry(t *testing.T) {
	rule := func(u Unit, per time.Duration) Rule {
		return Rule{Limit: ratelimit.Limit{N: 100, Per: per}, Unit: u, Commands: allCommands()}
	}
	const commands, objects = UnitCommands, UnitObjects
	for _, tt := range []struct {
		name     string
		old, now []Rule
		want     int
	}{
		{"objects", []Rule{rule(objects, time.Hour)}, []Rule{rule(objects, time.Hour)}, 24},
		{"from objects", []Rule{rule(objects, time.Hour)}, []Rule{rule(commands, time.Hour)}, 24},
		{"to objects: as one each", []Rule{rule(commands, time.Hour)}, []Rule{rule(objects, time.Hour)}, 3},
		{"to objects, for a short time: all", []Rule{rule(commands, time.Second)}, []Rule{rule(objects, time.Second)}, 100},
		{"that which knows", []Rule{rule(commands, time.Hour), rule(objects, time.Hour)}, []Rule{rule(objects, time.Hour)}, 24},
	} {
		l := newLimits(tt.old)
		for range 3 {
			x := &Exchange{Objects: 8, kind: kindOf(frame.CommandCheck, frame.OpNone)}
			x.charges.take(l.registry, l.shared[x.kind], l.need(x), 0)
			x.charges.answered(0)
		}
		l.use(tt.now, 0)
		if got := min(100, l.registry[0].Used(0)); got != tt.want {
			t.Errorf("%s: got %d used, want %d", tt.name, got, tt.want)
		}
	}
}

// TestObjectsInLedger: the unit is written down.
func TestObjectsInLedger(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.Rules = []Rule{{Name: "n", Limit: ratelimit.Limit{N: 100, Per: time.Hour}, Unit: UnitObjects, Commands: allCommands()}}
	})
	l := d.Pool.Ledger(d.now, d.now+time.Hour)
	if i := slices.IndexFunc(l.Rules, func(r LedgerRule) bool { return r.Unit == UnitObjects }); i != 0 {
		t.Errorf("got %+v", l.Rules)
	}
}
