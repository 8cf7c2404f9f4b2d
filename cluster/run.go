package cluster

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// run runs on a goroutine of its own until Close. It gives the machine the time.
func (n *Node) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var downAt time.Duration
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.poke:
		case <-n.hint:
			n.do(func(m *machine, now Instant) { m.changed(now) })
		case <-timer.C:
		}
		var wake time.Duration
		n.do(func(m *machine, now Instant) {
			m.advance(now)
			if now.Boot >= downAt {
				downAt = now.Boot + n.cfg.TTL/6
				n.askDown()
			}
			n.sleepTo = min(m.wake(), now.Boot+n.cfg.TTL/6)
			wake = n.sleepTo - now.Boot
		})
		timer.Reset(max(wake, time.Millisecond))
	}
}

// watch runs on a goroutine of its own until Close.
func (n *Node) watch() {
	n.cfg.Engine.Watch(n.ctx, func() {
		select {
		case n.hint <- struct{}{}:
		default:
		}
	})
}

// do tells the machine of an event, and does what that leaves to do.
func (n *Node) do(event func(m *machine, now Instant)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	event(n.m, Now(n.cfg.Clocks))
	n.flush()
}

// flush does what the machine has left to do. It is called with mu held.
func (n *Node) flush() {
	for a, ok := n.m.next(); ok; a, ok = n.m.next() {
		n.perform(a)
	}
	for _, key := range n.order {
		if c := n.tenants[key]; c.parting && n.m.accounts[key] == nil {
			n.part(c)
		}
	}
	for a, ok := n.m.next(); ok; a, ok = n.m.next() { // an account was joined again
		n.perform(a)
	}
	n.wakeUp()
}

// wakeUp tells those that wait for a change, and run where something is due earlier than it knew. It is called
// with mu held.
func (n *Node) wakeUp() {
	close(n.changed)
	n.changed = make(chan struct{})
	if n.m == nil || n.m.wake() >= n.sleepTo {
		return
	}
	select {
	case n.poke <- struct{}{}:
	default:
	}
}

func (n *Node) perform(a action) {
	c := n.tenants[a.account]
	switch a.do {
	case doLoad, doGet, doSwap:
		n.ended.Go(func() { n.request(a) })
	case doSay:
		n.call(&n.logs, func() { n.cfg.Logger.Log(context.Background(), a.level, a.text, a.args...) })
	case doOwn:
		c.owns = true
		a.tenure.Keep = n.keeper(c, a.tenure.Term)
		n.call(c, func() { c.tenant.Own(a.tenure) })
	case doFollow:
		n.call(c, func() { c.tenant.Follow(a.owner) })
	case doOrphan:
		n.call(c, func() { c.tenant.Orphan() })
	case doYield:
		n.call(c, func() { c.tenant.Yield(a.within, func() { n.yielded(c, a.tenure.Term) }) })
	case doLose:
		c.owns = false
		n.call(c, func() { c.tenant.Lose() })
	case doKept:
		n.kept(c, a)
	}
}

// yielded is the done of a Yield.
func (n *Node) yielded(c *caller, term uint64) {
	n.do(func(m *machine, now Instant) {
		c.owns = false
		m.yielded(c.spec.Key, term, now)
	})
}

// keeper returns the Keep of a tenure.
func (n *Node) keeper(c *caller, term uint64) func([]byte, uint64, func(uint64, bool)) {
	return func(content []byte, ticket uint64, done func(uint64, bool)) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.closed {
			go done(ticket, false)
			return
		}
		if c.keeps == nil {
			c.keeps = make(map[keepKey]func(uint64, bool))
		}
		c.keeps[keepKey{term, ticket}] = done
		n.m.keep(c.spec.Key, term, content, ticket, Now(n.cfg.Clocks))
		n.flush()
	}
}

// kept answers a Keep.
func (n *Node) kept(c *caller, a action) {
	if c == nil {
		return
	}
	k := keepKey{a.tenure.Term, a.ticket}
	done := c.keeps[k]
	delete(c.keeps, k)
	if a.ok {
		c.keptAt = wallTime(n.cfg.Clocks.Wall())
	}
	if done != nil {
		n.call(c, func() { done(a.ticket, a.ok) })
	}
}

// askDown asks the tenants that own how long they have had no session. It is called with mu held.
func (n *Node) askDown() {
	for _, key := range n.order {
		c := n.tenants[key]
		if !c.owns || len(c.queue) > 0 {
			continue
		}
		n.call(c, func() {
			down := c.tenant.Down()
			n.do(func(m *machine, now Instant) { m.setDown(key, down, now) })
		})
	}
}

// request asks the engine, on a goroutine of its own, which ends when it is answered or too late.
func (n *Node) request(a action) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(n.ctx, requestTime(n.cfg.TTL))
	defer cancel()
	var answer func(m *machine, now Instant)
	var err error
	switch a.do {
	case doLoad:
		var records map[string][]byte
		records, err = n.cfg.Engine.Load(ctx, a.table)
		answer = func(m *machine, now Instant) { m.loaded(a.id, records, err, now) }
	case doGet:
		var value []byte
		value, err = n.cfg.Engine.Get(ctx, a.record.Table, a.record.Key)
		answer = func(m *machine, now Instant) { m.got(a.id, value, err, now) }
	default:
		var done bool
		var is []byte
		done, is, err = n.cfg.Engine.Swap(ctx, a.record, a.old, a.with...)
		answer = func(m *machine, now Instant) { m.swapped(a.id, done, is, err, now) }
	}
	n.do(func(m *machine, now Instant) {
		n.judge(err, time.Since(begun), now)
		answer(m, now)
	})
}

// judge is told how the engine has answered. It is called with mu held.
func (n *Node) judge(err error, took time.Duration, now Instant) {
	e := &n.engine
	e.Requests++
	e.Took += took
	was, never := e.Up, e.Requests == 1
	e.Up, e.Err = err == nil, ""
	if err != nil {
		e.Failures++
		e.Err = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = "no answer in time"
		}
	}
	if e.Up == was && !never {
		return
	}
	e.Since = wallTime(now.Wall)
	level, text := slog.LevelInfo, "the engine of the cluster answers"
	if !e.Up {
		level, text = slog.LevelWarn, "the engine of the cluster does not answer; owners go on to their fence"
	}
	about := []any{"engine", e.Name}
	if !e.Up {
		about = append(about, "err", e.Err)
	}
	n.call(&n.logs, func() { n.cfg.Logger.Log(context.Background(), level, text, about...) })
}
