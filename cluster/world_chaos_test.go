package cluster

import (
	"fmt"
	"time"

	"eppmux/upstream/pool"
)

// playWorld plays one seed.
func playWorld(seed uint64) *world {
	w := newWorld(seed)
	for _, h := range w.hosts {
		h.boot()
	}
	for _, c := range w.clients {
		w.after(w.upTo(time.Second), c.submit)
	}
	for range 3 {
		if w.round(); w.failed != "" {
			return w
		}
	}
	if w.chance(0.1) {
		w.peace()
	}
	w.rest()
	return w
}

// round is some trouble, and then peace.
func (w *world) round() {
	for range 40 + w.rand.IntN(80) {
		w.play(w.now + w.upTo(w.ttl/3))
		if w.failed != "" {
			return
		}
		w.chaos()
	}
	w.heal()
}

// chaos does one bad or good thing.
func (w *world) chaos() {
	h := w.hosts[w.rand.IntN(len(w.hosts))]
	r := w.registries[w.rand.IntN(len(w.registries))]
	runs := h.up && h.frozen <= w.now
	switch n := w.rand.IntN(32); {
	case n == 0 && h.up && !w.odd:
		w.note("%s is killed", h.name)
		h.end(false)
	case n == 1 && h.up && !w.odd:
		w.note("%s has no power", h.name)
		h.end(true)
	case n <= 4 && !h.up:
		h.boot()
	case n == 5 && runs:
		h.freeze(w.upTo(3 * w.ttl))
	case n == 6:
		h.cut = w.now + w.upTo(3*w.ttl)
		w.note("%s does not reach the engine for %v", h.name, h.cut-w.now)
	case n == 7:
		h.lonely = w.now + w.upTo(2*w.ttl)
		w.note("%s does not reach the others for %v", h.name, h.lonely-w.now)
		h.cutLanes(1, 5*time.Second)
	case n <= 9 && h.up:
		h.cutLanes(w.rand.Float64(), w.upTo(5*time.Second))
	case n == 10:
		w.setClock(h)
	case n == 11 && runs && !h.leaves && !w.odd:
		w.note("%s leaves", h.name)
		h.leave()
	case n == 12:
		w.faulty, w.slow = max(0, w.rand.Float64()-0.5), between(w.rand, time.Millisecond, 2*time.Second)
		w.note("the engine is bad: %.2f, %v", w.faulty, w.slow)
	case n <= 14:
		w.faulty, w.slow = 0, 20*time.Millisecond
	case n == 15:
		r.faults, w.troubled = pick(w.rand, 0.001, 0.02, 0.1), true
		w.note("%s is bad: %v", r.key, r.faults)
	case n <= 17:
		r.faults = 0
	case n == 18:
		r.away, w.troubled = w.now+w.upTo(2*w.ttl), true
		w.note("%s is away for %v", r.key, r.away-w.now)
		r.dropAll()
	case n == 19 && w.forgets && w.chance(0.3):
		w.loseSome()
	case n >= 20:
		w.handover(r)
	}
	w.store.remember()
}

// cutLanes breaks lanes that the host has.
func (h *worldHost) cutLanes(share float64, within time.Duration) {
	if !h.up {
		return
	}
	for _, r := range h.w.registries {
		a := h.accounts[r.key]
		for _, lanes := range [][]*worldLane{a.lanes, a.opened} {
			for _, l := range lanes {
				if h.w.chance(share) {
					l.cut(within)
				}
			}
		}
	}
}

// setClock sets the wall clock of a host, as far as hosts may differ, or further in an odd world.
func (w *world) setClock(h *worldHost) {
	if h.vm {
		return
	}
	right := 500000*time.Hour + w.now + w.upTo(worldSkew/2)
	if w.odd && w.chance(0.3) {
		right += pick(w.rand, -time.Hour, time.Hour)
		w.note("the clock of %s is wrong", h.name)
	}
	h.clocks.turn(func() { h.clocks.wall = right })
}

// leave is the end of a process in good order.
func (h *worldHost) leave() {
	h.leaves = true
	h.event(0, func() {
		h.m.leave("", h.now())
		h.flush()
	})
	h.event(h.w.upTo(h.w.ttl), func() {
		h.m.close(h.now())
		h.flush()
	})
}

// dropAll has the registry end all connections.
func (r *worldRegistry) dropAll() {
	for _, h := range r.w.hosts {
		if !h.up {
			continue
		}
		for _, k := range h.accounts[r.key].socks {
			if k.conn.logged && !k.conn.ended && r.w.chance(0.8) {
				k.conn.drop()
			}
		}
	}
}

// handover has the owner of an account give it up.
func (w *world) handover(r *worldRegistry) {
	for _, h := range w.hosts {
		if h.up && h.accounts[r.key].role == worldOwner {
			h.event(0, func() {
				_ = h.m.handover(r.key, "", h.now())
				h.flush()
			})
			return
		}
	}
}

// loseSome has the engine forget all, or go back.
func (w *world) loseSome() {
	var to [NumTables]map[string][]byte
	if w.chance(0.5) && len(w.store.past) > 0 {
		to = w.store.past[w.rand.IntN(len(w.store.past))]
		w.note("the engine goes back")
	} else {
		w.note("the engine forgets all")
	}
	w.store.lose(to)
	w.hint()
}

// heal makes everything well, and holds that it is then.
func (w *world) heal() {
	w.faulty, w.slow = 0, 20*time.Millisecond
	for _, r := range w.registries {
		r.faults, r.away = 0, w.now
	}
	for _, h := range w.hosts {
		if h.up && h.leaves {
			h.end(false)
		}
		h.cut, h.lonely = w.now, w.now
	}
	for _, h := range w.hosts { // those that sleep wake by themselves
		w.play(max(w.now, h.frozen))
	}
	w.store.past = nil
	odd := false
	for _, h := range w.hosts {
		wrong := h.clocks.Wall() - 500000*time.Hour - w.now
		odd = odd || wrong < 0 || wrong > worldSkew
		if wrong < 0 || wrong > worldSkew {
			h.clocks.turn(func() { h.clocks.wall = 500000*time.Hour + w.now + w.upTo(worldSkew/2) })
		}
		if !h.up {
			h.boot()
		}
	}
	w.note("all is well from here on")
	if odd {
		w.play(w.now + 2*w.ttl)
	}
	w.checkBounds()
	w.play(w.now + w.ttl*21/10 + time.Duration(len(w.hosts))*rankStep + 3*time.Second)
	w.await(8*time.Second, "an owner", w.oneOwner)
	begun, within := w.now, 5*time.Second
	for _, r := range w.registries { // a command that a limit holds keeps its client
		within = max(within, 5*time.Second+r.config.QueueTimeout+r.config.CommandTimeout)
	}
	if w.troubled || w.refusals > w.refused { // a login that was refused is tried again within a minute and its jitter
		within += 100 * time.Second
	}
	if w.lanes > 8 { // a command that a limit holds keeps its lane, so that few lanes may all be kept
		w.await(within, "commands answered", func() bool { return w.allServed(begun) })
	}
	w.troubled, w.refused = false, w.refusals
}

// await plays until something holds.
func (w *world) await(within time.Duration, what string, holds func() bool) {
	for until := w.now + within; w.failed == "" && !holds(); w.play(w.now + 250*time.Millisecond) {
		if w.now >= until {
			w.fail("no %s behind trouble, %v later", what, within)
		}
	}
}

func (w *world) oneOwner() bool {
	for _, r := range w.registries {
		n := 0
		for _, h := range w.hosts {
			if a := h.accounts[r.key]; a.role == worldOwner && a.ownership.Fence.Left() > 0 {
				n++
			}
		}
		if n != 1 {
			return false
		}
	}
	return true
}

// allServed reports whether each host that has clients of an account has had an answer for one.
func (w *world) allServed(since time.Duration) bool {
	for _, c := range w.clients {
		if !c.quiet && c.host.served[c.r.key] < since {
			return false
		}
	}
	return true
}

// answered is told of each command that its client has an answer to.
func (w *world) answered(c *worldCommand) { c.host.served[c.client.r.key] = w.now }

// checkBounds holds that no command has waited for too long.
func (w *world) checkBounds() {
	for _, c := range w.clients {
		if m := c.command; m != nil && w.now-m.at > m.bound() {
			w.fail("C7: command %d of %s has no end for %v", m.number, m.host.name, w.now-m.at)
		}
	}
}

// peace holds that ownership does not move while all is well: C8.
func (w *world) peace() {
	for _, c := range w.clients {
		c.quiet = true
	}
	w.play(w.now + 12*time.Minute)
	was := fmt.Sprint(w.held)
	changes := w.changes
	for _, c := range w.clients {
		c.quiet = false
		c.submit()
	}
	w.play(w.now + 2*time.Minute)
	if w.changes != changes {
		w.fail("C8: ownership moves while all is well: %s, then %v", was, w.held)
	}
}

// rest has all clients send nothing more, and holds that nothing is left.
func (w *world) rest() {
	for _, c := range w.clients {
		c.quiet = true
	}
	cfg := 2*time.Minute + time.Minute
	w.play(w.now + cfg)
	for _, c := range w.clients {
		if c.command != nil {
			w.fail("C7: command %d has no end", c.command.number)
		}
	}
	for _, h := range w.hosts {
		for _, r := range w.registries {
			if n := h.accounts[r.key].pool.Queued(); n > 0 {
				w.fail("%s: %d exchanges are left", h.name, n)
			}
		}
	}
	if w.ends[pool.EndAnswered] == 0 {
		w.fail("nothing was answered")
	}
}
