package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// Config says how an Account reaches its registry and what it may do there. The comments say what
// zero values mean.
type Config struct {
	Name          string // of the registry, in logs and metrics
	Address       string // host:port
	SourceAddress string // local IP to connect from; empty: any
	TLS           *tls.Config

	// Login is sent on every session. Its services are taken from the registry's greeting where
	// they are empty, its language where that is empty.
	Login frame.Login

	ConnectTimeout  time.Duration // name look-up, TCP and TLS; 0: 10 s
	GreetingTimeout time.Duration // 0: 10 s
	LoginTimeout    time.Duration // 0: 30 s

	MaxResponse int // octets of a payload from the registry; 0: 4 MiB

	// TRIDs makes the muxTRIDs, for all accounts of a process; nil: one for this account alone, with an
	// identity by chance.
	TRIDs *TRIDs

	// By an answer that matches one of Lost, the session is not logged in any more; by one of
	// Throttled, the registry wants fewer commands for a while. In either case it did not execute
	// the command. Lost nil: DefaultLost. Throttled nil: none.
	Lost, Throttled []Pattern

	// QueryExtensions are namespaces of command extensions that ask for nothing but an answer, beside
	// those that frame.Message.Query knows. A query with any other counts as a transform.
	QueryExtensions []string

	// Dial connects to the registry; nil: TCP to Address. It must end when ctx does.
	Dial func(ctx context.Context) (net.Conn, error)

	// Audit keeps a record of transforms, as Pool.Record says, and of how they end; nil: none is
	// kept.
	Audit        Auditor
	AuditQueries bool // record the ends of queries too

	// Ledger keeps what must be remembered beyond the process, as Pool.Ledger says; nil: nothing is
	// kept, whatever that says. Memory is what it kept last before this process began. A Reload with
	// another Ledger goes to another account: it takes up Memory too.
	Ledger Keeper
	Memory Memory
	// LedgerKey keys the hashes of refused credentials in the ledger: 32 octets, by chance, the same for
	// all processes that share the ledger.
	LedgerKey []byte
	login     string // see loginHash

	// Shared: the account belongs to the hosts of a cluster. It begins in RoleNone, and waits for what
	// the cluster tells it, see Own. Ledger and Memory come with each Ownership.
	Shared bool

	// dialer connects where Dial is nil; nil: one for Address.
	dialer *dialer

	// carry makes the carrier of a session; nil: openTCP. See target.carry.
	carry func(*session) carrier

	// Pool configures the pool. Rand nil: one that is seeded by chance.
	Pool pool.Config

	Logger *slog.Logger // nil: silent
}

const (
	// budgetsKept is the number of client identities whose Budgets are kept.
	budgetsKept = 1 << 14

	// exchangesKept is the number of ended exchanges that are kept to be used again.
	exchangesKept = 1 << 12

	defaultMaxResponse = 4 << 20

	// clockWatch is the time between two comparisons of the clocks, clockLeap the difference from
	// which sessions are probed: less than any registry's idle limit.
	clockWatch = 15 * time.Second
	clockLeap  = 30 * time.Second

	// askTimeout is the longest that a caller waits for the loop.
	askTimeout = time.Second

	// drainGrace is the longest that Drain waits after its deadline for sessions to close.
	drainGrace = 2 * time.Second
)

// Account is a registrar's account at one registry: the shell of its pool. It lives on one loop.
// Its methods are called on the loop, but for those whose comment says otherwise.
type Account struct {
	// Immutable after NewAccount.
	name  string
	loop  loop.Loop
	log   *slog.Logger
	epoch time.Time
	ctx   context.Context // ends dialing
	stop  context.CancelFunc
	dials sync.WaitGroup

	gate sync.RWMutex // locked for reading while a command of a Caller is posted
	shut bool         // no command of a Caller is posted any more; guarded by gate

	scanners sync.Pool     // of *frame.Scanner, for carries
	lastID   atomic.Uint64 // see NextID
	objects  objectLimits

	// Owned by the loop.
	cfg          Config
	pool         *pool.Pool // nil before Start
	scanner      frame.Scanner
	trids        *tridSource
	alarm        *loop.Alarm
	instant      time.Duration // of the turn, see now
	depth        int           // number of turns within each other; 0: outside a turn
	target       target        // what sessions are opened with
	trouble      string        // why there is a session less, see troubled; empty: one was opened since
	troubleSince time.Duration // when it began
	cause        pool.Cause    // of trouble
	seen         seen          // by the last session that logged in
	mailbox      mailbox
	idleNamed    bool           // see nameIdleLimit
	greeting     []byte         // the registry's last; nil: none yet
	onGreeting   []func([]byte) // see OnGreeting
	drained      bool           // DoDrained has come
	onDrained    []func()       // see whenDrained
	// wallAhead is the wall clock, as time since 1970, less our clock, when the two were compared
	// last.
	wallAhead time.Duration
	inHand    *frame.Message // the answer that the pool was told of last; valid in that turn
	answer    []byte         // as its client gets it, see restore
	edits     []frame.Edit
	free      []*Exchange
	buffers   buffers
	kinds     kinds
	budgets   *simplelru.LRU[string, *pool.Budget]
	counts    Counters
	calls     calls

	recording recording
	duty      duty         // in a cluster
	hosts     hosts        // that have sent commands on lanes
	downSince atomic.Int64 // see Down; 0: it is not down
	up        atomic.Bool  // see Up

	keptSince    time.Duration       // when the last writing of the ledger began
	ledgerBroken bool                // and said so
	left         [][sha256.Size]byte // sums of what was kept of accounts that were left, see leaveLedger
	spent        string              // the limit that watchSpent has named; empty: none
}

// setDefaults replaces zero values in cfg.
func setDefaults(cfg *Config) {
	for d, v := range map[*time.Duration]time.Duration{
		&cfg.ConnectTimeout:  10 * time.Second,
		&cfg.GreetingTimeout: 10 * time.Second,
		&cfg.LoginTimeout:    30 * time.Second,
	} {
		if *d == 0 {
			*d = v
		}
	}
	if cfg.MaxResponse == 0 {
		cfg.MaxResponse = defaultMaxResponse
	}
	if cfg.Lost == nil {
		cfg.Lost = DefaultLost
	}
	if cfg.Ledger == nil && !cfg.Shared {
		cfg.Pool.Ledger = pool.LedgerNot
	}
}

// NewAccount returns an account that lives on l. Start begins its work.
func NewAccount(cfg Config, l loop.Loop) *Account {
	setDefaults(&cfg)
	cfg.login = loginHash(&cfg)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pool.Rand == nil {
		cfg.Pool.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.TRIDs == nil {
		cfg.TRIDs = NewTRIDs(uint16(rand.N(TRIDIdentities)), 0)
	}
	budgets, err := simplelru.NewLRU[string, *pool.Budget](budgetsKept, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a := &Account{name: cfg.Name, cfg: cfg, loop: l, log: cfg.Logger, epoch: time.Now(), budgets: budgets,
		trids: newTRIDSource(cfg.TRIDs), calls: calls{all: make(map[*calling]struct{})}}
	if cfg.Shared {
		a.duty.role, a.duty.pool = RoleNone, RoleNone
	}
	a.noteObjects()
	a.kinds = newKinds(a.knows)
	a.target = newTarget(&cfg)
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.alarm = loop.NewAlarm(l, a.clock, a.advance)
	a.recording.queries = loop.NewAlarm(l, a.clock, a.flush)
	return a
}

// Name returns the registry's name. From any goroutine.
func (a *Account) Name() string { return a.name }

// Loop returns the loop on which the account lives. From any goroutine.
func (a *Account) Loop() loop.Loop { return a.loop }

// Now returns the time by the account's clock: since it was made. From any goroutine.
func (a *Account) Now() time.Duration { return a.clock() }

func (a *Account) clock() time.Duration { return time.Since(a.epoch) }

// wall returns the time since 1970 for muxTRIDs. It may be wrong by some seconds, and spares a
// reading of the wall clock for each.
func (a *Account) wall() time.Duration { return a.clock() + a.wallAhead }

// aheadNow returns the wall clock, as time since 1970, less our clock.
func (a *Account) aheadNow() time.Duration { return time.Duration(time.Now().UnixNano()) - a.clock() }

// Start makes the pool, which opens its first sessions. From any goroutine.
func (a *Account) Start() {
	a.loop.Post(func() {
		a.wallAhead = a.aheadNow()
		now := a.clock()
		if a.cfg.Shared {
			a.pool = pool.NewSuspended(a.poolConfig(), now)
		} else {
			a.pool = pool.Resume(a.cfg.Pool, a.remembered(), now, now+a.wallAhead)
		}
		a.cfg.Memory = Memory{}
		a.turn(func() { a.alarm.Before(a.now() + clockWatch) })
		a.watchSpent()
	})
}

// OnGreeting calls f with each greeting of the registry from now on, and at once with the last one
// if there was one. f must not change the payload, and may keep it.
func (a *Account) OnGreeting(f func(payload []byte)) {
	a.onGreeting = append(a.onGreeting, f)
	if a.greeting != nil {
		f(a.greeting)
	}
}

// greeted takes a greeting of the registry. It keeps the payload.
func (a *Account) greeted(payload []byte) {
	a.greeting = payload
	for _, f := range a.onGreeting {
		f(payload)
	}
}

// turn is the one door to the pool. f may change the pool; what the pool decides is done when the
// outermost turn ends. So a client that submits its next command from within Finish finds the pool
// in order. turn must not keep f, so that it does not escape and a turn allocates nothing.
func (a *Account) turn(f func()) {
	if a.depth++; a.depth == 1 {
		a.instant = a.clock()
	}
	f()
	if a.depth == 1 {
		for act, ok := a.pool.Next(); ok; act, ok = a.pool.Next() {
			a.perform(act)
		}
		a.alarm.Before(a.pool.Wake())
		a.watchDown()
	}
	if a.depth--; a.depth == 0 && a.duty.fenced {
		a.lost()
	}
}

// inTurn panics outside a turn, where nobody would do what the pool decides.
func (a *Account) inTurn() {
	if a.depth == 0 {
		panic("BUG: outside a turn")
	}
}

// now returns the instant of the turn.
func (a *Account) now() time.Duration {
	a.inTurn()
	return a.instant
}

// perform does one thing that the pool decided.
func (a *Account) perform(act pool.Action) {
	switch act.Do {
	case pool.DoOpen:
		a.startOpening(act.Session)
	case pool.DoRecall, pool.DoAbort:
		if act.Session.Shell == nil { // closed before it was opened
			break
		}
		carrierOf(act.Session).recall()
		if act.Do == pool.DoAbort {
			carrierOf(act.Session).cancel()
		}
	case pool.DoRecord:
		a.renew(of(act.Exchange))
		a.record(act.Session, of(act.Exchange), act.Ticket)
		a.handed(of(act.Exchange))
	case pool.DoKeep:
		a.keep(act.Ticket)
	case pool.DoSend:
		a.renew(of(act.Exchange))
		carrierOf(act.Session).sendExchange(of(act.Exchange))
		a.handed(of(act.Exchange))
	case pool.DoKeepalive:
		carrierOf(act.Session).sendKeepalive()
	case pool.DoLogout:
		carrierOf(act.Session).sendLogout()
	case pool.DoClose:
		carrierOf(act.Session).close()
	case pool.DoFinish:
		x, o := of(act.Exchange), Outcome{End: act.End, Cause: act.Cause}
		if act.End == pool.EndAnswered {
			o = a.outcomeOf(a.answerTo(x), x)
		}
		a.finish(x, o)
	case pool.DoSuspended:
		a.yielded()
	case pool.DoDrained:
		a.drained = true
		for _, f := range a.onDrained {
			f()
		}
	}
}

// handed notes that x has been handed to a session. It may wait again by now.
func (a *Account) handed(x *Exchange) {
	if x.caller != nil {
		x.caller.sent(x)
	}
}

// advance runs when the alarm rings.
func (a *Account) advance() {
	a.turn(func() {
		a.watchClock()
		a.pool.Advance(a.now())
		a.calls.expire(a)
	})
	a.watchLedger()
	a.watchSpent()
}

// watchClock has idle sessions probed when the wall clock has moved on by much more than ours. Then
// the host may have slept, and the registry may have closed the sessions meanwhile. A wall clock
// that was set looks the same; then the probe costs a command on each session.
func (a *Account) watchClock() {
	ahead := a.aheadNow()
	if ahead-a.wallAhead > clockLeap {
		a.log.Warn("the clock has leapt; idle sessions are probed", "by", ahead-a.wallAhead)
		a.pool.Probe(a.now())
	}
	if d := ahead - a.wallAhead; max(d, -d) > clockSet {
		a.pool.KeepSoon(a.now())
	}
	a.wallAhead = ahead
	a.alarm.Before(a.now() + clockWatch)
}

// Sender describes the client that submits an exchange.
type Sender struct {
	Client Client
	Budget *pool.Budget // nil: no client-scope limits
	Weight uint8        // its share, against other clients, when commands wait; 0: 1
	// For blame, see pool.Author: its connection, by NextID (0: none), what it shares with others, the
	// kinds of commands to which it has had an answer, and how many answers.
	ID       uint64
	Identity string
	Known    pool.Kinds
	Answers  uint32
	// Since is when the client was served last (Exchange.SentAt), or connected (Now).
	Since time.Duration
}

// Budget returns the state of the client-scope limits of one identity. All its connections share
// it.
func (a *Account) Budget(identity string) *pool.Budget {
	if b, ok := a.budgets.Get(identity); ok {
		return b
	}
	b := pool.NewBudget()
	a.budgets.Add(identity, b)
	return b
}

// ErrDrainTimeout is returned when a drain did not end in time, or had to close sessions without a
// logout.
var ErrDrainTimeout = errors.New("drain: not every session logged out in time")

// Drain ends the account's work within the given time, see pool.Pool.Drain: it lets commands end,
// logs all sessions out, and returns when no session is left. From any goroutine but the loop, also
// from several and more than once: the last deadline holds.
func (a *Account) Drain(within time.Duration) error {
	drained := make(chan int, 1) // sessions without a logout, once
	a.loop.Post(func() {
		a.drain(within)
		a.whenDrained(func() { drained <- a.pool.Abandoned() })
	})
	late := time.NewTimer(within + drainGrace)
	defer late.Stop()
	select {
	case n := <-drained:
		if n > 0 {
			return fmt.Errorf("%w: %d closed without", ErrDrainTimeout, n)
		}
		return nil
	case <-late.C:
		return ErrDrainTimeout
	}
}

// whenDrained calls f once the account has drained, at once if it has. On the loop.
func (a *Account) whenDrained(f func()) {
	if a.drained {
		f()
	} else {
		a.onDrained = append(a.onDrained, f)
	}
}

func (a *Account) drain(within time.Duration) {
	a.turn(func() { a.pool.Drain(a.now()+within, a.now()) })
	a.calls.refuse(pool.CauseShutdown)
}

// Close ends dialing, waits for it, and ends the calls of Callers. No session is opened any more; open
// sessions stay until the loop ends. From any goroutine but the loop, which must still run.
func (a *Account) Close() {
	a.stop()
	a.shutGate()
	done := make(chan struct{})
	a.loop.Post(func() {
		a.calls.close()
		a.alarm.Stop()
		a.recording.queries.Stop()
		close(done)
	})
	<-done
	a.dials.Wait()
}

// LogsInWith reports whether the config lists the namespace as a service for the login. It reports
// false where the services are those of the greeting.
func (a *Account) LogsInWith(namespace []byte) bool {
	is := func(uri string) bool { return uri == string(namespace) }
	return slices.ContainsFunc(a.cfg.Login.ObjectURIs, is) || slices.ContainsFunc(a.cfg.Login.ExtensionURIs, is)
}
