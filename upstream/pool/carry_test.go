package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// counting returns a rule that counts the given commands.
func counting(n int, per time.Duration, commands ...frame.Command) Rule {
	return Rule{Limit: ratelimit.Limit{N: n, Per: per},
		Commands: Commands(func(c frame.Command, _ frame.Op) bool { return slices.Contains(commands, c) })}
}

// spend sends a number of commands and has them answered at once.
func (l *limits) spend(c frame.Command, n int, now time.Duration) {
	for range n {
		l.begin(c, now).answered(now)
	}
}

// begin sends a command.
func (l *limits) begin(c frame.Command, now time.Duration) *charges {
	k := kindOf(c, frame.OpNone)
	x := &Exchange{kind: k}
	l.watch(x, nil, now)
	x.charges.take(l.registry, l.shared[k], need{}, now)
	return &x.charges
}

// TestCarry: what is used of new rules after three creates, two deletes and a check.
func TestCarry(t *testing.T) {
	const create, remove, check = frame.CommandCreate, frame.CommandDelete, frame.CommandCheck
	all := []frame.Command{create, remove, check}
	hour := func(commands ...frame.Command) Rule { return counting(100, time.Hour, commands...) }
	second := func(commands ...frame.Command) Rule { return counting(50, time.Second, commands...) }
	shadow, session := hour(create), hour(create)
	shadow.Shadow, session.Scope = true, ScopeSession
	full := shadow
	full.Limit.N = 2
	for _, tt := range []struct {
		name     string
		old, now []Rule
		used     []int // of the new rules; -1: it has no bucket here
	}{
		{"the same", []Rule{hour(create)}, []Rule{hour(create)}, []int{3}},
		{"reordered", []Rule{hour(create), second(all...)}, []Rule{second(all...), hour(create)}, []int{6, 3}},
		{"another number and period", []Rule{hour(create)}, []Rule{counting(7, 24*time.Hour, create)}, []int{3}},
		{"one command more", []Rule{hour(create)}, []Rule{hour(create, remove)}, []int{3}},
		{"one less: too much", []Rule{hour(create, remove)}, []Rule{hour(create)}, []int{5}},
		{"split", []Rule{hour(create, remove)}, []Rule{hour(create), hour(remove)}, []int{5, 5}},
		{"joined", []Rule{hour(create), hour(remove)}, []Rule{hour(create, remove)}, []int{5}},
		{"other commands", []Rule{hour(create)}, []Rule{hour(remove)}, []int{0}},
		{"a new one beside", []Rule{hour(create)}, []Rule{hour(create), hour(all...)}, []int{3, 3}},
		{"known once, not twice", []Rule{hour(create), hour(create, remove)}, []Rule{hour(create, remove, check)}, []int{5}},
		{"the one that counts the fewest others", []Rule{hour(all...), hour(create, remove)}, []Rule{hour(create)}, []int{5}},
		{"two exact ones before a wide one", []Rule{hour(all...), hour(create), hour(remove)}, []Rule{counting(9, time.Hour, create, remove)}, []int{5}},
		{"the one that remembers", []Rule{second(create), hour(all...)}, []Rule{counting(9, time.Hour, create)}, []int{6}},
		{"long enough, whatever the rest", []Rule{hour(all...), second(create)}, []Rule{counting(9, time.Second, create)}, []int{3}},
		{"another scope", []Rule{session}, []Rule{hour(create)}, []int{0}},
		{"of the session", []Rule{hour(create)}, []Rule{session}, []int{-1}},
		{"no shadow any more", []Rule{shadow}, []Rule{hour(create)}, []int{3}},
		{"a full shadow does not know all", []Rule{full, hour(create, remove)}, []Rule{hour(create)}, []int{5}},
		{"nor for long", []Rule{full, second(create)}, []Rule{hour(create)}, []int{2 + 3}},
		{"a shadow as it was", []Rule{full, second(create)}, []Rule{full}, []int{2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLimits(tt.old)
			l.spend(create, 3, 0)
			l.spend(remove, 2, 0)
			l.spend(check, 1, 0)
			l.use(tt.now, 0)
			for i, want := range tt.used {
				b := l.registry
				if (b == nil || b[i] == nil) != (want < 0) {
					t.Fatalf("rule %d: got buckets %v", i, b)
				}
				if want < 0 {
					continue
				}
				if got := b[i].Used(0); got != want || b[i].Limit() != tt.now[i].Limit {
					t.Errorf("rule %d: got %d used of %v, want %d of %v", i, got, b[i].Limit(), want, tt.now[i].Limit)
				}
			}
		})
	}
}

// TestRulesChangeAtRandom changes rules while commands are in flight. At any instant each rule
// counts at least what the registry may have counted of its commands within its period. So the
// registry never counts more than a rule allows, however old the rule is. One rule of the longest
// period counts all commands, in one set or in several, so that the past is known.
func TestRulesChangeAtRandom(t *testing.T) {
	const longest = 4 * time.Second
	type command struct {
		c       frame.Command
		charges *charges
		done    time.Duration // when it was answered; never: not yet
	}
	commands := []frame.Command{frame.CommandCheck, frame.CommandCreate, frame.CommandDelete, frame.CommandInfo, frame.CommandRenew}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		draw := func() []Rule {
			parts := make([][]frame.Command, 1+rng.IntN(3))
			for _, c := range commands {
				i := rng.IntN(len(parts))
				parts[i] = append(parts[i], c)
			}
			var rules []Rule
			for _, p := range parts {
				rules = append(rules, counting(20+rng.IntN(200), longest, p...))
			}
			for range rng.IntN(4) {
				per := time.Duration(1+rng.IntN(4)) * time.Second
				r := counting(1+rng.IntN(40), per, commands[rng.IntN(len(commands))], commands[rng.IntN(len(commands))])
				r.Limit.Burst, r.Shadow = rng.IntN(r.Limit.N+1), rng.IntN(4) == 0
				rules = append(rules, r)
			}
			rng.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
			return rules
		}
		l := newLimits(draw())
		var sent []*command
		held, reloads := 0, 0
		for now := time.Duration(0); now < 40*time.Second; now += time.Duration(rng.Int64N(int64(20 * time.Millisecond))) {
			if rng.IntN(150) == 0 {
				l.use(draw(), now)
				reloads++
			}
			for _, x := range sent {
				if x.done == never && rng.IntN(8) == 0 {
					x.charges.answered(now)
					x.done = now
				}
			}
			sent = slices.DeleteFunc(sent, func(x *command) bool { return x.done+longest <= now && x.done != never })
			for i, r := range l.rules {
				count := 0
				for _, x := range sent {
					if r.Commands.has(kindOf(x.c, frame.OpNone)) && (x.done == never || x.done+r.Limit.Per > now) {
						count++
					}
				}
				if got := l.registry[i].Used(now); !r.Shadow && got < count {
					t.Fatalf("seed %d at %v, after %d reloads: rule %v counts %d, the registry %d", seed, now, reloads, r.Limit, got, count)
				}
			}
			c := commands[rng.IntN(len(commands))]
			if l.registry.next(l.shared[kindOf(c, frame.OpNone)], need{}, now) > now {
				held++
				continue
			}
			x := &command{c: c, charges: l.begin(c, now), done: never}
			if rng.IntN(20) == 0 {
				x.charges.unsent(now)
				continue
			}
			sent = append(sent, x)
		}
		if held == 0 || reloads < 10 {
			t.Errorf("seed %d: held %d times, %d reloads", seed, held, reloads)
		}
	}
}

// TestCarryToBudget: what a client has used, and has in flight, counts for the rules of its next
// command, two reloads later.
func TestCarryToBudget(t *testing.T) {
	client := func(n int, commands ...frame.Command) []Rule {
		r := counting(n, time.Hour, commands...)
		r.Scope = ScopeClient
		return []Rule{r}
	}
	d := newDesk(t, func(c *Config) { c.Rules = client(5, frame.CommandCheck) })
	s, b := d.open(), NewBudget()
	ask := func() *Exchange {
		x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Budget: b}
		d.submit(x)
		return x
	}
	ask()
	d.answer(s, CauseNone)
	inFlight := ask()
	for _, rules := range [][]Rule{client(3, frame.CommandCheck, frame.CommandInfo), client(2, frame.CommandCheck, frame.CommandCreate)} {
		d.Grant(Grant{MinSessions: 1, MaxSessions: 1, Rules: rules}, d.now)
	}
	next := ask()
	d.wantWaiting(next)
	d.answer(s, CauseNone)
	d.wantEnd(inFlight, EndAnswered, CauseNone)
	d.wantWaiting(next)
	if got := b.buckets[0].Used(d.now); got != 2 {
		t.Errorf("got %d used, want those of before", got)
	}
}
