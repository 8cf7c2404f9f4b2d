package peer

import (
	"bytes"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
)

// account is what a desk needs of an upstream.Account.
type account interface {
	Name() string
	Loop() loop.Loop
	Now() time.Duration
	OnGreeting(f func(payload []byte))
	OnRole(f func())
	OwnerTerm() (term uint64, ok bool)
	LaneExchange(from *upstream.LaneSender, m *frame.Message) *upstream.Exchange
	Submit(x *upstream.Exchange)
	Cancel(x *upstream.Exchange)
}

// desk has the lanes of one account.
type desk struct {
	// Immutable.
	srv     *Server
	key     string // of the account
	account account
	loop    loop.Loop

	// Owned by the loop.
	told     bool      // it has asked the account for greetings and roles
	closed   bool      // it takes no lane any more
	lanes    *openLane // all of them
	hosts    map[string]int
	greeting []byte // as a data unit; nil: none yet
	scanner  frame.Scanner
	scratch  []byte // what is read; empty between two readings
	out      []byte // a unit of our own, being written
	alarm    *loop.Alarm
	counts   AccountCounters
}

// scratchKept is the largest scratch that is kept, in octets.
const scratchKept = 64 << 10

func newDesk(s *Server, key string, account account) *desk {
	d := &desk{srv: s, key: key, account: account, loop: account.Loop(), hosts: make(map[string]int),
		scratch: make([]byte, 0, 16<<10)}
	d.alarm = loop.NewAlarm(d.loop, account.Now, d.tick)
	return d
}

// listen asks the account for what lanes must know. On the loop, with the first lane.
func (d *desk) listen() {
	if d.told {
		return
	}
	d.told = true
	d.account.OnGreeting(d.greeted)
	d.account.OnRole(d.roleChanged)
}

// greeted passes a greeting of the registry on.
func (d *desk) greeted(payload []byte) {
	d.greeting = append(frame.AppendHeader(nil, len(payload)), payload...)
	d.each(func(l *openLane) { l.greet() })
}

// roleChanged ends the lanes when the account is not owned any more, or in another term than they were
// opened for.
func (d *desk) roleChanged() {
	term, owned := d.account.OwnerTerm()
	d.each(func(l *openLane) {
		if !owned || l.term != term {
			l.leave()
		}
	})
}

// leave ends all lanes in good order, and takes no more.
func (d *desk) leave() {
	d.closed = true
	d.each((*openLane).leave)
}

// end closes all lanes at once, and waits for it. From any goroutine but the loop.
func (d *desk) end() {
	done := make(chan struct{}) // closed on the loop
	d.loop.Post(func() {
		defer close(done)
		d.closed = true
		d.each(func(l *openLane) { l.close(closedShutdown, nil) })
		d.alarm.Stop()
	})
	<-done
}

// each calls f for all lanes; f may close the lane.
func (d *desk) each(f func(*openLane)) {
	for l, next := d.lanes, (*openLane)(nil); l != nil; l = next {
		next = l.next
		f(l)
	}
}

// add takes a lane in.
func (d *desk) add(l *openLane) {
	if l.next = d.lanes; l.next != nil {
		l.next.prev = l
	}
	d.lanes = l
	if l.taken {
		d.hosts[l.from.Host]++
		d.counts.Open++
	}
}

// remove takes a lane out.
func (d *desk) remove(l *openLane) {
	if l.next != nil {
		l.next.prev = l.prev
	}
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		d.lanes = l.next
	}
	if !l.taken {
		return
	}
	if d.hosts[l.from.Host]--; d.hosts[l.from.Host] == 0 {
		delete(d.hosts, l.from.Host)
	}
	d.counts.Open--
}

// tick looks at the lanes that wait for something other than an answer.
func (d *desk) tick() {
	now := d.account.Now()
	d.each(func(l *openLane) { l.due(now) })
}

// wakeBy has tick run at an instant or before.
func (d *desk) wakeBy(at time.Duration) { d.alarm.Before(at) }

// giveBack takes b, whose octets are not needed any more, if it is the scratch.
func (d *desk) giveBack(b []byte, own bool) {
	if own {
		return
	}
	if d.scratch = b[:0]; cap(b) > scratchKept {
		d.scratch = make([]byte, 0, 16<<10)
	}
}

// kept returns the octets of b in memory that may be kept.
func (d *desk) kept(b []byte, own bool) []byte {
	if own {
		return b
	}
	c := bytes.Clone(b)
	d.giveBack(b, false)
	return c
}
