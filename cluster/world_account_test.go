package cluster

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"eppmux/upstream/pool"
)

// worldRole is what an account is to its registry, as upstream.Role.
type worldRole uint8

const (
	worldNone worldRole = iota
	worldOwner
	worldFollower
)

// worldAccount is an account at one process: the real pool, in the shell of upstream.Account and of peer, as
// far as they decide anything.
type worldAccount struct {
	h    *worldHost
	r    *worldRegistry
	pool *pool.Pool

	role      worldRole
	term      uint64
	ownership Tenure
	owner     Owner // while it follows
	yields    []func()
	depth     int
	instant   time.Duration // of the turn
	fenced    bool
	losing    bool
	timer     time.Duration // when the alarm rings, in true time; never: it does not
	downSince time.Duration // 0: it is not
	ahead     time.Duration // the wall clock less ours, when the two were compared last
	called    time.Duration // when the last call of the cluster comes

	socks    []*worldSock // with the registry, as far as the process has them open
	lanes    []*worldLane // that are open to it as the owner
	opened   []*worldLane // that it has opened as a follower
	commands map[*worldCommand]struct{}
}

func newWorldAccount(h *worldHost, r *worldRegistry) *worldAccount {
	a := &worldAccount{h: h, r: r, timer: never, commands: make(map[*worldCommand]struct{})}
	a.pool = pool.NewSuspended(a.config(), h.clocks.Mono())
	a.turn(func() {})
	a.ahead = h.clocks.Wall() - h.clocks.Mono()
	h.event(15*time.Second, a.watchClock)
	return a
}

// watchClock has the ledger written anew where the wall clock was set, as upstream.Account.watchClock.
func (a *worldAccount) watchClock() {
	ahead := a.h.clocks.Wall() - a.h.clocks.Mono()
	d := ahead - a.ahead
	a.ahead = ahead
	a.turn(func() {
		if d > 30*time.Second {
			a.pool.Probe(a.instant)
		}
		if max(d, -d) > time.Second {
			a.pool.KeepSoon(a.instant)
		}
	})
	a.h.event(15*time.Second, a.watchClock)
}

// config is that of the pool in the role, as upstream.Account.poolConfig.
func (a *worldAccount) config() pool.Config {
	c := a.r.config
	c.Rand = rand.New(rand.NewPCG(a.h.w.rand.Uint64(), 1))
	if a.role == worldOwner {
		c.Skew, c.Ledger = a.ownership.Skew, pool.LedgerStrict
		return c
	}
	c.Relay, c.Ledger, c.MinSessions, c.MaxSessions = true, pool.LedgerNot, 1, a.h.w.lanes
	if a.role == worldNone {
		c.MaxSessions = 1
	}
	c.CommandTimeout = a.patience() + time.Second
	c.Rules = slices.DeleteFunc(slices.Clone(c.Rules), func(r pool.Rule) bool { return r.Scope != pool.ScopeClient })
	return c
}

// patience is upstream.Lanes.Patience.
func (a *worldAccount) patience() time.Duration {
	return a.r.config.QueueTimeout + a.r.config.CommandTimeout
}

// turn is the one door to the pool.
func (a *worldAccount) turn(f func()) {
	if a.depth++; a.depth == 1 {
		a.instant = a.h.clocks.Mono()
	}
	f()
	if a.depth == 1 {
		for act, ok := a.pool.Next(); ok; act, ok = a.pool.Next() {
			a.perform(act)
		}
		a.arm()
		a.watchDown()
	}
	if a.depth--; a.depth == 0 && a.fenced {
		a.lost()
	}
}

// arm sets the alarm.
func (a *worldAccount) arm() {
	w := a.h.w
	wake := a.pool.Wake()
	if wake == never {
		return
	}
	at := w.now + max(wake-a.h.clocks.Mono(), 0)
	if at >= a.timer {
		return
	}
	a.timer = at
	w.at(at, a.h, a.h.life, func() {
		if a.timer != at {
			return
		}
		if a.timer = never; a.pool.Wake() > a.h.clocks.Mono() {
			a.arm()
			return
		}
		a.turn(func() { a.pool.Advance(a.instant) })
	})
}

func (a *worldAccount) perform(act pool.Action) {
	switch act.Do {
	case pool.DoOpen:
		if a.role == worldFollower {
			a.openLane(act.Session)
		} else {
			a.openSock(act.Session)
		}
	case pool.DoRecall, pool.DoAbort:
		switch k := act.Session.Shell.(type) {
		case *worldSock:
			k.giveUp(act.Do == pool.DoAbort)
		case *worldLane:
			k.giveUp()
		}
	case pool.DoSend:
		switch k := act.Session.Shell.(type) {
		case *worldSock:
			k.send(act.Exchange)
		case *worldLane:
			k.send(act.Exchange)
		}
	case pool.DoKeepalive, pool.DoLogout:
		switch k := act.Session.Shell.(type) {
		case *worldSock:
			k.sendOwn()
		case *worldLane: // the end of the connection says as much
			a.pool.Poison(k.s, k.s.Cause())
		}
	case pool.DoClose:
		switch k := act.Session.Shell.(type) {
		case *worldSock:
			k.close()
		case *worldLane:
			k.close()
		}
	case pool.DoKeep:
		a.keep(act.Ticket)
	case pool.DoFinish:
		act.Exchange.Shell.(*worldExchange).finish(act.End, act.Cause)
	case pool.DoSuspended:
		a.yielded()
	default:
		a.h.w.fail("%s: the pool wants %d", a.h.name, act.Do)
	}
}

// What the cluster tells, as upstream/role.go has it.

func (a *worldAccount) own(t Tenure) {
	a.ownership, a.owner = t, Owner{}
	a.assume(worldOwner, t.Term)
}

func (a *worldAccount) follow(o Owner) {
	if a.role == worldFollower && a.owner == o {
		return
	}
	a.ownership, a.owner = Tenure{}, o
	a.assume(worldFollower, o.Term)
}

func (a *worldAccount) orphan() {
	if a.role != worldFollower {
		return
	}
	within := a.patience() + time.Second
	a.owner = Owner{}
	a.change(worldNone, 0, func() { a.pool.Suspend(a.instant+within, a.instant) })
}

func (a *worldAccount) yield(within time.Duration, done func()) {
	if a.role != worldOwner && len(a.yields) == 0 {
		done()
		return
	}
	a.yields = append(a.yields, done)
	a.change(worldNone, 0, func() { a.pool.Suspend(a.instant+within, a.instant) })
}

// fence notes, in a turn, that the fence has kept a write back.
func (a *worldAccount) fence() {
	if !a.fenced && !a.losing {
		a.fenced = true
		a.h.w.fences++
	}
}

func (a *worldAccount) lost() {
	a.fenced = false
	if a.role != worldOwner && len(a.yields) == 0 || a.losing {
		return
	}
	a.change(worldNone, 0, func() { a.pool.Abandon(a.instant) })
}

func (a *worldAccount) assume(r worldRole, term uint64) {
	a.role = r
	var l *pool.Ledger
	if r == worldOwner {
		l = a.remembered(&a.ownership)
	}
	a.change(r, term, func() { a.pool.Assume(a.config(), l, a.instant, a.h.clocks.Wall()) })
	a.yielded()
}

func (a *worldAccount) change(r worldRole, term uint64, how func()) {
	a.role, a.term = r, term
	a.turn(func() {
		how()
		for _, l := range slices.Clone(a.lanes) {
			if a.role != worldOwner || l.term != a.term {
				l.leave()
			}
		}
	})
}

func (a *worldAccount) yielded() {
	all := a.yields
	a.yields = nil
	for _, done := range all {
		done()
	}
}

func (a *worldAccount) watchDown() {
	down := a.role == worldOwner && a.pool.Down(a.instant)
	switch {
	case down == (a.downSince > 0):
	case down:
		a.downSince = max(a.instant, 1)
	default:
		a.downSince = 0
	}
}

func (a *worldAccount) down() time.Duration {
	if a.downSince == 0 {
		return 0
	}
	return a.h.clocks.Mono() - a.downSince
}

// die ends what the process had: its connections, and its clients' commands.
func (a *worldAccount) die(unnoticed bool) {
	w := a.h.w
	for _, k := range a.socks {
		after := k.back()
		if unnoticed {
			after = w.upTo(a.r.linger)
		}
		k.closed = true
		w.at(max(k.lastTo, w.now+after), nil, 0, k.conn.end)
	}
	within := w.upTo(5 * time.Millisecond)
	if unnoticed {
		within = w.upTo(5 * time.Second)
	}
	for _, l := range slices.Concat(a.lanes, a.opened) {
		l.cut(within)
	}
	for _, c := range slices.SortedFunc(maps.Keys(a.commands), func(c, o *worldCommand) int { return cmp.Compare(c.number, o.number) }) {
		c.gone = true
		w.lost++
		if c.client.command == c {
			c.client.command = nil
			w.after(c.client.think, c.client.submit)
		}
	}
}
