package batch

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

const (
	// openMost is how many commands of a line wait at the account, so that a second session that becomes free
	// at the same moment finds one. The second is there only where the first cannot have all names.
	openMost = 2
	// fixedMost is the number of commands at the account whose names are fixed already, in flight or not,
	// where a limit counts names.
	fixedMost = 4
	// retriesMost is the number of groups of a line that are asked again from which nothing new is asked.
	retriesMost = 8
)

// group are the names that one command asks for together.
type group struct {
	l       *line
	items   []*item
	payload []byte // immutable
	clTRID  string // immutable once it has gone
	fees    bool   // it asks for prices
	noFees  NoFees // why not, though the line does
	fault   error  // why there is no payload

	from []*part // whose turn it was; nil: it is asked again
	// Of what is asked again, see again.go.
	split  *split // of which it is a part; nil: of none
	level  int    // number of splits that led to it, levels at most
	levels int
	last   bool // it is not asked again, but in the way that split demands
	trial  bool // without prices, to see whether the question about them is what the registry refuses
	tried  bool // that has been seen: it is not
	caller caller

	live   int                // items for which somebody waits
	cancel context.CancelFunc // ends the command while it waits

	waits, gone slot // the two states that a command may be in with this group
}

// slot says what a command has: a group that may still be replaced by another, or that has gone with it.
type slot struct {
	g    *group
	gone bool
}

// command is one that waits at the account. What it asks for is decided when it goes.
type command struct {
	l      *line  // immutable
	first  *group // that it was submitted with; immutable
	seq    uint64 // of the line, when it was submitted; immutable
	cancel func() // immutable
	slot   atomic.Pointer[slot]

	settled, withdrawn bool // it is no command of the line any more; guarded by d.mu
}

// late returns what is sent. On the loop of the account: it takes no lock.
func (c *command) late() []byte {
	for {
		s := c.slot.Load()
		if s.gone {
			return nil
		}
		if c.slot.CompareAndSwap(s, &s.g.gone) {
			c.l.poke()
			return s.g.payload
		}
	}
}

// group makes a group of items, with its payload.
func (l *line) group(items []*item, from []*part) *group {
	g := &group{l: l, items: items, from: from, caller: l.caller, levels: levels(len(items))}
	g.waits, g.gone = slot{g, false}, slot{g, true}
	g.fees, g.noFees = l.d.prices(l, time.Now())
	return g
}

// write makes the payload. clTRID empty: the id of the first name's request.
func (g *group) write(clTRID string) {
	names := make([]string, len(g.items))
	for i, it := range g.items {
		names[i] = it.name
	}
	check := &mapping.CheckCommand{Of: mapping.DomainObject, Names: names}
	if g.fees {
		check.Fee = g.l.fee
	}
	g.clTRID = cmp.Or(clTRID, g.items[0].waiters[0].q.r.RequestID)
	g.payload, g.fault = g.l.d.c.codec.marshal(check, g.clTRID)
}

// byRequest puts the names of each request together, requests in the order of their first: so halves part
// requests. from are the parts that they were picked from.
func byRequest(items []*item, from []*part) []*item {
	inOrder := true
	for i, pt := range from {
		inOrder = inOrder && (i == 0 || from[i-1].rank <= pt.rank)
	}
	if inOrder {
		return items
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return from[a].rank - from[b].rank })
	sorted := make([]*item, len(items))
	for i, at := range order {
		sorted[i] = items[at]
	}
	return sorted
}

// unload takes out of the line what has gone with its commands.
func (l *line) unload() {
	for i := 0; i < len(l.open); {
		c := l.open[i]
		if s := c.slot.Load(); s.gone {
			l.settle(c, s.g)
		} else {
			i++
		}
	}
}

// settle takes the items of a group that has gone with c out of the line.
func (l *line) settle(c *command, g *group) {
	c.settled = true
	l.open = slices.DeleteFunc(l.open, func(o *command) bool { return o == c })
	g.cancel = c.cancel
	g.depart()
}

// depart makes the items of a group, which has gone, wait no more in the line.
func (g *group) depart() {
	l := g.l
	// Those that were answered meanwhile, or went with another command, are no business of this one.
	g.items = slices.DeleteFunc(slices.Clone(g.items), func(it *item) bool { return it.state != itemWaiting })
	for _, it := range g.items {
		it.yield()
		it.state, it.group = itemSent, g
	}
	g.live = len(g.items)
	l.rotate(g.from)
	g.tell()
}

// lose notes that nobody waits for one of the items any more.
func (g *group) lose() {
	if g.live--; g.live == 0 && g.cancel != nil {
		g.cancel()
	}
}

// tell logs the requests of a check, which has the id of one of them.
func (g *group) tell() {
	log := g.l.d.c.log()
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	var ids []string
	for _, it := range g.items {
		for _, w := range it.waiters {
			if id := w.q.r.RequestID; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	log.Debug("check goes", "registry", g.l.d.name, "cltrid", g.clTRID, "names", len(g.items), "requests", ids)
}

// pack composes the commands at the account anew: as many as there are names for.
func (l *line) pack(now time.Time) {
	if _, counted := l.d.account.objects(); counted {
		l.packFixed(now)
		return
	}
	for again := true; again; {
		again = l.compete(l.d.checkMax(now))
	}
}

// compete does what pack does, and reports whether one of the commands has gone meanwhile.
func (l *line) compete(most int) (again bool) {
	l.unload()
	want := openMost
	if l.retries >= retriesMost {
		want = len(l.open)
	}
	items, from := l.compose(most * want)
	i := 0
	for ; len(items) > 0; i++ {
		n := min(most, len(items))
		put := l.refill
		if i == len(l.open) {
			put = l.submit
		}
		if !put(i, items[:n:n], from[:n:n]) {
			return true
		}
		items, from = items[n:], from[n:]
	}
	for len(l.open) > i {
		if !l.withdraw(l.open[i]) {
			return true
		}
	}
	return false
}

// withdraw ends a command for which no names are left, and reports whether it still waited. Should it go
// nevertheless, nobody hears of it.
func (l *line) withdraw(c *command) bool {
	if s := c.slot.Load(); s.gone || !c.slot.CompareAndSwap(s, &c.first.gone) {
		return false
	}
	c.cancel()
	c.settled, c.withdrawn = true, true
	l.open = slices.DeleteFunc(l.open, func(o *command) bool { return o == c })
	return true
}

// refill gives the i-th command that waits another group, and reports whether it still waited.
func (l *line) refill(i int, items []*item, from []*part) bool {
	c := l.open[i]
	s := c.slot.Load()
	if s.gone {
		return false
	}
	items = byRequest(items, from)
	if slices.Equal(s.g.items, items) {
		s.g.from = from
		return true
	}
	g := l.group(items, from)
	if g.write(c.first.clTRID); g.fault != nil { // the account keeps the clTRID that it knows
		l.refuse(g)
		return false
	}
	return c.slot.CompareAndSwap(s, &g.waits)
}

// submit has one command more wait at the account, and reports whether it does.
func (l *line) submit(_ int, items []*item, from []*part) bool {
	g := l.group(byRequest(items, from), from)
	if g.write(""); g.fault != nil {
		l.refuse(g)
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &command{l: l, first: g, seq: l.seq, cancel: cancel}
	c.slot.Store(&g.waits)
	l.open = append(l.open, c)
	go c.run(ctx)
	return true
}

// refuse takes names that cannot be written out of the line, and asks for them in parts.
func (l *line) refuse(g *group) {
	g.depart()
	l.d.refused(g, &mapping.Response{Results: []mapping.Result{{Message: g.fault.Error()}}}, time.Now())
}

// run carries the command. It ends with it.
func (c *command) run(ctx context.Context) {
	defer c.cancel()
	r, err := c.l.caller.Do(ctx, upstream.Call{Payload: c.first.payload, Late: c.late})
	a := c.l.d.read(r, err)
	d := c.l.d
	d.mu.Lock()
	defer d.unlock()
	defer c.l.poke()
	if c.withdrawn {
		return
	}
	if s := c.slot.Load(); !c.settled && s.gone {
		c.l.settle(c, s.g)
	} else if !c.settled && a.result.End == pool.EndNotSent && a.err == nil {
		c.l.unsent(c, a)
		return
	} else if !c.settled {
		c.slot.Store(&c.first.gone) // it went as it was submitted
		c.l.settle(c, c.first)
	}
	d.ended(c.slot.Load().g, a, time.Now())
}

// unsent ends a command that waited in vain. All that waited as long as it do so no longer; those that came
// later may still be lucky.
func (l *line) unsent(c *command, a answered) {
	l.open = slices.DeleteFunc(l.open, func(o *command) bool { return o == c })
	out := l.d.failure(NotSent, a.result.Cause.String(), 0, "")
	for _, u := range l.byName {
		for e := u.parts.Front(); e != nil; {
			pt := e.Value.(*part)
			if e = e.Next(); pt.seq <= c.seq {
				pt.drop(func(it *item) *outcome {
					if it.state != itemWaiting {
						return nil
					}
					return out
				})
			}
		}
	}
}
