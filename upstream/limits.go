package upstream

import (
	"container/heap"
	"math/bits"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// Scope says whose commands a limit counts together.
type Scope uint8

const (
	ScopeRegistry Scope = iota // all sessions of the account
	ScopeSession               // each session by itself
	ScopeClient                // each client identity by itself
)

// Rule is one limit, with the commands that it counts.
type Rule struct {
	Limit    ratelimit.Limit
	Scope    Scope
	Commands CommandSet
}

// MaxRules is how many rules an account can have: a set of them is one word.
const MaxRules = 64

// kind is a command with its op: what a limit can tell apart.
type kind uint8

const numKinds = frame.NumCommands * (int(frame.OpOther) + 1)

func kindOf(c frame.Command, op frame.Op) kind {
	return kind(int(c)*(int(frame.OpOther)+1) + int(op))
}

// CommandSet is a set of commands, of which poll and transfer may be in it by op only.
type CommandSet struct{ in [(numKinds + 63) / 64]uint64 }

func (s *CommandSet) add(k kind)      { s.in[k/64] |= 1 << (k % 64) }
func (s *CommandSet) has(k kind) bool { return s.in[k/64]&(1<<(k%64)) != 0 }

// Commands is the set of what covers says yes to. It is asked for every command with every op, for those that we send by
// ourselves too: login, logout and hello.
func Commands(covers func(frame.Command, frame.Op) bool) CommandSet {
	var s CommandSet
	for c := frame.CommandNone + 1; int(c) < frame.NumCommands; c++ {
		for o := frame.OpNone; o <= frame.OpOther; o++ {
			if covers(c, o) {
				s.add(kindOf(c, o))
			}
		}
	}
	return s
}

// AllCommands is the set of everything.
func AllCommands() CommandSet {
	return Commands(func(frame.Command, frame.Op) bool { return true })
}

// ruleSet is a set of rules by their index.
type ruleSet uint64

// limits are the rules of an account and the buckets of its registry scope. Owned by the Pool.
type limits struct {
	rules    []Rule
	registry []*ratelimit.Bucket // by rule; nil for another scope
	shared   [numKinds]ruleSet   // by kind: the rules of registry and session scope that count it
	client   [numKinds]ruleSet   // by kind: the rules of client scope that count it
	held     heldBudgets
}

func newLimits(rules []Rule) limits {
	if len(rules) > MaxRules {
		panic("BUG: more rules than MaxRules")
	}
	l := limits{rules: rules, registry: make([]*ratelimit.Bucket, len(rules))}
	for i, r := range rules {
		if r.Scope == ScopeRegistry {
			l.registry[i] = ratelimit.NewBucket(r.Limit)
		}
		for k := range kind(numKinds) {
			if !r.Commands.has(k) {
				continue
			}
			if r.Scope == ScopeClient {
				l.client[k] |= 1 << i
			} else {
				l.shared[k] |= 1 << i
			}
		}
	}
	return l
}

// buckets are one owner's of a scope that many share: a session's, or a client identity's. Nil where no rule has it.
func (l *limits) buckets(scope Scope) []*ratelimit.Bucket {
	var b []*ratelimit.Bucket
	for i, r := range l.rules {
		if r.Scope == scope {
			if b == nil {
				b = make([]*ratelimit.Bucket, len(l.rules))
			}
			b[i] = ratelimit.NewBucket(r.Limit)
		}
	}
	return b
}

// next is the earliest instant at which every rule of the set that has a bucket in b admits a command.
func next(b []*ratelimit.Bucket, set ruleSet, now time.Duration) time.Duration {
	at := now
	for ; set != 0 && b != nil; set &= set - 1 {
		if k := b[bits.TrailingZeros64(uint64(set))]; k != nil {
			at = max(at, k.Next(now))
		}
	}
	return at
}

func each(b []*ratelimit.Bucket, set ruleSet, f func(*ratelimit.Bucket, time.Duration), now time.Duration) {
	for ; set != 0 && b != nil; set &= set - 1 {
		if k := b[bits.TrailingZeros64(uint64(set))]; k != nil {
			f(k, now)
		}
	}
}

// Budget holds the client-scope buckets of one client identity, and its exchanges that they hold back.
type Budget struct {
	buckets []*ratelimit.Bucket
	waiting list
	wakeAt  time.Duration // when the first waiting may go; valid while waiting is not empty
	index   int           // in heldBudgets; -1 while nothing waits
}

// heldBudgets are the budgets that hold something back, the soonest first.
type heldBudgets []*Budget

func (h heldBudgets) Len() int           { return len(h) }
func (h heldBudgets) Less(i, j int) bool { return h[i].wakeAt < h[j].wakeAt }
func (h heldBudgets) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *heldBudgets) Push(x any) {
	b := x.(*Budget)
	b.index = len(*h)
	*h = append(*h, b)
}
func (h *heldBudgets) Pop() any {
	old := *h
	b := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	b.index = -1
	return b
}

// newBudget returns nil where no rule has client scope.
func (l *limits) newBudget() *Budget {
	b := l.buckets(ScopeClient)
	if b == nil {
		return nil
	}
	return &Budget{buckets: b, waiting: list{links: lane}, index: -1}
}

// charge takes x's client-scope limits, or holds x back: then it says false.
func (l *limits) charge(x *Exchange, now time.Duration) bool {
	set := l.client[x.kind]
	b := x.budget
	if b == nil || set == 0 {
		return true
	}
	if b.waiting.n == 0 && next(b.buckets, set, now) <= now {
		each(b.buckets, set, (*ratelimit.Bucket).Take, now)
		x.charged = true
		return true
	}
	x.state = exchangeHeld
	b.waiting.pushBack(x)
	l.rewake(b, now)
	return false
}

// rewake says anew when b's first waiting exchange may go.
func (l *limits) rewake(b *Budget, now time.Duration) {
	switch {
	case b.waiting.n == 0 && b.index >= 0:
		heap.Remove(&l.held, b.index)
	case b.waiting.n == 0:
	default:
		b.wakeAt = next(b.buckets, l.client[b.waiting.head.kind], now)
		if b.index < 0 {
			heap.Push(&l.held, b)
		} else {
			heap.Fix(&l.held, b.index)
		}
	}
}

// admit returns the next held exchange that its client's limits now admit, charged, or nil.
func (l *limits) admit(now time.Duration) *Exchange {
	for len(l.held) > 0 && l.held[0].wakeAt <= now {
		b := l.held[0]
		x := b.waiting.head
		set := l.client[x.kind]
		if next(b.buckets, set, now) > now {
			l.rewake(b, now)
			continue
		}
		b.waiting.remove(x)
		each(b.buckets, set, (*ratelimit.Bucket).Take, now)
		x.charged = true
		l.rewake(b, now)
		return x
	}
	return nil
}

// unhold takes a held exchange out.
func (l *limits) unhold(x *Exchange, now time.Duration) {
	x.budget.waiting.remove(x)
	l.rewake(x.budget, now)
}

// discharge gives x's client-scope slots back: as answered, or at once where nothing was sent.
func (l *limits) discharge(x *Exchange, give func(*ratelimit.Bucket, time.Duration), now time.Duration) {
	if !x.charged {
		return
	}
	x.charged = false
	each(x.budget.buckets, l.client[x.kind], give, now)
	l.rewake(x.budget, now)
}
