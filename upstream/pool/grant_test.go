package pool

import (
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// TestGrantLeavesTheRest: a grant changes the numbers and nothing else: ages, the ceiling that the
// registry has taught, deadlines and places stay.
func TestGrantLeavesTheRest(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.MaxAge, c.MaxCommands = 2, 4, time.Hour, 1000 })
	one := d.open()
	d.OpenFailed(d.opening[0], CauseTooManySessions, d.now) // the ceiling is one
	d.opening = nil
	for range 3 {
		d.Submit(&Exchange{Command: frame.CommandCheck, Query: true, Weight: 1}, d.now)
	}
	d.step()
	expires, most, ceiling, raiseAt := one.expires, one.most, d.ceiling, d.raiseAt
	deadline, waits := d.queue.deadline(), d.Queued()
	d.now += time.Second
	d.Grant(Grant{MinSessions: 2, MaxSessions: 3, Rules: []Rule{{Limit: ratelimit.Limit{N: 1, Per: time.Minute}, Commands: allCommands()}}}, d.now)
	d.step()
	if one.expires != expires || one.most != most {
		t.Errorf("the session's life has changed: %v %d, was %v %d", one.expires, one.most, expires, most)
	}
	if d.ceiling != ceiling || d.raiseAt != raiseAt {
		t.Errorf("the ceiling has changed: %d until %v, was %d until %v", d.ceiling, d.raiseAt, ceiling, raiseAt)
	}
	if d.queue.deadline() != deadline || d.Queued() != waits || waits != 2 {
		t.Errorf("%d wait until %v, before %d until %v", d.Queued(), d.queue.deadline(), waits, deadline)
	}
	d.Answered(one, CauseNone, d.now)
	d.step()
	if n := len(d.sent); n != 1+1 {
		t.Errorf("%d are sent, want the second by the new limit, and no third", n)
	}
}

// TestGrantCountsOn: what was used of a limit still counts for a stricter one, and a grant of the
// same rules touches none of their buckets.
func TestGrantCountsOn(t *testing.T) {
	rules := func(n int) []Rule {
		return []Rule{{Name: "all", Limit: ratelimit.Limit{N: n, Per: time.Minute}, Commands: allCommands()},
			{Name: "session", Limit: ratelimit.Limit{N: 50, Per: time.Minute}, Scope: ScopeSession, Commands: allCommands()}}
	}
	d := newDesk(t, func(c *Config) { c.Rules = rules(10) })
	s := d.open() // its login counts
	for range 4 {
		d.Submit(&Exchange{Command: frame.CommandCheck, Query: true, Weight: 1}, d.now)
		d.step()
		d.Answered(s, CauseNone, d.now)
		d.step()
	}
	registry, session := d.limits.registry[0], s.buckets[1]
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: rules(10)}, d.now)
	if d.limits.registry[0] != registry || s.buckets[1] != session {
		t.Error("the same rules have other buckets")
	}
	d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: rules(5)}, d.now)
	if got := d.Used(0, d.now); got != 1 {
		t.Errorf("%v of the stricter limit is in use, want all", got)
	}
	d.Submit(&Exchange{Command: frame.CommandCheck, Query: true, Weight: 1}, d.now)
	if d.step(); len(d.sent) != 4 {
		t.Errorf("%d are sent, want 4 within the minute", len(d.sent))
	}
}

// TestGrantOfNothing: a grant must let one session be opened.
func TestGrantOfNothing(t *testing.T) {
	for _, g := range []Grant{{}, {MinSessions: 2, MaxSessions: 1}, {MaxSessions: 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: no panic", g)
				}
			}()
			newDesk(t, func(*Config) {}).Grant(g, 0)
		}()
	}
}
