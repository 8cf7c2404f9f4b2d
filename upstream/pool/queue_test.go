package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// oneSession is a pool with a single session, which is opened by hand, and what it has sent last.
type oneSession struct {
	*Pool
	session *Session
	sent    *Exchange
}

func newOneSession() *oneSession {
	o := &oneSession{Pool: New(Config{Grant: Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: time.Hour, CommandTimeout: time.Hour}, 0)}
	o.step()
	return o
}

// step takes the actions.
func (o *oneSession) step() {
	for a, ok := o.Next(); ok; a, ok = o.Next() {
		switch a.Do {
		case DoOpen:
			o.session = a.Session
		case DoSend:
			o.sent = a.Exchange
		}
	}
}

// TestWeights: when commands wait, a client of weight 3 gets three times as many as one of weight
// 1.
func TestWeights(t *testing.T) {
	o := newOneSession()
	counts := map[uint8]int{}
	now := time.Duration(0)
	submit := func(weight uint8) {
		o.Submit(&Exchange{Command: frame.CommandCheck, Weight: weight, Since: now}, now)
	}
	for range 4 {
		submit(1)
	}
	submit(3)
	o.Opened(o.session, now)
	o.step()
	for range 700 {
		now += time.Millisecond
		x := o.sent
		counts[x.Weight]++
		o.Answered(o.session, CauseNone, now)
		submit(x.Weight)
		o.step()
	}
	if one, three := counts[1]/4, counts[3]; three < 280 || three > 330 || one < 90 || one > 106 {
		t.Errorf("a client of weight 1 got %d, one of weight 3 %d; want 100 and 300", one, three)
	}
}

// BenchmarkQueue is a submit and a dispatch with ten thousand clients waiting, in any order.
func BenchmarkQueue(b *testing.B) {
	o := newOneSession()
	for i := range 10_000 {
		o.Submit(&Exchange{Command: frame.CommandCheck, Weight: 1, Since: time.Duration(i * 7919 % 10_000)}, 0)
	}
	o.Opened(o.session, 0)
	now := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		o.step()
		now += time.Microsecond
		x := o.sent
		o.Answered(o.session, CauseNone, now)
		x.Since = now
		o.Submit(x, now)
	}
}

// TestTurns: the client that has been without service the longest is first, and between equals the
// one that asked first.
func TestTurns(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	d.now = time.Minute
	ask := func(since time.Duration) *Exchange {
		x := &Exchange{Command: frame.CommandCheck, Query: true, Weight: 1, Since: since}
		d.submit(x)
		return x
	}
	c, a, d1, b, d2 := ask(30), ask(10), ask(40), ask(20), ask(40)
	s := d.open()
	for range 4 {
		d.answer(s, CauseNone)
	}
	d.wantSent(a, b, c, d1, d2)
}

// TestHeldHead: an exchange that a limit holds does not stop those to which it does not apply.
func TestHeldHead(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{only(frame.CommandCreate, 1, time.Minute, ScopeRegistry)} })
	s := d.open()
	first := d.ask(false)
	held, query := d.ask(false), d.ask(true)
	d.answer(s, CauseNone)
	d.wantSent(first, query)
	d.wantWaiting(held)
	if len(d.queue.rows) != 2 {
		t.Errorf("%d rows, want one by the limit and one without", len(d.queue.rows))
	}
}

// TestClassCredit: clients of a weight that were away for long do not get what they have missed, but
// for a few commands.
func TestClassCredit(t *testing.T) {
	o := newOneSession()
	now := time.Duration(0)
	submit := func(weight uint8) {
		o.Submit(&Exchange{Command: frame.CommandCheck, Weight: weight, Since: now}, now)
	}
	answer := func() uint8 {
		now += time.Millisecond
		weight := o.sent.Weight
		o.Answered(o.session, CauseNone, now)
		submit(weight)
		o.step()
		return weight
	}
	for range 2 {
		submit(1)
	}
	o.Opened(o.session, now)
	o.step()
	for range 1000 { // only weight 1
		answer()
	}
	for range 2 {
		submit(2)
	}
	counts := map[uint8]int{}
	for range 300 {
		counts[answer()]++
	}
	if two := counts[2]; two < 150 || two > 215 {
		t.Errorf("weight 2 got %d of 300, want 200 or so", two)
	}
}

// TestDeadlines: with two lists, what waits shortly and what waits long end each at its own instant,
// and the oldest is found.
func TestDeadlines(t *testing.T) {
	var q queue
	q.init()
	if q.any() != nil || q.deadline() != never || q.overdue(time.Hour) != nil || q.len() != 0 || q.oldest(time.Hour) != 0 {
		t.Error("an empty queue has something")
	}
	var all []*Exchange
	for i, deadline := range []time.Duration{80, 90, 20, 30, 100, 25, 85} {
		x := &Exchange{deadline: deadline, queuedAt: time.Duration(i)}
		q.timed(x)
		if all = append(all, x); i == 1 && q.oldest(100) != 100 {
			t.Errorf("the oldest waits for %v, want 100", q.oldest(100))
		}
	}
	if q.len() != len(all) || q.any() == nil {
		t.Errorf("%d wait, want %d", q.len(), len(all))
	}
	for _, want := range []time.Duration{20, 25, 30, 80, 85, 90, 100} {
		if got := q.deadline(); got != want {
			t.Fatalf("the next deadline is %v, want %v", got, want)
		}
		if x := q.overdue(want - 1); x != nil {
			t.Errorf("at %v one of %v is overdue", want-1, x.deadline)
		}
		x := q.overdue(want)
		if x == nil || x.deadline != want {
			t.Fatalf("at %v got %+v", want, x)
		}
		x.waitList.remove(x)
	}
}

// TestRows: a row is made once for a set of rules, a weight and a standing, and a class once for a
// weight.
func TestRows(t *testing.T) {
	var q queue
	q.init()
	light, heavy, suspect := &Exchange{Weight: 1}, &Exchange{Weight: 2}, &Exchange{Weight: 1, standing: standingSuspect}
	a, b, c, d := q.rowFor(1, light), q.rowFor(2, light), q.rowFor(1, heavy), q.rowFor(1, suspect)
	if a == b || a == c || a == d || a.class != b.class || a.class == c.class || a.class != d.class {
		t.Error("rows or classes are the wrong ones")
	}
	if q.rowFor(1, light) != a || q.rowFor(2, light) != b || q.rowFor(1, heavy) != c || q.rowFor(1, suspect) != d ||
		len(q.rows) != 4 || len(q.classes) != 2 {
		t.Errorf("%d rows and %d classes, want 4 and 2", len(q.rows), len(q.classes))
	}
	x, y := &Exchange{Since: 2}, &Exchange{Since: 1}
	a.push(x)
	a.push(y)
	if got, _, _ := a.heap.First(); got != y {
		t.Error("the younger is first")
	}
	y.unqueue()
	x.unqueue()
	if a.heap.Len() != 0 || x.row != nil || x.place.In() {
		t.Errorf("%d are left in the row", a.heap.Len())
	}
	x.list = &q.again
	q.again.pushBack(x)
	if x.unqueue(); q.again.n != 0 || x.list != nil {
		t.Error("it is still in the list")
	}
}
