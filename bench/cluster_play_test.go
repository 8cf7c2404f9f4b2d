package main

import (
	"slices"
	"time"
)

// playHealthy: nothing happens.
func playHealthy(c *clusterRig, until time.Time) check {
	s := wait(max(8*time.Second, time.Until(until)))
	return func(e *evidence, tl timeline) {
		c.oneOwner(e)
		c.atLeast("of the rate used", tl.rate(s.from, s.to)/limitOfCluster, 0.98, 0.9)
		c.atMost("longest pause", tl.pause(s.from, s.to), 500*time.Millisecond, time.Second)
	}
}

// playKill: the owner is killed, again and again; each comes back a while later.
func playKill(c *clusterRig, until time.Time) check {
	var pauses []span
	for first := true; first || again(until); first = false {
		h := c.owner()
		from := time.Now()
		h.kill()
		time.Sleep(2 * time.Second)
		h.start()
		time.Sleep(max(8*time.Second, c.spec.ttl+4*time.Second))
		pauses = append(pauses, span{from, time.Now()})
	}
	return func(e *evidence, tl timeline) {
		c.figure("kills", len(pauses), "")
		c.atMost("longest pause behind a kill", tl.longest(pauses), c.spec.ttl+2*time.Second, 2*time.Second)
	}
}

// playTerm: the owner is told to end, again and again.
func playTerm(c *clusterRig, until time.Time) check {
	var pauses []span
	var ends []time.Time
	for first := true; first || again(until); first = false {
		h := c.owner()
		from := time.Now()
		h.terminate()
		ends = append(ends, from)
		time.Sleep(4 * time.Second)
		h.start()
		time.Sleep(4 * time.Second)
		pauses = append(pauses, span{from, time.Now()})
	}
	return func(e *evidence, tl timeline) {
		c.figure("ends", len(ends), "")
		c.atMost("longest pause behind an end", tl.longest(pauses), time.Second, 2*time.Second)
		c.sameEnds(e, ends)
	}
}

// playStop: the owner is stopped for two ttl and goes on. Its sessions are the registry's for as long,
// so nobody else has one; the new owner's logins are refused.
func playStop(c *clusterRig, until time.Time) check {
	c.refused = 1000
	var woken []span
	for first := true; first || again(until); first = false {
		h := c.owner()
		c.engine.stopped = true // for that host
		h.suspend()
		time.Sleep(2 * c.spec.ttl)
		h.resume()
		woken = append(woken, wait(c.spec.ttl+8*time.Second))
	}
	return func(e *evidence, tl timeline) {
		c.figure("stops", len(woken), "")
		// The judge has seen that the connections of before are silent. Logins are tried again behind
		// their own back-off, see faults.md row 46.
		c.atMost("longest pause behind the waking", tl.longest(woken), c.spec.ttl+2*time.Second, 4*time.Second)
		if all := e.owners(); len(all) < 2 {
			c.broken("nobody has taken the account over: %v", all)
		}
	}
}

// playRolling: one host after the other is restarted.
func playRolling(c *clusterRig, until time.Time) check {
	begin := c.registry.counters().Logins
	var all span
	var ends []time.Time
	all.from = time.Now()
	restarts := 0
	for first := true; first || again(until); first = false {
		for _, h := range c.hosts {
			ends = append(ends, time.Now())
			h.terminate()
			h.start()
			restarts++
			time.Sleep(2 * time.Second)
		}
	}
	all.to = time.Now()
	return func(e *evidence, tl timeline) {
		moves := len(e.owners()) - 1
		c.figure("restarts, changes of the owner", restarts, moves)
		c.atMost("longest pause", tl.pause(all.from, all.to), time.Second, 2*time.Second)
		c.sameEnds(e, ends)
		if n := c.registry.counters().Logins - begin; n > (moves+1)*c.spec.sessions {
			c.t.Errorf("%d logins for %d changes of the owner and %d sessions", n, moves, c.spec.sessions)
		}
	}
}

// playHandover: the account is handed over every second.
func playHandover(c *clusterRig, until time.Time) check {
	from := time.Now()
	done, failed := 0, 0
	for first := true; first || done+failed < 10 || again(until); first = false {
		next := time.Now().Add(time.Second)
		if text, ok := c.handover(); ok {
			done++
		} else {
			c.t.Logf("handover: %s", text)
			failed++
		}
		time.Sleep(time.Until(next))
	}
	s := span{from, time.Now()}
	return func(e *evidence, tl timeline) {
		moves := len(e.owners()) - 1
		c.figure("handovers asked for, changes of the owner", done, moves)
		if moves < done*2/3 || failed > done/3 {
			c.broken("%d handovers, %d failed, and the owner has changed %d times", done, failed, moves)
		}
		c.atMost("longest pause", tl.pause(s.from, s.to), time.Second, 2*time.Second)
		c.sameEnds(e, []time.Time{s.from, s.to})
		c.allAnswered(e)
	}
}

// handover asks each host to hand the account over, until the owner does.
func (c *clusterRig) handover() (words string, ok bool) {
	for _, h := range c.hosts {
		text, err := h.ctl("handover", "test")
		if err == nil {
			return text, true
		}
		words += text + "; "
	}
	return words, false
}

// allAnswered: nobody has lost a command.
func (c *clusterRig) allAnswered(e *evidence) {
	c.t.Helper()
	lost := 0
	for i := range e.sent {
		if e.sent[i].end != answered {
			lost++
		}
	}
	if lost > 0 {
		c.broken("%d commands were not answered", lost)
	}
}

// playEngineStop: the engine does not answer for half a ttl. Nobody notices.
func playEngineStop(c *clusterRig, until time.Time) check {
	length := c.spec.ttl / 2
	if !clusterLong { // of the least ttl half is all but a third of a second of what a lease allows
		length = c.spec.ttl * 2 / 5
	}
	before := wait(c.spec.ttl)
	var stops []span
	for first := true; first || again(until); first = false {
		from := time.Now()
		c.engine.pause()
		time.Sleep(length)
		c.engine.Resume()
		time.Sleep(c.spec.ttl / 2)
		stops = append(stops, span{from, time.Now()})
	}
	return func(e *evidence, tl timeline) {
		c.oneOwner(e)
		c.allAnswered(e)
		c.figure("longest pause before", tl.pause(before.from, before.to).Round(time.Millisecond), "")
		c.atMost("longest pause", tl.longest(stops), 500*time.Millisecond, time.Second)
	}
}

// playEngineAway: the engine does not answer for two ttl. The owner stops at its fence, and somebody
// goes on when the engine is back.
func playEngineAway(c *clusterRig, until time.Time) check {
	var back []span
	for first := true; first || again(until); first = false {
		c.engine.pause()
		time.Sleep(2 * c.spec.ttl)
		c.engine.Resume()
		back = append(back, wait(2*c.spec.ttl))
	}
	return func(_ *evidence, tl timeline) {
		c.atMost("longest pause behind the engine's return", tl.longest(back), c.spec.ttl+2*time.Second, 2*time.Second)
	}
}

// engineGone plays what makes an engine forget.
func (c *clusterRig) engineGone(until time.Time, forget func()) check {
	var all []span
	for first := true; first || again(until); first = false {
		from := time.Now()
		c.engine.stopped = true
		forget()
		time.Sleep(2*c.spec.ttl + 2*time.Second)
		all = append(all, span{from, time.Now()})
	}
	return func(_ *evidence, tl timeline) {
		c.atMost("longest pause", tl.longest(all), 2*c.spec.ttl, 2*time.Second)
	}
}

// playEngineEmpty: the engine is killed and starts again with nothing.
func playEngineEmpty(c *clusterRig, until time.Time) check {
	return c.engineGone(until, c.engine.RestartEmpty)
}

// playBoth: the engine is killed and starts again with nothing, and the owner is killed as well. Nobody
// knows what was used of limits and of the budget of logins; the hosts that are left remember that there
// was something, so that all of it counts as used: the budget for a minute.
func playBoth(c *clusterRig, until time.Time) check {
	var all []span
	most := 2*c.spec.ttl + max(c.spec.window(), time.Minute)
	for first := true; first || again(until); first = false {
		h := c.owner()
		from := time.Now()
		c.engine.stopped = true
		c.engine.Kill()
		h.kill()
		c.engine.RestartEmpty()
		time.Sleep(most + 4*time.Second)
		all = append(all, span{from, time.Now()})
		h.start()
		time.Sleep(c.spec.ttl)
	}
	return func(e *evidence, tl timeline) {
		c.atMost("longest pause", tl.longest(all), most, 2*time.Second)
		if all := e.owners(); len(all) < 2 {
			c.broken("nobody has taken the account over: %v", all)
		}
	}
}

// playEngineFlush: all that the engine knows is removed.
func playEngineFlush(c *clusterRig, until time.Time) check {
	return c.engineGone(until, c.engine.Flush)
}

// playEnginePromote: the primary is lost, and its replica takes its place; once.
func playEnginePromote(c *clusterRig, until time.Time) check {
	return c.engineGone(time.Time{}, func() {
		c.engine.Kill()
		c.engine.replica.Promote()
		for _, r := range c.stores {
			r.move(c.engine.replica.Addr)
		}
	})
}

// playCutLanes: a follower cannot reach the owner: one way, the other, both, and by a reset. The others
// work on, and it works again when that is over.
func playCutLanes(c *clusterRig, until time.Time) check {
	var cuts, healed []span
	var follower string
	owner := c.owner()
	peer := c.peers[slices.Index(c.hosts, owner)]
	follower = c.other(owner).name
	for first := true; first || again(until); first = false {
		for _, d := range []direction{forth, back, both} {
			peer.cut(follower, d)
			cuts = append(cuts, wait(2*time.Second))
			peer.heal()
			time.Sleep(time.Second)
		}
		peer.reset(follower)
		healed = append(healed, wait(5*time.Second))
	}
	return func(e *evidence, tl timeline) {
		c.oneOwner(e)
		others := answersOf(e.sent, func(s *sent) bool { return s.host != follower })
		c.atMost("longest pause of others", others.longest(cuts), 500*time.Millisecond, time.Second)
		own := answersOf(e.sent, func(s *sent) bool { return s.host == follower })
		// A lane that hangs is ended by the system within 5 s.
		c.atMost("longest pause of the follower, healed", own.longest(healed), 5*time.Second, 2*time.Second)
	}
}

// playCutEngine: the owner alone cannot reach the engine for two ttl. Another host takes the account.
func playCutEngine(c *clusterRig, until time.Time) check {
	var cuts []span
	for first := true; first || again(until); first = false {
		h := c.owner()
		store := c.stores[slices.Index(c.hosts, h)]
		from := time.Now()
		c.engine.stopped = true
		store.cut("", both)
		time.Sleep(2 * c.spec.ttl)
		store.heal()
		time.Sleep(c.spec.ttl)
		cuts = append(cuts, span{from, time.Now()})
	}
	return func(e *evidence, tl timeline) {
		c.atMost("longest pause", tl.longest(cuts), c.spec.ttl+2*time.Second, 2*time.Second)
		if all := e.owners(); len(all) < 2 {
			c.broken("nobody has taken the account over: %v", all)
		}
	}
}
