package cluster

import (
	"log/slog"
	"math"
	"time"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

const (
	// rankStep is by how much longer a candidate waits than the one that is better by one.
	rankStep = 100 * time.Millisecond
	// settled is how long a better host is a member before it gets an account back, and how long an
	// account stays where it is before.
	settled = time.Minute
	// unfitFor is how long a host that could open no session does not own the account. Each time in a row it
	// is twice as long, up to unfitMost: where the registry is away no host is fit, and the account is to
	// rest. Behind twice unfitMost it is another time.
	unfitFor  = 10 * time.Minute
	unfitMost = 8 * unfitFor
)

// do says what the shell of a machine is to do.
type do uint8

const (
	// doLoad: call Engine.Load for table, then loaded.
	doLoad do = iota
	// doGet: call Engine.Get for record, then got.
	doGet
	// doSwap: call Engine.Swap, then swapped.
	doSwap
	// The others are calls of the account's Tenant. doOwn has tenure, without Keep.
	doOwn
	doFollow // with owner
	doOrphan
	doYield // with within; its done is yielded, of the tenure's term
	doLose
	// doKept: call done of ticket with ok.
	doKept
	// doSay: write a line of log.
	doSay
)

// action is one thing to do. The fields that the comment of its do names are set.
type action struct {
	do      do
	id      uint64 // of a request, see answers
	table   Table
	record  Record
	old     []byte
	with    []Record
	account string
	tenure  Tenure
	owner   Owner
	within  time.Duration
	ticket  uint64
	ok      bool
	level   slog.Level
	text    string
	args    []any
}

// machineConfig is what a machine is made of.
type machineConfig struct {
	Host, Instance, Peer, Version   string
	TTL, MaxSkew, YieldAfter, Yield time.Duration
	Clocks                          Clocks // for the fences only
}

// machine decides what a host does in a cluster. It has no I/O, no clock and no goroutine: methods tell
// it what happened and when, and leave actions, which the shell takes from next and does. advance is due
// at wake. A machine is not safe for concurrent use.
type machine struct {
	cfg      machineConfig
	accounts map[string]*account
	order    []string
	actions  []action
	asked    map[uint64]*asking // requests without an answer, by id
	lastID   uint64
	since    time.Duration // when it began, by the wall clock

	// Readings, see poll.go.
	pollAt  time.Duration // when the next round is due
	readAt  time.Duration // when the last Load of Leases was asked
	hinted  bool          // the engine says that there is something new
	loading int           // requests of the round under way
	fresh   bool          // Members was read
	view    uint64        // rises where the reasons to give accounts up may have changed

	// Members, see member.go.
	members  map[string]*member
	self     self
	unfit    map[string]int64 // see Member.Unfit
	identity int
	odd      bool // this host's wall clock is the odd one out
	apart    bool // the only other member's clock differs
	doubled  bool // another process is a member by our host's name
	leaving  bool
	closing  bool
	resigned bool // the removal of this member was asked for
	closed   bool
}

// asking is a request under way.
type asking struct {
	table   Table
	account *account
	write   *claim // of a Swap of a lease
	at      Instant
}

func newMachine(cfg machineConfig) *machine {
	return &machine{cfg: cfg, accounts: make(map[string]*account), asked: make(map[uint64]*asking),
		members: make(map[string]*member), unfit: make(map[string]int64), identity: -1, pollAt: never,
		self: self{at: never}}
}

// start begins to take part.
func (m *machine) start(now Instant) {
	m.since, m.pollAt, m.self.at = now.Wall, now.Boot, now.Boot
	m.advance(now)
}

// next returns the next thing to do. ok is false where there is none.
func (m *machine) next() (a action, ok bool) {
	if len(m.actions) == 0 {
		return action{}, false
	}
	a = m.actions[0]
	m.actions = m.actions[1:]
	if len(m.actions) == 0 {
		m.actions = nil
	}
	return a, true
}

func (m *machine) act(a action) { m.actions = append(m.actions, a) }

func (m *machine) say(level slog.Level, text string, args ...any) {
	m.act(action{do: doSay, level: level, text: text, args: args})
}

// ask leaves a request, which is answered by its id.
func (m *machine) ask(a action, r asking) {
	m.lastID++
	a.id = m.lastID
	m.asked[a.id] = &r
	m.act(a)
}

// answer takes the request id out of those under way; nil: it is not.
func (m *machine) answer(id uint64) *asking {
	r := m.asked[id]
	delete(m.asked, id)
	return r
}

// advance does what is due. It is called at wake, or earlier.
func (m *machine) advance(now Instant) {
	if m.closed {
		return
	}
	m.poll(now)
	m.tend(now)
	for _, key := range m.order {
		m.step(m.accounts[key], now)
	}
	m.sweep(now)
}

// sweep forgets accounts that were parted from.
func (m *machine) sweep(now Instant) {
	for _, key := range m.order {
		if a := m.accounts[key]; a.parting && a.state == stateNone {
			delete(m.accounts, key)
			m.order = without(m.order, key)
			m.self.at = now.Boot
			return
		}
	}
}

func without(all []string, one string) []string {
	var rest []string
	for _, s := range all {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}

// wake returns when advance is due, by the boot clock.
func (m *machine) wake() time.Duration {
	if m.closed {
		return never
	}
	at := m.self.at
	if m.self.asked != 0 || !m.self.read {
		at = never
	}
	if m.loading == 0 {
		at = min(at, m.pollAt)
		if m.hinted {
			at = min(at, m.readAt+m.cfg.TTL/60)
		}
	}
	for _, a := range m.accounts {
		at = min(at, a.wake)
	}
	return at
}

// join takes part in the election of an account. An account that is there gets new preferences.
func (m *machine) join(spec Account, now Instant) {
	a := m.accounts[spec.Key]
	if a == nil {
		a = &account{Account: spec, changes: make(map[Reason]uint64), since: now.Wall}
		m.accounts[spec.Key] = a
		m.order = append(m.order, spec.Key)
	}
	a.Account, a.parting, a.leaving, a.leaves = spec, false, false, false
	m.self.at = min(m.self.at, now.Boot)
	if m.pollAt != never {
		m.pollAt = now.Boot
		m.advance(now)
	}
}

// part gives an account up, with or without a successor.
func (m *machine) part(key string, now Instant) {
	if a := m.accounts[key]; a != nil {
		a.parting = true
		m.view++
		m.advance(now)
	}
}

// leave gives up what others can own, and takes nothing any more: the account of a key, or with an empty one
// all of them.
func (m *machine) leave(key string, now Instant) {
	m.leaving, m.self.at = m.leaving || key == "", now.Boot
	m.view++
	for _, a := range m.accounts {
		if key == "" || key == a.Key {
			a.leaving, a.leaves = true, a.leaves || a.state != stateNone
		}
	}
	m.advance(now)
}

// left reports whether each account that this host owned when it left is another's, or nobody else can
// own it. key is as for leave.
func (m *machine) left(key string, now Instant) bool {
	for _, a := range m.accounts {
		switch {
		case !a.leaves, key != "" && key != a.Key:
		case a.state == stateNone && a.told.Host == "" && m.successor(a, "", now) != nil,
			a.state == stateOwner && m.successor(a, "", now) != nil,
			a.state == stateReading, a.state == stateYielding, a.state == stateReleasing:
			return false
		}
	}
	return true
}

// close gives up everything, and removes the member. closed follows.
func (m *machine) close(now Instant) {
	m.leaving, m.closing, m.self.at = true, true, now.Boot
	m.view++
	m.advance(now)
}
