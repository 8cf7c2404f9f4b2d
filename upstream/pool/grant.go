package pool

import (
	"fmt"
	"slices"
	"time"
)

// Grant is what the registry grants the account: numbers of sessions, and limits. It may be a part
// of that where several pools share the account.
type Grant struct {
	MinSessions, MaxSessions int // 1 <= MinSessions <= MaxSessions
	Rules                    []Rule
}

// check panics unless g allows for one session.
func (g *Grant) check() {
	if g.MinSessions < 1 || g.MaxSessions < g.MinSessions {
		panic(fmt.Sprintf("BUG: pool of %d to %d sessions", g.MinSessions, g.MaxSessions))
	}
}

// Grant changes the numbers of sessions and the limits while the pool works, and nothing else.
// Exchanges keep their places and deadlines, sessions their ages and counts. Used slots of a limit
// still count. Sessions above a lower MaxSessions retire when they are idle.
func (p *Pool) Grant(g Grant, now time.Duration) {
	p.grant(g, now)
	p.Advance(now)
}

// grant takes the numbers of g, without acting on them.
func (p *Pool) grant(g Grant, now time.Duration) {
	g.check()
	if p.ceiling >= p.cfg.MaxSessions || p.ceiling > g.MaxSessions {
		p.ceiling, p.raiseAt = g.MaxSessions, never
	}
	same := slices.Equal(p.cfg.Rules, g.Rules)
	p.cfg.Grant = g
	p.logins.SetLimit(now, loginBudget(g.MaxSessions))
	if !same {
		p.useRules(now)
	}
}

// useRules replaces the rules in force by those of cfg.
func (p *Pool) useRules(now time.Duration) {
	p.limits.hold(0, now)
	p.limits.use(p.cfg.Rules, now)
	p.ration()
	p.requeue(now)
	p.dropUnfit(now)
	for _, s := range p.sessions {
		old := s.buckets
		s.buckets = p.limits.buckets(ScopeSession)
		carry(s.buckets, p.cfg.Rules, old, s.rules, now)
		s.rules = p.cfg.Rules
	}
}

// requeue puts the waiting exchanges into the rows of the new rules. A row orders by client and
// age, so each keeps its turn.
func (p *Pool) requeue(now time.Duration) {
	var waiting []*Exchange
	for _, l := range p.queue.rows {
		l.heap.Items(func(x *Exchange) { waiting = append(waiting, x) })
	}
	p.queue.rows = p.queue.rows[:0]
	for _, x := range waiting {
		x.place = 0 // its old row is no more
		p.queue.rowFor(p.limits.shared[x.kind], x).push(x)
	}
	var held []*Budget
	p.limits.held.Items(func(b *Budget) { held = append(held, b) })
	for _, b := range held {
		p.limits.rewake(b, now)
	}
}
