package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The world's cluster: the account changes its owner at any moment, to this host, to another one, or to
// nobody who is known.

// simRoles is what this host is for the account.
type simRoles struct {
	change    bool    // it changes now and then
	steps     float64 // and at each step, with that chance
	relay     bool
	suspended bool
	by        time.Duration // while it is suspended
	owed      bool          // DoSuspended has not come
	ahead     time.Duration // of the host's wall clock
	fixed     bool          // of the other owner: it moves whatever comes
	lanes     []time.Duration
}

// cut reports whether nothing may be written to the registry any more.
func (r *simRoles) cut(now time.Duration) bool { return r.suspended && now >= r.by }

// TestSimulationRoles plays worlds where the account changes its owner. A seed that failed belongs into
// TestSimulationRolesSeeds.
func TestSimulationRoles(t *testing.T) {
	seed := firstSeed()
	ended, worlds := 0, 0
	for ended < *simCommands/2 {
		w := roleWorld(t, seed+uint64(worlds))
		w.run(3000)
		ended += w.ended
		worlds++
		if t.Failed() {
			t.Fatalf("failing seed %d", w.seed)
		}
	}
	t.Logf("%d commands in %d worlds from seed %d", ended, worlds, seed)
}

// roleWorld returns a world whose account changes its owner.
func roleWorld(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed)
	w.grants, w.stops = w.seed%2 == 1, w.seed%4 == 3
	w.withLedger()
	w.disk.crashes = min(w.disk.crashes, 0.0003)
	r := rand.New(rand.NewPCG(seed, 3))
	w.roles.change, w.roles.steps = true, []float64{0, 0, 0.01, 0.3}[r.IntN(4)]
	w.cfg.Ledger, w.cfg.Skew = LedgerStrict, 5*time.Second
	if r.IntN(3) == 0 {
		w.disk.slow, w.disk.fails = 2*keepTimeout, 0.3
	}
	if r.IntN(2) == 0 {
		w.pool = New(w.cfg, 0)
	} else {
		w.pool = NewSuspended(w.cfg, 0)
		w.roles.suspended = true
	}
	return w
}

// changeSoon changes the role after a while, again and again.
func (w *world) changeSoon() {
	w.after(w.upTo([]time.Duration{10 * time.Millisecond, time.Second, 20 * time.Second}[w.rand.IntN(3)]), func() {
		if !w.drained {
			w.changeRole()
			w.changeSoon()
		}
	})
}

// changeRole has this host own the account, or another one, or nobody.
func (w *world) changeRole() {
	r := &w.roles
	if w.drained {
		return
	}
	switch w.rand.IntN(8) {
	case 0, 1:
		within := []time.Duration{0, 100 * time.Millisecond, 5 * time.Second}[w.rand.IntN(3)]
		by := w.now + w.upTo(within)
		if !r.suspended {
			r.by = never
		}
		r.suspended, r.owed, r.by = true, true, min(r.by, by)
		w.pool.Suspend(by, w.now)
	case 2:
		w.endWriting()
		r.suspended, r.owed, r.by = true, true, w.now
		w.pool.Abandon(w.now)
	case 3, 4:
		w.assume(true)
	default:
		w.assume(false)
	}
	w.settle()
}

// assume has this host own the account, or carry its commands to another.
func (w *world) assume(relay bool) {
	r := &w.roles
	w.endWriting()
	cfg := w.cfg
	cfg.Relay = relay
	var l *Ledger
	if !relay {
		l = w.takeUp()
		if w.disk.kept == nil {
			l = nil
		}
	}
	*r = simRoles{change: r.change, steps: r.steps, relay: relay, ahead: w.upTo(w.cfg.Skew), fixed: w.chance(0.2)}
	for _, k := range w.sockets {
		k.old = true
	}
	waiting := w.waiting()
	was := make([]Exchange, len(waiting))
	for i, x := range waiting {
		was[i] = *x
	}
	w.pool.Assume(cfg, l, w.now, w.wall())
	for i, x := range waiting {
		if x.deadline != was[i].deadline || x.seq != was[i].seq || x.Since != was[i].Since {
			w.errorf("an exchange that waits has lost its place or its deadline: %v, now %v", was[i].deadline, x.deadline)
		}
	}
}

// waiting are the exchanges that wait, in no order.
func (w *world) waiting() (all []*Exchange) {
	for x := range w.exchange {
		if x.waitList != nil {
			all = append(all, x)
		}
	}
	return all
}

// suspended: no session is left.
func (w *world) suspended() {
	if !w.roles.owed {
		w.errorf("suspended, which nobody has asked for, or twice")
	}
	if w.roles.owed = false; len(w.sockets) > 0 {
		w.errorf("suspended beside %d connections", len(w.sockets))
	}
}

// atRegistry is the number of connections to the registry.
func (w *world) atRegistry() int {
	n := len(w.sockets)
	for _, k := range w.sockets {
		if k.lane {
			n--
		}
	}
	return n
}

// checkOpen: no session is opened while nobody is known to own the account, and each is of the role.
func (w *world) checkOpen(s *Session) {
	if w.roles.suspended || s.lane != w.roles.relay {
		w.errorf("session %d opened, lane %v, as %+v", s.ID, s.lane, w.roles)
	}
}

// checkRoles looks at what must hold after every step.
func (w *world) checkRoles() {
	p, r := w.pool, &w.roles
	if !r.change {
		return
	}
	if at := p.queue.deadline(); at < w.now && w.stopped == 0 {
		w.errorf("C7: an exchange waits beyond its deadline at %v", at)
	}
	if r.owed && w.now > r.by+keepTimeout+time.Second && w.stopped == 0 {
		w.errorf("not suspended %v behind the deadline: %d sessions", w.now-r.by, len(p.sessions))
	}
	if r.owed && r.by <= w.now && w.atRegistry() > p.dialing() {
		w.errorf("%d sessions are open behind the deadline of a suspension", w.atRegistry())
	}
	apart, lanes, busy := 0, 0, 0
	for _, s := range p.sessions {
		if s.apart {
			apart++
		} else if s.lane {
			lanes++
		}
		if s.lane && s.state == SessionDraining {
			w.errorf("a lane logs out")
		}
		if s.state == SessionBusy {
			busy++
		}
	}
	if apart != p.apart || lanes > 0 && !r.relay && !r.suspended {
		w.errorf("%d sessions are apart, counted %d; %d lanes", apart, p.apart, lanes)
	}
	if lanes > max(w.cfg.MaxSessions, w.most) || p.opening > p.atOnce() && p.cfg.Relay {
		w.errorf("%d lanes, %d are opened", lanes, p.opening)
	}
	if r.relay && (len(p.keeping.buckets) > 0 || p.keeping.writing || len(p.ghosts) > 0 || p.ceiling < p.cfg.MaxSessions) {
		w.errorf("a relay keeps or learns something: %+v", p.learnt)
	}
}

// dialing is the number of sessions that are being opened, whatever their role.
func (p *Pool) dialing() (n int) {
	for _, s := range p.sessions {
		if s.state == SessionDialing {
			n++
		}
	}
	return n
}

// openLane connects to the owner, and may fail.
func (w *world) openLane(s *Session) {
	k := &simSocket{busy: true, lane: true, login: w.now + 100*time.Millisecond, counted: new(time.Duration)}
	w.sockets[s] = k
	r := &w.roles
	r.lanes = slices.DeleteFunc(append(r.lanes, w.now), func(at time.Duration) bool { return at <= w.now-time.Second })
	w.after(w.upTo(100*time.Millisecond), func() {
		if k.gaveUp {
			return
		}
		k.busy = false
		if w.chance(w.faults) || !w.registryUp {
			w.failed(s, CauseConnect)
			return
		}
		w.pool.Opened(s, w.now)
	})
}

// carry is one command on a lane, and what the owner does with it.
func (w *world) carry(s *Session, k *simSocket, x *Exchange) {
	if x == nil {
		w.errorf("%v written on a lane", s.InFlight())
		return
	}
	if k.old {
		w.errorf("a command on a lane of before")
	}
	k.busy, k.expects = true, x
	k.gen++
	gen := k.gen
	e := w.exchange[x]
	here := func() bool {
		if w.sockets[s] != k || k.dead || k.gen != gen || s.State() == SessionClosing {
			return false
		}
		k.busy, k.expects = false, nil
		return true
	}
	end := func(how End) func() {
		return func() {
			if !here() {
				return
			}
			if how == EndNotSent {
				e.rejected++
			}
			w.pool.Ended(s, how, CauseQueueTimeout, w.now)
		}
	}
	moved := func() {
		if here() {
			e.sends--
			k.busy = true // it ends
			w.pool.Unsent(s, x, CauseMoved, w.now)
		}
	}
	after := w.upTo(w.rtt)
	switch n := w.rand.IntN(100); {
	case w.roles.fixed && n < 90, n < 5:
		w.after(after, moved)
	case n < 8:
		w.after(after, end(EndNotSent))
	case n < 10:
		e.steady = false
		w.after(after, end(EndUnknown))
	case n < 12:
		e.steady = false
		w.after(after, func() { w.lose(s) })
	case n < 13: // never, or late
		e.steady = false
		w.after(w.upTo(2*w.cfg.CommandTimeout), func() { w.answerLane(s, x, here) })
	default:
		w.after(after, func() { w.answerLane(s, x, here) })
	}
}

// answerLane answers x on s, a lane.
func (w *world) answerLane(s *Session, x *Exchange, here func() bool) {
	if here() {
		w.answering = x
		w.pool.Answered(s, CauseNone, w.now)
		w.answered()
	}
}
