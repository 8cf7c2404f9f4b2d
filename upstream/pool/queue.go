package pool

import "time"

// impatience is how long a command waits while the registry has been away for longer than
// QueueTimeout: long enough for a login under way, short enough that a client is not held for
// nothing.
const impatience = time.Second

// queue holds the exchanges that wait for a session. Owned by the Pool.
//
// A lane holds the exchanges to which the same rules apply and whose clients have the same weight.
// The client that has been without service the longest is first: since a client has one exchange at
// a time, eager clients take turns, and one that asks now and then does not stand behind them.
// Between weights, a virtual time decides as in weighted fair queueing: what is sent for a class
// moves its time on by the less, the more clients it has and the more each weighs; the class that
// is behind is next.
type queue struct {
	lanes   []*poolLane
	classes []*class
	again   againLane // those that a session refused as not logged in
	timed1  list      // all that wait, in order of deadline: for QueueTimeout
	timed2  list      // for impatience
	seq     uint64    // exchanges so far
}

// class is the clients of one weight.
type class struct {
	weight uint8
	active int     // exchanges that wait or are in flight
	time   float64 // virtual
}

// poolLane is one of the queue's lanes: a binary heap, the client without service the longest
// first. Most of those that come are the last; but when many that have been quiet for long come
// together, they come in any order. It is not container/heap's, whose calls by interface cost a
// command as much as all its comparisons.
type poolLane struct {
	set   ruleSet
	class *class
	heap  []*Exchange
}

func (l *poolLane) put(x *Exchange, i int) {
	l.heap[i] = x
	x.index = i
}

// up moves x, whose place may be i, towards the head as far as it goes, and puts it there.
func (l *poolLane) up(x *Exchange, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		y := l.heap[parent]
		if !x.before(y) {
			break
		}
		l.put(y, i)
		i = parent
	}
	l.put(x, i)
}

// down moves x, whose place may be i, away from the head as far as it goes, and puts it there.
func (l *poolLane) down(x *Exchange, i int) {
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			break
		}
		if child+1 < len(l.heap) && l.heap[child+1].before(l.heap[child]) {
			child++
		}
		y := l.heap[child]
		if !y.before(x) {
			break
		}
		l.put(y, i)
		i = child
	}
	l.put(x, i)
}

// before says whose turn is first. Between equals, that of who asked first.
func (x *Exchange) before(y *Exchange) bool {
	if x.Since != y.Since {
		return x.Since < y.Since
	}
	return x.seq < y.seq
}

// head is the first of the lane; nil where it is empty.
func (l *poolLane) head() *Exchange {
	if len(l.heap) == 0 {
		return nil
	}
	return l.heap[0]
}

// push puts x in its place.
func (l *poolLane) push(x *Exchange) {
	x.lane = l
	l.heap = append(l.heap, x)
	l.up(x, len(l.heap)-1)
}

// remove takes x out of its place.
func (l *poolLane) remove(x *Exchange) {
	last := len(l.heap) - 1
	y := l.heap[last]
	l.heap[last] = nil
	l.heap = l.heap[:last]
	switch {
	case y == x:
	case y.before(x):
		l.up(y, x.index)
	default:
		l.down(y, x.index)
	}
}

// leaveLane takes x out of the lane or the list in which it waits.
func (x *Exchange) leaveLane() {
	if x.lane != nil {
		x.lane.remove(x)
	} else {
		x.list.remove(x)
	}
	x.lane, x.list = nil, nil
}

// againLane holds those to be sent again, first in first out.
type againLane struct{ list }

func (l *againLane) push(x *Exchange) {
	x.list = &l.list
	l.pushBack(x)
}

func (q *queue) init() {
	q.timed1.links, q.timed2.links, q.again.links = deadlineLinks, deadlineLinks, laneLinks
}

// classCredit is how far behind the others a class may be that comes back, in commands for each of
// its clients of weight one. Clients are away between an answer and their next command; that must
// not cost them their share.
const classCredit = 2

// entered counts x as active. A class that was away for long does not get what it has missed.
func (q *queue) entered(x *Exchange) {
	q.seq++
	x.seq = q.seq
	c := q.class(x.Weight)
	if c.active++; c.active > 1 || len(q.classes) == 1 {
		return
	}
	behind, found := 0.0, false
	for _, d := range q.classes {
		if d != c && d.active > 0 && (!found || d.time < behind) {
			behind, found = d.time, true
		}
	}
	c.time = max(c.time, behind-classCredit)
}

// left says that x has ended.
func (q *queue) left(x *Exchange) { q.class(x.Weight).active-- }

// sent moves the virtual time of x's class on.
func (q *queue) sent(x *Exchange) {
	c := q.class(x.Weight)
	c.time += 1 / (float64(c.active) * float64(c.weight))
}

// lane returns the lane of a set of rules and a weight, a new one where there is none yet.
func (q *queue) lane(set ruleSet, weight uint8) *poolLane {
	for _, l := range q.lanes {
		if l.set == set && l.class.weight == weight {
			return l
		}
	}
	l := &poolLane{set: set, class: q.class(weight)}
	q.lanes = append(q.lanes, l)
	return l
}

func (q *queue) class(weight uint8) *class {
	for _, c := range q.classes {
		if c.weight == weight {
			return c
		}
	}
	c := &class{weight: weight}
	q.classes = append(q.classes, c)
	return c
}

// timed puts x, whose deadline is set, into the list of those that wait for about as long.
func (q *queue) timed(x *Exchange) {
	w := &q.timed1
	if w.tail != nil && x.deadline < w.tail.deadline && (q.timed2.tail == nil || x.deadline >= q.timed2.tail.deadline) {
		w = &q.timed2
	}
	x.waitList = w
	w.insert(x, func(y *Exchange) bool { return y.deadline <= x.deadline })
}

// overdue is an exchange whose deadline has come; nil where there is none.
func (q *queue) overdue(now time.Duration) *Exchange {
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil && w.head.deadline <= now {
			return w.head
		}
	}
	return nil
}

// deadline is the next one.
func (q *queue) deadline() time.Duration {
	at := never
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil {
			at = min(at, w.head.deadline)
		}
	}
	return at
}

// any is an exchange that waits; nil where there is none.
func (q *queue) any() *Exchange {
	if q.timed1.head != nil {
		return q.timed1.head
	}
	return q.timed2.head
}

func (q *queue) len() int { return q.timed1.n + q.timed2.n }

func (q *queue) oldest(now time.Duration) time.Duration {
	var d time.Duration
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil {
			d = max(d, now-w.head.queuedAt)
		}
	}
	return d
}
