package upstream

import (
	"fmt"
	"testing"
	"time"

	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// onObjects are rules of which one counts objects.
func onObjects(n, burst int, shadow bool) []pool.Rule {
	return []pool.Rule{
		{Limit: ratelimit.Limit{N: 5, Per: time.Second}, Commands: allCommands()},
		{Limit: ratelimit.Limit{N: n, Per: time.Minute, Burst: burst}, Commands: allCommands(), Unit: pool.UnitObjects, Shadow: shadow},
	}
}

// names returns so many.
func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("n", i, ".example"))
	}
	return all
}

// TestCountsObjects: the account says what its limits are, also behind a reload and a grant.
func TestCountsObjects(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.session()
		want := func(most int, counts bool) {
			t.Helper()
			if m, c := p.account.CountsObjects(); m != most || c != counts {
				t.Errorf("got %d, %v, want %d, %v", m, c, most, counts)
			}
		}
		want(0, false)
		for _, tt := range []struct {
			rules  []pool.Rule
			most   int
			counts bool
		}{{onObjects(100, 0, false), 100, true}, {onObjects(100, 10, false), 10, true}, {onObjects(100, 0, true), 0, true}, {nil, 0, false}} {
			p.operate(func() error {
				return p.account.Grant(pool.Grant{MinSessions: 1, MaxSessions: 1, Rules: tt.rules})
			})
			want(tt.most, tt.counts)
		}
	})
}

// TestObjectsAreCounted: names of checks are, of clients, Callers and followers; a check is not filled late
// then, and one with too many is not sent. What waits when such a limit comes is counted, too.
func TestObjectsAreCounted(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.QueueTimeout = time.Hour }, func(p *play) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		first := p.call(c, checkOf("x.0", names(9)...))
		r.want("check")
		waits := checkOf("x.1", names(60)...)
		waits.Late = func() []byte { t.Error("it was filled"); return nil }
		k := p.call(c, waits)
		tooMany := p.ask(string(checkOf("y", names(101)...).Payload))
		p.operate(func() error {
			return p.account.Grant(pool.Grant{MinSessions: 1, MaxSessions: 1, Rules: onObjects(100, 0, false)})
		})
		if e := tooMany.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseObjects {
			t.Errorf("got %+v", e)
		}
		r.reply(1000)
		first.end()
		r.want("check")
		r.reply(1000)
		k.end()
		held := p.ask(string(checkOf("y", names(41)...).Payload))
		r.silent(50 * time.Second)
		held.waiting()
		r.want("check")
		r.reply(1000)
		if e := held.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
	inShop(t, func(c *Config) { c.Pool.Rules = onObjects(100, 0, false) }, func(s *shop) {
		s.lead()
		k := s.b.call(s.b.account.NewCaller(CallerConfig{Client: "x"}), checkOf("x.1", names(101)...))
		time.Sleep(time.Second)
		if got := k.end(); got.End != pool.EndNotSent || got.Cause != pool.CauseObjects || s.reg.count("x.1") > 0 {
			t.Errorf("got %+v of a follower's", got)
		}
	})
}
