package pool

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// Scope is whose commands a limit counts together.
type Scope uint8

const (
	ScopeRegistry Scope = iota // all sessions of the account
	ScopeSession               // each session by itself
	ScopeClient                // each client identity by itself, over all its connections
)

// Rule is one limit, with the commands that it counts.
type Rule struct {
	Name     string // in metrics, and from one config to the next; unique, or empty: its index
	Limit    ratelimit.Limit
	Scope    Scope
	Commands CommandSet
	Unit     Unit
	Shadow   bool // counts the commands that it would hold, and holds none
}

// name returns r's Name, or else its index in the config.
func (r *Rule) name(index int) string {
	if r.Name == "" {
		return strconv.Itoa(index)
	}
	return r.Name
}

// MaxRules is the largest number of rules of an account: a ruleSet is one word.
const MaxRules = 64

// kind is a command with its op, as far as a limit tells commands apart.
type kind uint8

const numKinds = frame.NumCommands * (int(frame.OpOther) + 1)

func kindOf(c frame.Command, op frame.Op) kind {
	return kind(int(c)*(int(frame.OpOther)+1) + int(op))
}

// CommandSet is a set of commands, each with its op. Sets are comparable with ==.
type CommandSet struct{ in [(numKinds + 63) / 64]uint64 }

func (s *CommandSet) add(k kind)      { s.in[k/64] |= 1 << (k % 64) }
func (s *CommandSet) has(k kind) bool { return s.in[k/64]&(1<<(k%64)) != 0 }

// Has reports whether the command with that op is in the set.
func (s *CommandSet) Has(c frame.Command, op frame.Op) bool { return s.has(kindOf(c, op)) }

// Allows reports whether one who may send the commands of s may send a command. One that only reads by its
// name may change something by an extension (RFC 5730 section 2.7.3), such as an info that sets a new
// authInfo: then query is false, see frame.Message.Query, and it takes the right to update as well.
func (s *CommandSet) Allows(c frame.Command, op frame.Op, query bool) bool {
	return s.Has(c, op) && (query || !frame.IsQuery(c, op) || s.Has(frame.CommandUpdate, frame.OpNone))
}

// meets reports whether some command is in both sets.
func (s *CommandSet) meets(o *CommandSet) bool { return s.len() > s.outside(o) }

// remove takes the commands of o out of s.
func (s *CommandSet) remove(o *CommandSet) {
	for i := range s.in {
		s.in[i] &^= o.in[i]
	}
}

// outside is the number of commands in s that are not in o.
func (s *CommandSet) outside(o *CommandSet) int {
	rest := *s
	rest.remove(o)
	return rest.len()
}

// len is the number of commands in s.
func (s *CommandSet) len() (n int) {
	for _, in := range s.in {
		n += bits.OnesCount64(in)
	}
	return n
}

// Commands returns the set of commands for which covers returns true. It calls covers for every
// command with every op, and also for login, logout and hello, which the pool sends itself.
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

// ruleSet is a set of rules by their index.
type ruleSet uint64

// bucketSet holds one owner's buckets, by rule; nil for rules of another scope. The owner is the
// account, a session, or a client identity. A nil bucketSet has no buckets.
type bucketSet []*ratelimit.Bucket

// next returns the earliest instant at which every rule of the set that has a bucket here admits a
// command.
func (b bucketSet) next(set ruleSet, d need, now time.Duration) time.Duration {
	at := now
	for ; set != 0 && b != nil; set &= set - 1 {
		i := bits.TrailingZeros64(uint64(set))
		if k := b[i]; k != nil {
			at = max(at, k.NextN(now, d.slots(i)))
		}
	}
	return at
}

// over returns the rules of the set that have a bucket here and do not admit a command now.
func (b bucketSet) over(set ruleSet, d need, now time.Duration) ruleSet {
	var over ruleSet
	for ; set != 0 && b != nil; set &= set - 1 {
		i := bits.TrailingZeros64(uint64(set))
		if k := b[i]; k != nil && k.NextN(now, d.slots(i)) > now {
			over |= 1 << i
		}
	}
	return over
}

// dry reports whether a rule of the set holds a command only since its use is not written down.
func (b bucketSet) dry(set ruleSet) bool {
	for ; set != 0 && b != nil; set &= set - 1 {
		if k := b[bits.TrailingZeros64(uint64(set))]; k != nil && k.Dry() {
			return true
		}
	}
	return false
}

// charge are the slots that a command occupies in one bucket.
type charge struct {
	bucket *ratelimit.Bucket
	n      int
}

// charges are the slots that a command occupies. They are given back to the buckets that they were taken
// from, whatever the rules are by then.
type charges []charge

// take takes what a command needs of each rule of the set that has a bucket in b.
func (c *charges) take(b bucketSet, set ruleSet, d need, now time.Duration) {
	for ; set != 0 && b != nil; set &= set - 1 {
		i := bits.TrailingZeros64(uint64(set))
		if k := b[i]; k != nil {
			k.TakeN(now, d.slots(i))
			*c = append(*c, charge{k, d.slots(i)})
		}
	}
}

// answered gives the slots back after the answer: they are free again a period from now.
func (c *charges) answered(now time.Duration) { c.give((*ratelimit.Bucket).DoneN, now) }

// unsent gives the slots back at once, for a command of which the registry has seen nothing.
func (c *charges) unsent(now time.Duration) { c.give((*ratelimit.Bucket).UndoN, now) }

func (c *charges) give(how func(*ratelimit.Bucket, time.Duration, int), now time.Duration) {
	for i, k := range *c {
		how(k.bucket, now, k.n)
		(*c)[i] = charge{}
	}
	*c = (*c)[:0]
}

// limits are the rules of an account and the buckets of its registry scope. Owned by the Pool.
type limits struct {
	rules    []Rule
	version  int  // changes with the rules
	lanes    bool // sessions are lanes: no limits but of client scope
	registry bucketSet
	shared   [numKinds]ruleSet // by kind: the rules of registry and session scope that count it
	client   [numKinds]ruleSet // by kind: the rules of client scope that count it
	shadow   [numKinds]ruleSet // by kind: the shadow rules that count it, of any scope
	watching bool              // there are shadow rules
	objects  ruleSet           // the rules that count objects
	exceeded []uint64          // by rule: commands that a shadow rule would have held
	limited  []time.Duration   // by rule: how long it held a command while a session was idle
	blocking ruleSet           // the rules that hold such a command now
	blocked  time.Duration     // since when limited does not count their time
	held     Heap[*Budget]     // the budgets that hold exchanges, by when the first may go
}

// use replaces the rules. Used slots of an old rule count for the new ones of its scope that have
// some of its commands, see carry.
func (l *limits) use(rules []Rule, now time.Duration) {
	if len(rules) > MaxRules {
		panic("BUG: more rules than MaxRules")
	}
	old := *l
	*l = limits{rules: rules, version: old.version + 1, lanes: old.lanes, held: old.held,
		exceeded: make([]uint64, len(rules)),
		limited:  make([]time.Duration, len(rules))}
	l.registry = l.buckets(ScopeRegistry)
	carry(l.registry, rules, old.registry, old.rules, now)
	l.recount(&old)
	for i, r := range rules {
		if r.Unit == UnitObjects {
			l.objects |= 1 << i
		}
		for k := range kind(numKinds) {
			if !r.Commands.has(k) {
				continue
			}
			switch {
			case r.Shadow:
				l.shadow[k] |= 1 << i
				l.watching = true
			case r.Scope == ScopeClient:
				l.client[k] |= 1 << i
			default:
				l.shared[k] |= 1 << i
			}
		}
	}
}

// recount takes over the numbers that rules of the same names have counted.
func (l *limits) recount(old *limits) {
	for i, r := range l.rules {
		for j, o := range old.rules {
			if r.Name != "" && r.Name == o.Name {
				l.exceeded[i], l.limited[i] = old.exceeded[j], old.limited[j]
			}
		}
	}
}

// buckets returns new buckets for an owner of the scope; nil where no rule has that scope.
func (l *limits) buckets(scope Scope) bucketSet {
	var b bucketSet
	if l.lanes && scope != ScopeClient {
		return nil
	}
	for i, r := range l.rules {
		if r.Scope == scope {
			if b == nil {
				b = make(bucketSet, len(l.rules))
			}
			b[i] = ratelimit.NewBucket(r.Limit)
		}
	}
	return b
}

// carry lets the new buckets count what the old ones have counted: each that of every old rule which
// counts some of its commands, in the same scope. What other rules know already is left out, so that
// a command counts once as far as possible. Too much is counted where an old rule counts other
// commands too, and never too little of what is remembered. But where an old rule counts commands, and a
// new one with a long period objects, a check of before counts as one.
func carry(to bucketSet, rules []Rule, from bucketSet, old []Rule, now time.Duration) {
	for i, b := range to {
		if b == nil {
			continue
		}
		r, left := &rules[i], rules[i].Commands // left: those that no old rule has been found for
		var found []*ratelimit.Bucket
		blind := false // an old rule does not know how many objects its commands had
		for _, j := range byWorth(r, from, old) {
			o := &old[j]
			if !left.meets(&o.Commands) {
				continue
			}
			found = append(found, from[j])
			if r.Unit > o.Unit {
				blind = true
				continue
			}
			if r.Shadow || !o.Shadow { // a shadow rule does not count what it would have held
				left.remove(&o.Commands)
			}
		}
		if b.Inherit(now, found...); blind && r.Limit.Per <= keptFrom {
			b.Fill(now) // it costs little
		}
	}
}

// byWorth returns the indices of the old rules that have a bucket, by what they can tell about r:
// first those that remember as long as r does, the others by how long they remember; of equals first
// those that count objects, if r does; those that are no shadow rules; then those that count the fewest
// other commands, and the most of
// r's own.
func byWorth(r *Rule, from bucketSet, old []Rule) []int {
	var all []int
	for j, b := range from {
		if b != nil {
			all = append(all, j)
		}
	}
	shadow := func(o *Rule) int {
		if o.Shadow {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(i, j int) int {
		x, y := &old[i], &old[j]
		return cmp.Or(
			-cmp.Compare(min(x.Limit.Per, r.Limit.Per), min(y.Limit.Per, r.Limit.Per)),
			-cmp.Compare(min(x.Unit, r.Unit), min(y.Unit, r.Unit)),
			cmp.Compare(shadow(x), shadow(y)),
			cmp.Compare(x.Commands.outside(&r.Commands), y.Commands.outside(&r.Commands)),
			-cmp.Compare(x.Commands.len(), y.Commands.len()),
			cmp.Compare(x.Limit.Per, y.Limit.Per),
		)
	})
	return all
}

// hold sets the rules that hold a command from now on, and counts the time of the rules that did
// until now.
func (l *limits) hold(blocking ruleSet, now time.Duration) {
	for set := l.blocking; set != 0; set &= set - 1 {
		l.limited[bits.TrailingZeros64(uint64(set))] += now - l.blocked
	}
	l.blocking, l.blocked = blocking, now
}

// watch lets the shadow rules count a command that is about to be sent.
func (l *limits) watch(x *Exchange, session bucketSet, now time.Duration) {
	if !l.watching {
		return
	}
	for set := l.shadow[x.kind]; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(uint64(set))
		one := ruleSet(1) << i
		owner := l.registry
		switch l.rules[i].Scope {
		case ScopeSession:
			owner = session
		case ScopeClient:
			owner = nil
			if x.Budget != nil {
				l.current(x.Budget, now) // a reload may have come while x waited in a row
				owner = x.Budget.buckets
			}
		}
		d := l.need(x)
		if owner.next(one, d, now) > now {
			l.exceeded[i]++
			continue
		}
		x.charges.take(owner, one, d, now)
	}
}

// Budget is the state of the client-scope limits of one client identity. Owned by the Pool.
type Budget struct {
	version int    // of the limits that the buckets belong to
	rules   []Rule // that the buckets belong to
	buckets bucketSet
	waiting list  // the exchanges that the buckets hold, first in first out
	place   Place // in limits.held while an exchange waits
}

// NewBudget returns the Budget of an identity that has sent nothing yet.
func NewBudget() *Budget { return &Budget{waiting: list{links: rowLinks}} }

// current gives b buckets of the rules in force.
func (l *limits) current(b *Budget, now time.Duration) {
	if b.version == l.version {
		return
	}
	buckets := l.buckets(ScopeClient)
	carry(buckets, l.rules, b.buckets, b.rules, now)
	b.version, b.rules, b.buckets = l.version, l.rules, buckets
}

// charge takes a slot of each client-scope rule that counts x, and reports whether it could.
// Otherwise it holds x in its Budget.
func (l *limits) charge(x *Exchange, now time.Duration) bool {
	b := x.Budget
	if b == nil {
		return true
	}
	l.current(b, now)
	set := l.client[x.kind]
	if set == 0 {
		return true
	}
	if d := l.need(x); b.waiting.n == 0 && b.buckets.next(set, d, now) <= now {
		x.charges.take(b.buckets, set, d, now)
		return true
	}
	x.state = exchangeHeld
	x.list = &b.waiting
	b.waiting.pushBack(x)
	l.rewake(b, now)
	return false
}

// rewake works out anew when b's first waiting exchange may go.
func (l *limits) rewake(b *Budget, now time.Duration) {
	if b.waiting.n == 0 {
		if b.place.In() {
			l.held.Remove(b.place)
		}
		return
	}
	l.current(b, now)
	x := b.waiting.head
	key := Key{At: b.buckets.next(l.client[x.kind], l.need(x), now)}
	if b.place.In() {
		l.held.Move(b.place, key)
	} else {
		l.held.Push(b, &b.place, key)
	}
}

// admit takes out and charges the next held exchange that its client's limits admit now; nil where
// there is none.
func (l *limits) admit(now time.Duration) *Exchange {
	for b, key, ok := l.held.First(); ok && key.At <= now; b, key, ok = l.held.First() {
		x := b.waiting.head
		set, d := l.client[x.kind], l.need(x)
		if b.buckets.next(set, d, now) > now {
			l.rewake(b, now)
			continue
		}
		b.waiting.remove(x)
		x.list = nil
		x.charges.take(b.buckets, set, d, now)
		l.rewake(b, now)
		return x
	}
	return nil
}

// unhold takes x, which its Budget holds, out of it.
func (l *limits) unhold(x *Exchange, now time.Duration) {
	x.Budget.waiting.remove(x)
	l.rewake(x.Budget, now)
}
