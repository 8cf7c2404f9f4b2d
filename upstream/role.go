package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// Fence is the end of the time for which an account may write to its registry. Any goroutine may use
// it.
type Fence interface{ Passed() bool }

// Ownership is what an Account has while its host owns it in a cluster.
type Ownership struct {
	Term  uint64
	Fence Fence // nil: it never passes
	// Ledger and Memory stand for those of the Config: what the owner before has kept, and where it is
	// kept from now on. A nil Ledger: nothing is kept.
	Ledger Keeper
	Memory Memory
	// Skew is by how much the clocks of two hosts may differ.
	Skew time.Duration
}

// Lanes is how an Account reaches the host that owns it.
type Lanes struct {
	Owner string // the host
	Peer  string // host:port, where it takes lanes
	Term  uint64
	TLS   *tls.Config // mutual, TLS 1.3, lane.Protocol; ServerName is set; nil: plain, for tests
	Hello lane.Hello  // but for the wall clock
	Max   int         // lanes at the same time, from 1
	// Dial connects to the peer; nil: TCP to Peer. It must end when ctx does.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Role is what an Account is to its registry.
type Role uint8

const (
	// RoleSole: it is in no cluster, and owns its account for good.
	RoleSole Role = iota
	// RoleNone: nobody is known to own it, or one role ends before the next begins. What waits goes on
	// waiting.
	RoleNone
	RoleOwner
	RoleFollower
	numRoles
)

func (r Role) String() string { return [numRoles]string{"sole", "none", "owner", "follower"}[r] }

// duty is the role of an Account and what belongs to it. Owned by the loop.
type duty struct {
	role   Role
	pool   Role      // the last one in which commands were sent: the pool's config is of that; RoleNone: none was
	term   uint64    // of the owner, here or elsewhere
	own    Ownership // of RoleOwner, and until its sessions have ended
	lanes  Lanes     // of RoleFollower
	onRole []func()  // see OnRole
	yields []func()  // that wait for the end of a Yield

	fenced bool // a write was kept back, see fenced
	losing bool // lost is at work
}

// The methods below are what a cluster tells of the account, see Config.Shared. They may be called from
// any goroutine, behind Start, and do not block.

// Own has the account log in at its registry and work there, until the fence. Commands that wait go on
// waiting in their turns.
func (a *Account) Own(o Ownership) { a.loop.Post(func() { a.own(o) }) }

func (a *Account) own(o Ownership) {
	d := &a.duty
	d.own, d.lanes = o, Lanes{}
	a.cfg.Ledger, a.cfg.Memory = o.Ledger, o.Memory
	a.wallAhead = a.aheadNow()
	a.assume(RoleOwner, o.Term)
	a.watchSpent()
}

// Follow has the account send its commands to the host that owns it. Where it does so already, nothing
// changes.
func (a *Account) Follow(l Lanes) { a.loop.Post(func() { a.follow(l) }) }

func (a *Account) follow(l Lanes) {
	d := &a.duty
	if d.role == RoleFollower && d.lanes.same(&l) {
		return
	}
	d.own, d.lanes = Ownership{}, l
	a.cfg.Ledger, a.cfg.Memory = nil, Memory{}
	a.assume(RoleFollower, l.Term)
}

// same reports whether lanes that are open by l are as good as those by m would be.
func (l *Lanes) same(m *Lanes) bool {
	a, b := *l, *m
	a.Hello.Wall, a.Dial, b.Hello.Wall, b.Dial = 0, nil, 0, nil
	return a.Owner == b.Owner && a.Peer == b.Peer && a.Term == b.Term && a.TLS == b.TLS && a.Hello == b.Hello &&
		a.Max == b.Max
}

// Orphan says that nobody is known to own the account. What is in flight may still end.
func (a *Account) Orphan() { a.loop.Post(a.orphan) }

func (a *Account) orphan() {
	d := &a.duty
	if d.role != RoleFollower {
		return // it was lost or given up before
	}
	within := a.lanePatience()
	d.lanes = Lanes{}
	a.change(RoleNone, 0, func(now time.Duration) { a.pool.Suspend(now+within, now) })
}

// Yield has the account give up its registry within the given time, in good order, see
// pool.Pool.Suspend. done is called once, from the loop, when no session is left and that is written
// down; also where Lose, or another role, comes first. It is called at once where the account is no
// owner.
func (a *Account) Yield(within time.Duration, done func()) {
	a.loop.Post(func() { a.yield(within, done) })
}

func (a *Account) yield(within time.Duration, done func()) {
	d := &a.duty
	if d.role != RoleOwner && len(d.yields) == 0 {
		done()
		return
	}
	d.yields = append(d.yields, done)
	a.change(RoleNone, 0, func(now time.Duration) { a.pool.Suspend(now+within, now) })
}

// Lose says that the fence has passed, or that another host owns the account: sessions are closed, and
// nothing more is written, not even a logout. An answer that has come by then still reaches its client.
func (a *Account) Lose() { a.loop.Post(a.lost) }

// fenced notes, in a turn, that the fence has kept a write back. What was to be written goes back; the
// account has itself lost when the turn has ended.
func (a *Account) fenced() {
	a.inTurn()
	if d := &a.duty; !d.fenced && !d.losing {
		d.fenced = true
		a.counts.Fenced++
		a.log.Warn("the fence has passed: nothing more is written to the registry", "term", d.term)
	}
}

// lost ends the account's ownership, and all that is left of one that is given up.
func (a *Account) lost() {
	d := &a.duty
	d.fenced = false
	if d.role != RoleOwner && len(d.yields) == 0 || d.losing {
		return
	}
	d.losing = true
	for _, c := range a.carriers() {
		c.hear()
	}
	d.losing = false
	a.change(RoleNone, 0, a.pool.Abandon)
}

// carriers are those of the sessions that wait for an answer.
func (a *Account) carriers() (all []carrier) {
	a.pool.Sessions(func(s *pool.Session) {
		if s.Shell != nil && s.InFlight() != pool.NothingInFlight {
			all = append(all, carrierOf(s))
		}
	})
	return all
}

// assume begins a role in which commands are sent.
func (a *Account) assume(r Role, term uint64) {
	a.duty.role, a.duty.pool = r, r
	a.trouble, a.cause = "", pool.CauseNone // it was of what the role before opened
	before := a.target.dialer
	a.target = a.newTarget()
	if before != nil && a.target.dialer != nil {
		a.target.dialer.inherit(before)
	}
	remembered := a.remembered()
	a.cfg.Memory = Memory{}
	a.change(r, term, func(now time.Duration) {
		a.pool.Assume(a.poolConfig(), remembered, now, now+a.aheadNow())
	})
	a.yielded()
}

// change makes r the role, has the pool do what belongs to it, and says so.
func (a *Account) change(r Role, term uint64, how func(now time.Duration)) {
	d := &a.duty
	wasTerm, was := a.OwnerTerm()
	d.role, d.term = r, term
	a.turn(func() {
		how(a.now())
		if term, is := a.OwnerTerm(); is == was && term == wasTerm {
			return
		}
		for _, f := range d.onRole {
			f()
		}
	})
}

// yielded tells those who wait for the end of a Yield. It is called for DoSuspended too.
func (a *Account) yielded() {
	all := a.duty.yields
	a.duty.yields = nil
	for _, done := range all {
		done()
	}
}

// newTarget is what sessions, or lanes, are opened with in the account's role.
func (a *Account) newTarget() target {
	if a.duty.role == RoleFollower {
		return newLaneTarget(&a.cfg, a.duty.lanes)
	}
	return newTarget(&a.cfg)
}

// lanePatience is how long a lane waits for an answer: the owner may keep a command in its queue and in
// flight, as long as our own config says, since hosts have the same; and a second.
func (a *Account) lanePatience() time.Duration {
	return a.cfg.Pool.QueueTimeout + a.cfg.Pool.CommandTimeout + time.Second
}

// poolConfig is the config of the pool in the account's role; where there is none, in the last one, of which
// sessions may be left. The account's own is that of an owner; a follower keeps of it what is about its
// clients: the registry's limits are for the owner to keep.
func (a *Account) poolConfig() pool.Config {
	c, d := a.cfg.Pool, &a.duty
	switch d.pool {
	case RoleOwner:
		c.Skew = d.own.Skew
		if a.cfg.Ledger == nil {
			c.Ledger = pool.LedgerNot
		} else if d.own.Fence != nil {
			c.Ledger = pool.LedgerStrict
		}
	case RoleNone, RoleFollower:
		c.Relay, c.Ledger, c.MinSessions, c.MaxSessions = true, pool.LedgerNot, 1, max(1, d.lanes.Max)
		c.CommandTimeout = a.lanePatience()
		c.Rules = slices.DeleteFunc(slices.Clone(c.Rules),
			func(r pool.Rule) bool { return r.Scope != pool.ScopeClient })
	}
	return c
}

// Role returns what the account is to its registry by now. On the loop.
func (a *Account) Role() Role { return a.duty.role }

// OwnerTerm returns the term under which this host owns the account, and whether it does. It does not
// any more while it gives the account up. On the loop.
func (a *Account) OwnerTerm() (term uint64, ok bool) {
	return a.duty.term, a.duty.role == RoleOwner || a.duty.role == RoleSole
}

// OnRole calls f on the loop whenever the account begins or ceases to be its registry's owner, or owns it
// in another term. When it ceases, nothing more that waits is sent, and f may withdraw it; what is in
// flight still ends. f is called within a turn. On the loop.
func (a *Account) OnRole(f func()) { a.duty.onRole = append(a.duty.onRole, f) }

// Down returns for how long the account, as owner, has wanted a session and had none; 0: it has one,
// wants none, or is paused by the operator. From any goroutine.
func (a *Account) Down() time.Duration {
	since := time.Duration(a.downSince.Load())
	if since == 0 {
		return 0
	}
	return a.clock() - since
}

// Up reports whether commands can be sent, by sessions or lanes: there is one, or one is opened at once. It is false
// until the first. From any goroutine.
func (a *Account) Up() bool { return a.up.Load() }

// watchDown keeps what Down and Up say.
func (a *Account) watchDown() {
	if up := a.pool.Up(a.instant); up != a.up.Load() {
		a.up.Store(up)
	}
	down := a.duty.role == RoleOwner && a.pool.Down(a.instant)
	switch {
	case down == (a.downSince.Load() > 0):
	case down:
		a.downSince.Store(int64(max(a.instant, 1)))
	default:
		a.downSince.Store(0)
	}
}

// Greeting returns the payload of the registry's last greeting; nil: there was none. It must not be
// changed, and may be kept. On the loop.
func (a *Account) Greeting() []byte { return a.greeting }
