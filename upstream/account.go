package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// Config says how an Account reaches its registry and what it may do there. Zero values mean what
// the comments say.
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

	MaxResponse int    // octets of a payload from the registry; 0: 4 MiB
	HostID      uint16 // 10 bits that tell this host from others with the same account

	// Lost are the answers that mean that the session is not logged in any more, Throttled those
	// that mean that the registry wants fewer commands for a while. The command was not executed in
	// either case. Lost nil: DefaultLost. Throttled nil: none.
	Lost, Throttled []Pattern

	// Dial connects to the registry; nil: TCP to Address. It must end when ctx does.
	Dial func(ctx context.Context) (net.Conn, error)

	// Audit is told of the transforms that Pool.Record says, and of how they end; nil: nobody is.
	Audit        Auditor
	AuditQueries bool // the ends of queries too

	// Pool's Rand may be nil: then it is seeded by chance.
	Pool pool.Config

	Logger *slog.Logger // nil: silent
}

const (
	// budgetsKept is how many client identities' limits are remembered.
	budgetsKept = 1 << 14

	// exchangesKept is how many ended exchanges are kept for the next ones.
	exchangesKept = 1 << 12

	defaultMaxResponse = 4 << 20

	clockWatch = 15 * time.Second // how often the clocks are compared
	clockLeap  = 30 * time.Second // a difference that matters: less than any registry's idle limit

	// askTimeout is how long a caller waits for the loop.
	askTimeout = time.Second

	// drainGrace is how long after the drain's deadline closing may take.
	drainGrace = 2 * time.Second
)

// Account is a registrar's account at one registry: the shell of its pool. It lives on one loop.
// Methods for any goroutine say so; the others are called on the loop.
type Account struct {
	// Immutable after NewAccount.
	name  string
	loop  loop.Loop
	log   *slog.Logger
	epoch time.Time
	ctx   context.Context // ends dialing
	stop  context.CancelFunc
	dials sync.WaitGroup

	gate sync.RWMutex // held for reading while a command of Do is posted
	shut bool         // guarded by gate

	// Owned by the loop.
	cfg          Config
	pool         *pool.Pool // nil before Start
	scanner      frame.Scanner
	trids        *tridSource
	alarm        *loop.Alarm
	instant      time.Duration // of the turn, see now
	depth        int           // of turns within turns
	closed       bool
	target       target         // what sessions are opened with
	trouble      string         // why the last attempt to open a session failed; empty: it did not
	troubleSince time.Duration  // when the first of those attempts failed
	cause        pool.Cause     // of trouble
	seen         seen           // by the last session that logged in
	greeting     []byte         // the registry's last; nil: none yet
	onGreeting   []func([]byte) // see OnGreeting
	onDrained    func(abandoned int)
	// wallAhead is by how much the wall clock, as time since 1970, was ahead of ours when the two
	// were compared last.
	wallAhead time.Duration
	inHand    *frame.Message // the answer that is being taken; nil: none
	answer    []byte         // the answer being delivered
	edits     []frame.Edit
	free      []*Exchange
	buffers   bytebufferpool.Pool
	budgets   *simplelru.LRU[string, *pool.Budget]
	counts    Counters
	doings    map[*doing]struct{} // calls of Do

	recording recording
}

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
}

// NewAccount returns an account that lives on l. Start begins its work.
func NewAccount(cfg Config, l loop.Loop) *Account {
	setDefaults(&cfg)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pool.Rand == nil {
		cfg.Pool.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	budgets, err := simplelru.NewLRU[string, *pool.Budget](budgetsKept, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a := &Account{name: cfg.Name, cfg: cfg, loop: l, log: cfg.Logger, epoch: time.Now(), budgets: budgets,
		trids: newTRIDSource(cfg.HostID), onDrained: func(int) {}, doings: make(map[*doing]struct{})}
	a.target = newTarget(&cfg)
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.alarm = loop.NewAlarm(l, a.clock, a.advance)
	a.recording.queries = loop.NewAlarm(l, a.clock, a.flush)
	return a
}

// Name is the registry's. From any goroutine.
func (a *Account) Name() string { return a.name }

// Loop is the one on which the account lives. From any goroutine.
func (a *Account) Loop() loop.Loop { return a.loop }

// Now is the account's clock: the time since it was made. From any goroutine.
func (a *Account) Now() time.Duration { return a.clock() }

func (a *Account) clock() time.Duration { return time.Since(a.epoch) }

// wall is the time since 1970, for ids only: a few seconds old or wrong is good enough, one reading
// of the wall clock for each is not.
func (a *Account) wall() time.Duration { return a.clock() + a.wallAhead }

func (a *Account) aheadNow() time.Duration { return time.Duration(time.Now().UnixNano()) - a.clock() }

// Start makes the pool, which opens its first sessions. From any goroutine.
func (a *Account) Start() {
	a.loop.Post(func() {
		a.wallAhead = a.aheadNow()
		a.pool = pool.New(a.cfg.Pool, a.clock())
		a.turn(func() { a.alarm.Before(a.now() + clockWatch) })
	})
}

// OnGreeting has f called with each greeting of the registry from now on, and at once with the last
// one if there was one. f must not change the payload, and may keep it.
func (a *Account) OnGreeting(f func(payload []byte)) {
	a.onGreeting = append(a.onGreeting, f)
	if a.greeting != nil {
		f(a.greeting)
	}
}

// greeted takes a greeting of the registry; the payload is the account's.
func (a *Account) greeted(payload []byte) {
	a.greeting = payload
	for _, f := range a.onGreeting {
		f(payload)
	}
}

// turn is the one door to the pool: f may touch it, and what it decides is done when the outermost
// turn ends. A client that submits its next command from within Finish meets a pool that is in
// order. f must not be kept.
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
	}
	a.depth--
}

// inTurn panics outside a turn, where the pool's decisions would be left undone.
func (a *Account) inTurn() {
	if a.depth == 0 {
		panic("BUG: outside a turn")
	}
}

// now is the instant of the turn.
func (a *Account) now() time.Duration {
	a.inTurn()
	return a.instant
}

// perform does what the pool decided.
func (a *Account) perform(act pool.Action) {
	switch act.Do {
	case pool.DoOpen:
		a.startOpening(act.Session)
	case pool.DoRecall:
		carrierOf(act.Session).recall()
	case pool.DoAbort:
		carrierOf(act.Session).recall()
		carrierOf(act.Session).cancel()
	case pool.DoRecord:
		a.renew(of(act.Exchange))
		a.record(act.Session, of(act.Exchange), act.Ticket)
	case pool.DoSend:
		a.renew(of(act.Exchange))
		carrierOf(act.Session).sendExchange(of(act.Exchange))
	case pool.DoKeepalive:
		carrierOf(act.Session).sendKeepalive()
	case pool.DoLogout:
		carrierOf(act.Session).sendLogout()
	case pool.DoClose:
		carrierOf(act.Session).close()
	case pool.DoFinish:
		x, o := of(act.Exchange), Outcome{End: act.End, Cause: act.Cause}
		if act.End == pool.EndAnswered {
			o = a.answered(a.inHand, x)
		}
		a.finish(x, o)
	case pool.DoDrained:
		a.onDrained(a.pool.Abandoned())
	}
}

func (a *Account) advance() {
	a.turn(func() {
		a.watchClock()
		a.pool.Advance(a.now())
	})
}

// watchClock looks whether the wall clock has moved on by much more than ours. Then the host may
// have slept, and nobody knows what the registry has done with the sessions meanwhile. A wall clock
// that was set looks the same; then the probe costs a command on each session.
func (a *Account) watchClock() {
	ahead := a.aheadNow()
	if ahead-a.wallAhead > clockLeap {
		a.log.Warn("the clock has leapt; idle sessions are probed", "by", ahead-a.wallAhead)
		a.pool.Probe(a.now())
	}
	a.wallAhead = ahead
	a.alarm.Before(a.now() + clockWatch)
}

// Sender is on whose behalf an exchange goes.
type Sender struct {
	Client Client
	Budget *pool.Budget // nil: no client-scope limits
	Weight uint8        // share when commands wait, against other clients; 0: 1
	// Since is when the client was served last (Exchange.SentAt), or came (Now).
	Since time.Duration
}

// Budget is the state of the client-scope limits of one identity, the same for all its connections.
func (a *Account) Budget(identity string) *pool.Budget {
	if b, ok := a.budgets.Get(identity); ok {
		return b
	}
	b := pool.NewBudget()
	a.budgets.Add(identity, b)
	return b
}

// ErrDrainTimeout says that a drain did not end in time, or had to close sessions without a logout.
var ErrDrainTimeout = errors.New("drain: not every session logged out in time")

// Drain lets the commands that wait and are in flight end within the given time, sends nothing new,
// logs all sessions out, and returns when no session is left. From any goroutine but the loop.
func (a *Account) Drain(within time.Duration) error {
	drained := make(chan int, 1) // sessions without a logout, once
	a.loop.Post(func() {
		a.onDrained = func(abandoned int) { drained <- abandoned }
		a.drain(within)
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

func (a *Account) drain(within time.Duration) {
	a.turn(func() { a.pool.Drain(a.now()+within, a.now()) })
}

// Close ends dialing, waits for it, and ends the calls of Do; no session is opened after it, and
// those that are open are left to the loop's end. From any goroutine but the loop, which must still
// run.
func (a *Account) Close() {
	a.stop()
	a.shutGate()
	done := make(chan struct{})
	a.loop.Post(func() {
		a.closed = true
		for d := range a.doings {
			d.giveUp(pool.CauseShutdown)
		}
		a.alarm.Stop()
		a.recording.queries.Stop()
		close(done)
	})
	<-done
	a.dials.Wait()
}

// Reload takes another config: exchanges that wait or are in flight go on. Name, HostID, Logger and
// Audit stay as they were. From any goroutine but the loop; it returns when it is done.
func (a *Account) Reload(cfg Config) {
	done := make(chan struct{})
	a.loop.Post(func() {
		defer close(done)
		a.reload(cfg)
	})
	<-done
}

func (a *Account) reload(cfg Config) {
	setDefaults(&cfg)
	login := pool.SameLogin
	switch {
	case cfg.Address != a.cfg.Address || cfg.Login.ClientID != a.cfg.Login.ClientID:
		login = pool.NewRegistry
	case cfg.TLS != a.cfg.TLS || !reflect.DeepEqual(cfg.Login, a.cfg.Login):
		login = pool.NewLogin
	}
	cfg.Name, cfg.HostID, cfg.Logger, cfg.Audit = a.cfg.Name, a.cfg.HostID, a.cfg.Logger, a.cfg.Audit
	known := a.target.dialer
	a.cfg = cfg
	a.target = newTarget(&cfg)
	a.target.remember(known)
	a.turn(func() { a.pool.Reconfigure(cfg.Pool, login, a.now()) })
}
