package batch

import (
	"container/list"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// lineKey says whose names may be in one check.
type lineKey struct {
	weight uint8
	user   string // who is asked apart from others; empty: all users of the weight
	fee    string // see feeKey; empty: without prices
}

// line has the names that wait to be asked together. It lives as long as some wait.
type line struct {
	// Immutable.
	d      *desk
	key    lineKey
	fee    *mapping.FeeCheck
	caller caller
	wake   chan struct{} // that something has changed; holds one; not closed

	// Guarded by d.mu.
	index   map[string]*item // that wait
	users   list.List        // of *userTurn, the one whose turn is next first
	byName  map[string]*userTurn
	waiting int        // items
	open    []*command // that wait at the account, in order
	fixed   int        // groups at the account that do not change any more
	retries int        // groups that are asked again, and have no answer yet
	seq     uint64     // parts so far
	epoch   uint64     // compositions so far
}

// userTurn is a user among those who take turns.
type userTurn struct {
	name  string
	parts list.List // of *part, the one whose turn is next first
	place *list.Element

	// Of the composition with that number: the part that is next, and whether none has a name left.
	epoch uint64
	at    *list.Element
	spent bool
}

// part are the names of one request in one line.
type part struct {
	d     *desk    // immutable
	q     *request // immutable
	l     *line
	items []*item // each once
	next  int     // all before it wait no more
	user  *userTurn
	place *list.Element // nil: none of the items waits
	seq   uint64

	epoch uint64 // of the composition that at and rank belong to
	at    int    // all before it are taken
	rank  int    // number of names that were picked before its first
}

type itemState uint8

const (
	itemWaiting itemState = iota
	itemSent
	itemDone
)

// item is a name that is asked for, by one request or several.
type item struct {
	name    string // as canonical has it
	l       *line  // in which it waits, or has waited
	waiters []waiter
	group   *group // with which it was sent last
	picked  uint64 // number of the composition that has it
	state   itemState
}

// waiter is a place in a request for which an item is asked.
type waiter struct {
	q      *request
	index  int32
	noFees bool // prices were asked for, and the registry has none
}

func newLine(d *desk, key lineKey, fee *mapping.FeeCheck, u *carry.User) *line {
	l := &line{d: d, key: key, fee: fee, wake: make(chan struct{}, 1), index: make(map[string]*item),
		byName: make(map[string]*userTurn)}
	if key.user == "" {
		l.caller = d.caller(key.weight)
	} else {
		l.caller = d.callerOf(u)
	}
	return l
}

// poke has run look at the line again. From any goroutine, the loop too.
func (l *line) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run keeps the line's commands filled and under way. It ends when nothing waits, and the line with it.
func (l *line) run() {
	for range l.wake {
		l.d.mu.Lock()
		l.pack(time.Now())
		over := l.waiting == 0 && len(l.open) == 0
		if over {
			delete(l.d.lines, l.key)
		}
		l.d.unlock()
		if over {
			return
		}
	}
}

// admit lets names wait.
func (l *line) admit(q *request, names []named) *part {
	l.unload() // nobody joins what has been sent
	l.seq++
	pt := &part{d: l.d, l: l, q: q, seq: l.seq, items: make([]*item, 0, len(names))}
	items, waiters := make([]item, len(names)), make([]waiter, len(names))
	noFees := q.r.Fee != nil && l.fee == nil
	for i, n := range names {
		waiters[i] = waiter{q, n.index, noFees}
		it := l.index[n.name]
		if it == nil {
			it = &items[i]
			it.name, it.waiters = n.name, waiters[i:i+1:i+1]
			l.take(it)
			pt.items = append(pt.items, it)
			continue
		}
		if it.waiters[len(it.waiters)-1].q != q { // else a name that the request has twice
			pt.items = append(pt.items, it)
		}
		it.waiters = append(it.waiters, waiters[i])
	}
	l.enter(pt)
	before := len(l.open)
	if before == 0 {
		l.pack(time.Now()) // nobody waits before these: they need not wait for run either
	}
	if before > 0 || len(l.open) == 0 { // run composes anew, or ends where all were refused
		l.poke()
	}
	return pt
}

// take lets an item wait in the line. One that is there already under its name is not joined by it.
func (l *line) take(it *item) {
	it.l = l
	l.waiting++
	if l.index[it.name] == nil {
		l.index[it.name] = it
	}
}

// yield takes an item that waits out of its line.
func (it *item) yield() {
	it.l.waiting--
	if it.l.index[it.name] == it {
		delete(it.l.index, it.name)
	}
}

// enter gives a part its turn, behind the others of its user.
func (l *line) enter(pt *part) {
	name := pt.q.r.User.Name
	u := l.byName[name]
	if u == nil {
		u = &userTurn{name: name}
		u.place = l.users.PushBack(u)
		l.byName[name] = u
	}
	pt.user, pt.place = u, u.parts.PushBack(pt)
}

// exit takes away a part of which nothing waits, and its user with the last one.
func (l *line) exit(pt *part) {
	if pt.place == nil {
		return
	}
	u := pt.user
	if u.at == pt.place {
		u.at = pt.place.Next()
	}
	u.parts.Remove(pt.place)
	pt.place = nil
	if u.parts.Len() == 0 {
		l.users.Remove(u.place)
		delete(l.byName, u.name)
	}
}

// leave answers all that a request still waits for, and takes it away. d.mu is not held.
func (pt *part) leave(detail string) {
	d := pt.d
	d.mu.Lock()
	defer d.unlock()
	pt.l.unload()
	pt.drop(func(it *item) *outcome {
		if it.state == itemSent {
			return d.failure(NoAnswer, detail, 0, it.group.clTRID)
		}
		return d.failure(NotSent, detail, 0, "")
	})
	pt.l.poke()
}

// drop gives the part's request the outcome of each item that has no answer yet, but for those of which it
// is nil, and takes the request away from them. Nothing of the part waits any more.
func (pt *part) drop(outcomeOf func(*item) *outcome) {
	for _, it := range pt.items {
		if it.state == itemDone {
			continue
		}
		if out := outcomeOf(it); out != nil {
			pt.release(it, out)
		}
	}
	pt.l.exit(pt)
}

// release gives the part's request the outcome of an item.
func (pt *part) release(it *item, out *outcome) {
	d := pt.d
	kept := make([]waiter, 0, len(it.waiters)-1)
	for _, w := range it.waiters {
		if w.q == pt.q {
			d.out = append(d.out, posted{w.q, delivery{w.index, w.noFees, out}})
		} else {
			kept = append(kept, w)
		}
	}
	if it.waiters = kept; len(kept) > 0 {
		return
	}
	if it.state == itemWaiting {
		it.yield()
	} else {
		it.group.lose()
	}
	it.state = itemDone
}
