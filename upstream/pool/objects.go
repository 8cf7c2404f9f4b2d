package pool

import (
	"math/bits"
	"time"
)

// Some registries count the names in checks, not the commands. A check takes as many slots of such a limit
// as it has objects, at once. So that one with many is not passed by those with few for ever, what stands
// behind it in the order of the queue, and needs a limit that holds it, waits too.

// Unit is what a limit counts.
type Unit uint8

const (
	UnitCommands Unit = iota
	// UnitObjects: each object of a check by itself. Any other command counts as one.
	UnitObjects
)

// need is how many slots a command takes: n of each rule of a set, and one of each other rule. The zero
// need is one of each.
type need struct {
	of ruleSet
	n  int
}

// slots is how many slots of a rule, by its index, the command takes.
func (d *need) slots(rule int) int {
	if d.of&(1<<rule) != 0 {
		return d.n
	}
	return 1
}

// need returns what x takes.
func (l *limits) need(x *Exchange) need {
	if l.objects == 0 || x.Objects <= 1 {
		return need{}
	}
	return need{l.objects, int(x.Objects)}
}

// fits reports whether the limits can ever admit x.
func (l *limits) fits(x *Exchange) bool {
	if l.objects == 0 || x.Objects <= 1 {
		return true
	}
	set := l.shared[x.kind]
	if x.Budget != nil {
		set |= l.client[x.kind]
	}
	for set &= l.objects; set != 0; set &= set - 1 {
		if int(x.Objects) > l.rules[bits.TrailingZeros64(uint64(set))].Limit.Most() {
			return false
		}
	}
	return true
}

// dropUnfit ends the waiting exchanges that new rules never admit.
func (p *Pool) dropUnfit(now time.Duration) {
	if p.limits.objects == 0 {
		return
	}
	var unfit []*Exchange
	p.Waiting(func(x *Exchange) {
		if !p.limits.fits(x) {
			unfit = append(unfit, x)
		}
	})
	for _, x := range unfit {
		p.giveUp(x, CauseObjects, now)
	}
}

// Waiting calls f for each exchange that waits. f must not change the pool, but may set Objects before rules
// come into force that count them.
func (p *Pool) Waiting(f func(*Exchange)) {
	for _, l := range []*list{&p.queue.timed1, &p.queue.timed2} {
		for x := l.head; x != nil; x = x.deadlineLinks.next {
			f(x)
		}
	}
}

// jam notes, for each row, the limits on objects that hold its head, which needs several slots of them.
func (p *Pool) jam(now time.Duration) {
	for _, l := range p.queue.rows {
		if l.jam = 0; l.heap.Len() == 0 {
			continue
		}
		d := p.needOf(l)
		if d.n <= 1 || !p.affords(l.standing, now) {
			continue
		}
		if l.jam = p.limits.registry.over(l.set&d.of, d, now); l.jam == 0 && p.admitting(l.set, d, now) < 0 {
			l.jam = l.set & d.of
		}
	}
}

// jammed reports whether a row that is before l waits for a limit that l needs, too.
func (p *Pool) jammed(l *row) bool {
	for _, m := range p.queue.rows {
		if m.jam&l.set != 0 && m != l && m.goesBefore(l) {
			return true
		}
	}
	return false
}

// needOf returns what the head of l takes.
func (p *Pool) needOf(l *row) need {
	if p.limits.objects == 0 {
		return need{}
	}
	x, _, _ := l.heap.First()
	return p.limits.need(x)
}
