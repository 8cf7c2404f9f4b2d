package cluster

import (
	"math/rand/v2"
	"time"
)

// worldClocks are the clocks of one host, which run by the world's true time.
type worldClocks struct {
	w                *world
	rate             float64       // of boot
	boot, wall, mono time.Duration // at the instant set
	set              time.Duration
	paused           bool // of a virtual machine: only the wall clock runs on
}

// Boot implements Clocks.
func (c *worldClocks) Boot() time.Duration {
	if c.paused {
		return c.boot
	}
	return c.boot + time.Duration(float64(c.w.now-c.set)*c.rate)
}

// Wall implements Clocks.
func (c *worldClocks) Wall() time.Duration { return c.wall + c.w.now - c.set }

// Mono is the clock that accounts go by. It runs as the registry's does: no limit could be kept by one
// that does not.
func (c *worldClocks) Mono() time.Duration {
	if c.paused {
		return c.mono
	}
	return c.mono + c.w.now - c.set
}

// turn lets the clocks go on from here with other settings.
func (c *worldClocks) turn(change func()) {
	c.boot, c.wall, c.mono = c.Boot(), c.Wall(), c.Mono()
	c.set = c.w.now
	change()
}

// worldEvent is something that happens at an instant of the true time.
type worldEvent struct {
	at   time.Duration
	seq  uint64
	host *worldHost // nil: of the world. A host that is frozen gets it when it wakes
	life int        // of host: another process gets nothing of it
	do   func()
}

func (e *worldEvent) before(o *worldEvent) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// worldEvents is a heap of events, the next first.
type worldEvents []worldEvent

func (q *worldEvents) push(e worldEvent) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *worldEvents) pop() worldEvent {
	h := *q
	first, n := h[0], len(h)-1
	h[0] = h[n]
	h[n] = worldEvent{}
	h = h[:n]
	*q = h
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < n; c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// after has something happen in the world.
func (w *world) after(d time.Duration, do func()) { w.at(w.now+max(d, 0), nil, 0, do) }

func (w *world) at(at time.Duration, h *worldHost, life int, do func()) {
	w.seq++
	w.events.push(worldEvent{at: at, seq: w.seq, host: h, life: life, do: do})
}

// play runs until an instant.
func (w *world) play(until time.Duration) {
	for w.failed == "" && len(w.events) > 0 && w.events[0].at <= until {
		e := w.events.pop()
		if w.now/time.Second != e.at/time.Second {
			w.busy = 0
		}
		if w.busy++; w.busy > 1_000_000 {
			w.fail("nothing comes to rest")
		}
		w.now = e.at
		if h := e.host; h != nil {
			if !h.up || h.life != e.life {
				continue
			}
			if h.frozen > w.now {
				e.at = h.frozen
				w.events.push(e)
				continue
			}
		}
		e.do()
	}
	if w.failed == "" {
		w.now = until
	}
}

func (w *world) chance(p float64) bool { return p > 0 && w.rand.Float64() < p }

func (w *world) upTo(d time.Duration) time.Duration { return between(w.rand, 0, d) }

// pick returns one of several.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
