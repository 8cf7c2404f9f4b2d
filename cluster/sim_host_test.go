package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// simHost is one host of the model: its clocks, its process, and the tenants of it.
type simHost struct {
	s       *sim
	name    string
	clocks  *simClocks
	vm      bool // it may be paused; its wall clock is never set back
	m       *machine
	life    int // rises with each process
	up      bool
	frozen  time.Duration // until then nothing of it runs
	cut     time.Duration // until then it does not reach the engine
	timer   int           // number of the last timer
	tenants map[string]*simTenant
}

// simTenant is an account at one process.
type simTenant struct {
	h      *simHost
	key    string
	writes bool // it was told to own, and has not ended
	fence  *Fence
	term   uint64
	tenure uint64
	number uint64
	open   map[uint64]uint64 // tickets that were not answered: number of the content
	down   time.Duration
}

func (h *simHost) now() Instant { return Now(h.clocks) }

func (h *simHost) boot() {
	h.life++
	h.up = true
	h.m = newMachine(machineConfig{Host: h.name, Instance: fmt.Sprintf("%s-%d", h.name, h.life), Peer: h.name + ":1",
		Version: "1", TTL: h.s.ttl, MaxSkew: 5 * time.Second, YieldAfter: time.Minute, Yield: 20 * time.Second,
		Clocks: h.clocks})
	h.tenants = make(map[string]*simTenant)
	for _, key := range h.s.keys {
		h.tenants[key] = &simTenant{h: h, key: key, open: make(map[uint64]uint64)}
		h.m.join(Account{Key: key, Name: key}, h.now())
	}
	h.m.start(h.now())
	h.flush()
}

// crash ends the process.
func (h *simHost) crash() {
	h.up, h.m, h.tenants = false, nil, nil
	h.life++
}

// event tells the machine something, unless the process has ended since.
func (h *simHost) event(d time.Duration, f func(m *machine, now Instant)) {
	life := h.life
	h.s.after(d, h, func() {
		if h.life == life && h.up {
			f(h.m, h.now())
			h.flush()
		}
	})
}

func (h *simHost) flush() {
	for a, ok := h.m.next(); ok; a, ok = h.m.next() {
		h.perform(a)
	}
	if h.m.closed {
		h.crash()
		return
	}
	h.timer++
	timer, wake := h.timer, h.m.wake()
	if wake == never {
		return
	}
	d := time.Duration(float64(max(wake-h.clocks.Boot(), 0))/h.clocks.rate) + time.Microsecond
	life := h.life
	h.s.after(d, h, func() {
		if h.up && h.life == life && timer == h.timer {
			h.m.advance(h.now())
			h.flush()
		}
	})
}

var errSim = errors.New("no answer")

// request plays one request of the engine, with the faults of now.
func (h *simHost) request(a action) {
	s := h.s
	s.store.asks++
	limit := requestTime(s.ttl)
	there, back := between(s.rand, 0, s.slow), between(s.rand, 0, s.slow)
	arrives, answered := true, true
	switch {
	case s.now < h.cut:
		arrives, answered = s.chance(0.1), false
	case s.chance(s.faulty / 3):
		arrives, answered = false, false
	case s.chance(s.faulty / 3):
		answered = false
	case s.chance(s.faulty / 3):
		there = between(s.rand, 0, 3*s.ttl) // it lands late
	}
	if there+back > limit {
		answered = false
	}
	fail := func(m *machine, now Instant) { h.answer(m, a, nil, false, nil, errSim, now) }
	if !arrives {
		h.event(limit, fail)
		return
	}
	life := h.life
	s.after(there, nil, func() {
		var all map[string][]byte
		var done bool
		var is []byte
		switch a.do {
		case doLoad:
			all = make(map[string][]byte)
			for k, v := range s.store.tables[a.table] {
				if s.store.octets += len(k) + len(v); s.copies {
					v = bytes.Clone(v)
				}
				all[k] = v
			}
		case doGet:
			is = s.store.tables[a.record.Table][a.record.Key]
		default:
			done, is = s.store.swap(a.record, a.old, a.with)
			if done && Tells(a.record, a.old) {
				s.hint()
			}
		}
		if answered && h.life == life {
			h.event(back, func(m *machine, now Instant) { h.answer(m, a, all, done, is, nil, now) })
		}
	})
	if !answered {
		h.event(limit, fail)
	}
}

func (h *simHost) answer(m *machine, a action, all map[string][]byte, done bool, is []byte, err error, now Instant) {
	switch a.do {
	case doLoad:
		m.loaded(a.id, all, err, now)
	case doGet:
		m.got(a.id, is, err, now)
	default:
		m.swapped(a.id, done, is, err, now)
	}
}

func (h *simHost) perform(a action) {
	t := h.tenants[a.account]
	switch a.do {
	case doLoad, doGet, doSwap:
		h.request(a)
	case doSay:
		h.s.note("%s says: %s %v", h.name, a.text, a.args)
	case doOwn:
		t.own(a.tenure)
	case doFollow, doOrphan:
		if t.writes {
			h.s.fail("%s: %s follows without an end", t.key, h.name)
		}
	case doYield:
		term := t.term
		h.event(between(h.s.rand, 0, h.s.drain), func(m *machine, now Instant) {
			if t.writes && t.term == term {
				t.writes = false
				m.yielded(t.key, term, now)
			}
		})
	case doLose:
		if !t.writes {
			h.s.fail("%s: %s loses what it does not own", t.key, h.name)
		}
		t.writes = false
	case doKept:
		t.kept(a.ticket, a.ok)
	}
}

func (t *simTenant) own(n Tenure) {
	s := t.h.s
	if t.writes {
		s.fail("%s: %s owns twice", t.key, t.h.name)
	}
	t.writes, t.fence, t.term, t.number = true, n.Fence, n.Term, 0
	s.tenures++
	t.tenure = s.tenures
	s.owned(t)
	if is := s.store.tables[Ledgers][t.key]; string(is) != string(n.Ledger) && !s.undone(t.key) {
		s.fail("%s: %s begins with %s, kept is %s", t.key, t.h.name, n.Ledger, is)
	}
	t.h.event(0, func(*machine, Instant) { t.write(t.tenure) })
}

// write is what a tenant does all the time: it writes to the registry if the fence allows it.
func (t *simTenant) write(tenure uint64) {
	if !t.writes || t.tenure != tenure {
		return
	}
	s := t.h.s
	if !t.fence.Passed() {
		s.wrote(t)
		if s.chance(s.keeps) {
			t.keep()
		}
	}
	t.h.m.setDown(t.key, t.down, t.h.now())
	t.h.event(between(s.rand, 0, s.ttl/4), func(*machine, Instant) { t.write(tenure) })
}

func (t *simTenant) keep() {
	t.number++
	content, _ := json.Marshal(simLedger{t.tenure, t.number})
	ticket := t.tenure<<20 | t.number
	t.open[ticket] = t.number
	t.h.m.keep(t.key, t.term, content, ticket, t.h.now())
}

func (t *simTenant) kept(ticket uint64, ok bool) {
	if _, open := t.open[ticket]; !open {
		t.h.s.fail("%s: ticket %d is answered twice", t.key, ticket)
	}
	delete(t.open, ticket)
	var l simLedger
	_ = json.Unmarshal(t.h.s.store.tables[Ledgers][t.key], &l)
	if ok && ticket>>20 == l.Tenure && l.Number < ticket&(1<<20-1) && !t.h.s.undone(t.key) {
		t.h.s.fail("%s: ticket %d counts as kept, kept is %+v", t.key, ticket, l)
	}
}
