package cluster

import (
	"encoding/json"
	"fmt"
	"time"

	"eppmux/upstream/pool"
)

// worldHost is one host: its clocks, and its process with a machine and the accounts.
type worldHost struct {
	w        *world
	name     string
	clocks   *worldClocks
	vm       bool // it may be paused; its wall clock is not set
	m        *machine
	life     int // rises with each process
	up       bool
	frozen   time.Duration // until then nothing of it runs
	stood    time.Duration // for how long nothing of it has run, in all, once it wakes
	cut      time.Duration // until then it does not reach the engine
	lonely   time.Duration // until then it does not reach other hosts
	timer    time.Duration // when advance is next due, in true time; never: it is not
	accounts map[string]*worldAccount
	leaves   bool
	served   map[string]time.Duration // when a client of an account had an answer last
}

func (h *worldHost) now() Instant { return Now(h.clocks) }

// event has something happen at the host, unless its process ends before.
func (h *worldHost) event(d time.Duration, do func()) { h.w.at(h.w.now+max(d, 0), h, h.life, do) }

func (h *worldHost) boot() {
	w := h.w
	h.life++
	h.up, h.leaves, h.timer = true, false, never
	h.m = newMachine(machineConfig{Host: h.name, Instance: fmt.Sprintf("%s-%d", h.name, h.life), Peer: h.name + ":1",
		Version: "1", TTL: w.ttl, MaxSkew: worldSkew, YieldAfter: time.Minute, Yield: 20 * time.Second, Clocks: h.clocks})
	h.accounts = make(map[string]*worldAccount)
	for _, r := range w.registries {
		h.accounts[r.key] = newWorldAccount(h, r)
		h.m.join(Account{Key: r.key, Name: r.key}, h.now())
	}
	h.m.start(h.now())
	h.flush()
	h.askDown()
	w.note("%s starts as %s", h.name, h.m.cfg.Instance)
}

// askDown asks the accounts how long they have had no session, as a Node does.
func (h *worldHost) askDown() {
	for _, r := range h.w.registries {
		a := h.accounts[r.key]
		h.m.setDown(r.key, a.down(), h.now())
	}
	h.flush()
	if h.up {
		h.event(h.w.ttl/6, h.askDown)
	}
}

// end ends the process. What it had open at registries ends there at once, or is noticed only after a while.
func (h *worldHost) end(unnoticed bool) {
	if !h.up {
		return
	}
	w := h.w
	h.thaw()
	h.up = false
	for _, r := range w.registries {
		h.accounts[r.key].die(unnoticed)
	}
	h.m, h.accounts = nil, nil
	h.life++
}

func (h *worldHost) flush() {
	for a, ok := h.m.next(); ok; a, ok = h.m.next() {
		h.perform(a)
	}
	if h.m.closed {
		h.w.note("%s has left", h.name)
		h.end(false)
		return
	}
	wake := h.m.wake()
	if wake == never {
		return
	}
	at := h.w.now + time.Duration(float64(max(wake-h.clocks.Boot(), 0))/h.clocks.rate) + time.Microsecond
	if at >= h.timer {
		return
	}
	h.timer = at
	h.w.at(at, h, h.life, func() { h.ring(at) })
}

// ring is the machine's alarm.
func (h *worldHost) ring(at time.Duration) {
	if h.timer != at {
		return
	}
	h.timer = never
	if h.m.wake() <= h.clocks.Boot() {
		h.m.advance(h.now())
	}
	h.flush()
}

func (h *worldHost) perform(do action) {
	a := h.accounts[do.account]
	switch do.do {
	case doLoad, doGet, doSwap:
		h.request(do)
	case doSay:
		h.w.note("%s says: %s %v", h.name, do.text, do.args)
	case doOwn:
		h.w.owned(h, a, do.tenure)
		a.call(func() { a.own(do.tenure) })
	case doFollow:
		a.call(func() { a.follow(do.owner) })
	case doOrphan:
		a.call(a.orphan)
	case doYield:
		term := do.tenure.Term
		a.call(func() {
			a.yield(do.within, func() {
				h.event(0, func() {
					h.m.yielded(a.r.key, term, h.now())
					h.flush()
				})
			})
		})
	case doLose:
		a.call(a.lost)
	case doKept:
		a.call(func() { a.turn(func() { a.pool.Kept(do.ticket, do.ok, a.instant) }) })
	}
}

// call is one call of a Tenant: they come in their order, and a little late.
func (a *worldAccount) call(do func()) {
	w := a.h.w
	late := w.upTo(time.Millisecond)
	switch {
	case w.chance(0.02):
		late = w.upTo(100 * time.Millisecond)
	case w.chance(0.02):
		late = w.upTo(2 * time.Second)
	}
	a.called = max(a.called, w.now+late)
	w.at(a.called, a.h, a.h.life, do)
}

// keep has the machine keep what the pool must remember.
func (a *worldAccount) keep(ticket uint64) {
	h := a.h
	l := a.pool.WriteDown(a.instant, h.clocks.Wall())
	if err := l.Validate(); err != nil {
		h.w.fail("%s: a ledger that is not valid: %v", h.name, err)
	}
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	term := a.ownership.Term
	h.event(0, func() {
		h.m.keep(a.r.key, term, text, ticket, h.now())
		h.flush()
	})
}

// remembered is what the owner before has kept.
func (a *worldAccount) remembered(t *Tenure) *pool.Ledger {
	switch {
	case t.Lost:
		return pool.LostLedger()
	case t.Ledger == nil:
		return nil
	}
	l := new(pool.Ledger)
	if err := json.Unmarshal(t.Ledger, l); err != nil || l.Validate() != nil {
		a.h.w.fail("%s: what was kept cannot be read: %s", a.h.name, t.Ledger)
	}
	return l
}

// freeze has nothing of the host run for a while.
func (h *worldHost) freeze(d time.Duration) {
	if !h.up || h.frozen > h.w.now {
		return
	}
	h.frozen = h.w.now + d
	h.stood += d
	if h.vm {
		h.clocks.turn(func() { h.clocks.paused = true })
		h.w.at(h.frozen, nil, 0, func() {
			if h.frozen <= h.w.now {
				h.thaw()
			}
		})
	}
	h.w.note("%s sleeps for %v, paused: %v", h.name, d, h.clocks.paused)
}

// stoodStill is for how long nothing of the host has run so far.
func (h *worldHost) stoodStill() time.Duration { return h.stood - max(0, h.frozen-h.w.now) }

// thaw wakes the host. Its alarms are set anew: its clocks may have stood still.
func (h *worldHost) thaw() {
	w := h.w
	if h.frozen > w.now {
		h.stood -= h.frozen - w.now
		h.frozen = w.now
	}
	if !h.clocks.paused {
		return
	}
	h.clocks.turn(func() { h.clocks.paused = false })
	if h.up {
		h.event(0, func() {
			h.timer = never
			h.m.advance(h.now())
			h.flush()
			for _, r := range w.registries {
				if a := h.accounts[r.key]; a != nil {
					a.timer = never
					a.turn(func() { a.pool.Advance(a.instant) })
				}
			}
		})
	}
}
