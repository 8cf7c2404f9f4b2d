package pool

import "time"

// impatience is how long a command waits once the registry has been away for longer than
// QueueTimeout: long enough for a login under way, short enough for a client that waits in vain.
const impatience = time.Second

// queue contains the exchanges that wait for a session. Owned by the Pool.
//
// A row contains the exchanges to which the same rules apply, of clients of the same weight and
// standing. The client that has been without service the longest is first. Since a client has one
// exchange at a time, eager clients take turns, and one that asks now and then does not stand
// behind them.
//
// Between weights, a virtual time decides as in weighted fair queueing. Each command that is sent
// for a class moves its time on, by the less the more clients it has and the more each weighs. The
// class with the least time is next.
type queue struct {
	rows    []*row
	classes []*class
	again   list // exchanges that a session refused as not logged in
	// All that wait, in two lists in order of deadline; see timed.
	timed1, timed2 list

	seq uint64 // exchanges so far
}

// class stands for the clients of one weight.
type class struct {
	weight uint8
	active int     // clients with an exchange that waits or is in flight
	time   float64 // virtual
}

// Flow is a client that may have several exchanges at a time, all of one weight: it counts as one for its
// class, as a client with one exchange does. It submits one only while none of them waits, so that it takes
// turns with the others. Owned by the Pool.
type Flow struct{ active int } // exchanges that wait or are in flight

// row is one of the queue's rows.
type row struct {
	set      ruleSet
	standing standing
	class    *class
	heap     Heap[*Exchange] // by turn
}

// rowKey is the place of x in the order of a row: the client without service the longest is
// first, between equals the one that asked first.
func (x *Exchange) rowKey() Key { return Key{At: x.Since, Seq: x.seq} }

// push puts x into the row.
func (l *row) push(x *Exchange) {
	x.row = l
	l.heap.Push(x, &x.place, x.rowKey())
}

// unqueue takes x out of its row, or the list in a row's stead.
func (x *Exchange) unqueue() {
	if x.row != nil {
		x.row.heap.Remove(x.place)
	} else {
		x.list.remove(x)
	}
	x.row, x.list = nil, nil
}

func (q *queue) init() {
	q.timed1.links, q.timed2.links, q.again.links = deadlineLinks, deadlineLinks, rowLinks
}

// classCredit is how far behind the others a class may be that becomes active again, in commands
// for each of its clients of weight one. Clients are away between an answer and their next command,
// which must not cost them their share.
const classCredit = 2

// began counts x as active. A class that was inactive for long does not get what it has missed.
func (q *queue) began(x *Exchange) {
	q.seq++
	x.seq = q.seq
	if f := x.Flow; f != nil {
		if f.active++; f.active > 1 {
			return
		}
	}
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

// ended counts x as active no more.
func (q *queue) ended(x *Exchange) {
	if f := x.Flow; f != nil {
		if f.active--; f.active > 0 {
			return
		}
	}
	q.class(x.Weight).active--
}

// sent moves the virtual time of x's class on by one command.
func (q *queue) sent(x *Exchange) {
	c := q.class(x.Weight)
	c.time += 1 / (float64(c.active) * float64(c.weight))
}

// rowFor returns the row of a set of rules, for exchanges like x, and makes it where there is none
// yet.
func (q *queue) rowFor(set ruleSet, x *Exchange) *row {
	for _, l := range q.rows {
		if l.set == set && l.class.weight == x.Weight && l.standing == x.standing {
			return l
		}
	}
	l := &row{set: set, standing: x.standing, class: q.class(x.Weight)}
	q.rows = append(q.rows, l)
	return l
}

// class returns the class of a weight, and makes it where there is none yet.
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

// timed puts x, whose deadline is set, into one of the two lists by deadline. With two of them x is
// nearly always the last of one, though some exchanges wait for QueueTimeout and others for
// impatience.
func (q *queue) timed(x *Exchange) {
	w := &q.timed1
	if w.tail != nil && x.deadline < w.tail.deadline && (q.timed2.tail == nil || x.deadline >= q.timed2.tail.deadline) {
		w = &q.timed2
	}
	x.waitList = w
	w.insert(x, func(y *Exchange) bool { return y.deadline <= x.deadline })
}

// overdue returns an exchange whose deadline has come; nil where there is none.
func (q *queue) overdue(now time.Duration) *Exchange {
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil && w.head.deadline <= now {
			return w.head
		}
	}
	return nil
}

// deadline returns the soonest deadline; never where nothing waits.
func (q *queue) deadline() time.Duration {
	at := never
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil {
			at = min(at, w.head.deadline)
		}
	}
	return at
}

// any returns a waiting exchange; nil where there is none.
func (q *queue) any() *Exchange {
	if q.timed1.head != nil {
		return q.timed1.head
	}
	return q.timed2.head
}

// len returns the number of waiting exchanges.
func (q *queue) len() int { return q.timed1.n + q.timed2.n }

// oldest returns the longest wait. Deadlines are in the order of submission, nearly, so the heads
// tell.
func (q *queue) oldest(now time.Duration) time.Duration {
	var d time.Duration
	for _, w := range []*list{&q.timed1, &q.timed2} {
		if w.head != nil {
			d = max(d, now-w.head.queuedAt)
		}
	}
	return d
}
