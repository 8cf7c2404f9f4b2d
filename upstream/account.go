package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
)

// Config says how an Account reaches its registry and what it may do there. Zero values mean what
// the comments say.
type Config struct {
	Name          string // of the registry, in logs
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

	// Lost says which answers mean that the session is not logged in any more, Throttled which that
	// the registry wants fewer commands for a while; the command was not executed in either case.
	// Lost nil: DefaultLost. Throttled nil: none.
	Lost, Throttled []Pattern

	// Dial connects to the registry; nil: TCP to Address. It must end when ctx does.
	Dial func(ctx context.Context) (net.Conn, error)

	// Audit is told of the commands that AuditQueries and Pool.Announce say; nil: nobody is.
	Audit        Auditor
	AuditQueries bool // the ends of queries too

	// Pool's Rand may be nil: then it is seeded by chance.
	Pool PoolConfig

	// OnGreeting is called on the loop with each greeting of the registry, which it may keep.
	OnGreeting func(payload []byte)
	// OnDrained is called on the loop once after Drain, when no session is left, with the number of
	// those that could not be logged out in time.
	OnDrained func(cut int)

	Logger *slog.Logger // nil: silent
}

const (
	// budgetsKept is how many client identities' limits are remembered.
	budgetsKept = 1 << 14

	// exchangesKept is how many ended exchanges are kept for the next ones.
	exchangesKept = 1 << 12

	defaultMaxResponse = 4 << 20
)

// Account is a registrar's account at one registry: the shell of its Pool. Everything but
// NewAccount and Close belongs to the loop.
type Account struct {
	// Immutable after NewAccount.
	cfg   Config
	loop  Loop
	log   *slog.Logger
	epoch time.Time
	ctx   context.Context // ends dialing
	stop  context.CancelFunc
	dials sync.WaitGroup

	// Owned by the loop.
	pool         *Pool
	scanner      frame.Scanner
	trids        *tridSource
	alarm        *Alarm
	now          time.Duration // of the outermost call
	depth        int           // of calls into the Account
	closed       bool
	target       target        // what sessions are opened with
	trouble      string        // why the last attempt to open a session failed; empty: it did not
	troubleSince time.Duration // when the first of those attempts failed
	cause        Cause         // of trouble
	seen         seen          // by the last session that logged in
	// wallAhead is by how much the wall clock, as time since 1970, was ahead of now when they were
	// compared last.
	wallAhead time.Duration
	answer    []byte // the answer being delivered
	edits     []frame.Edit
	free      []*Exchange
	buffers   bytebufferpool.Pool
	budgets   *simplelru.LRU[string, *Budget]
	counts    Counters

	auditing auditing
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

// NewAccount returns an account that lives on loop. Start begins its work.
func NewAccount(cfg Config, loop Loop) *Account {
	setDefaults(&cfg)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Pool.Rand == nil {
		cfg.Pool.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.OnGreeting == nil {
		cfg.OnGreeting = func([]byte) {}
	}
	if cfg.OnDrained == nil {
		cfg.OnDrained = func(int) {}
	}
	budgets, err := simplelru.NewLRU[string, *Budget](budgetsKept, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a := &Account{cfg: cfg, loop: loop, log: cfg.Logger, epoch: time.Now(), trids: newTRIDSource(cfg.HostID), budgets: budgets}
	a.target = newTarget(&cfg)
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.alarm = NewAlarm(loop, a.clock, a.advance)
	a.auditing.queries = NewAlarm(loop, a.clock, a.flush)
	return a
}

func (a *Account) clock() time.Duration { return time.Since(a.epoch) }

// Start makes the pool, which opens its first sessions.
func (a *Account) Start() {
	a.enter()
	a.wallAhead = a.aheadNow()
	a.pool = NewPool(a.cfg.Pool, a.now)
	a.alarm.Before(a.now + clockWatch)
	a.leave()
}

// Drain lets what waits and is in flight end until the given time from now, sends nothing new, logs
// all sessions out, and then calls OnDrained.
func (a *Account) Drain(within time.Duration) {
	a.enter()
	a.pool.Drain(a.now+within, a.now)
	a.leave()
}

// Close ends dialing and waits for it; no session is opened after it. Any goroutine but the loop
// may call it; the loop must still run.
func (a *Account) Close() {
	a.stop()
	done := make(chan struct{})
	a.loop.Post(func() {
		a.closed = true
		a.alarm.Stop()
		a.auditing.queries.Stop()
		close(done)
	})
	<-done
	a.dials.Wait()
}

// enter and leave stand around everything that touches the pool. Actions are done when the
// outermost call leaves, so that a client that submits its next command from within Finish meets a
// pool that is in order.
func (a *Account) enter() {
	if a.depth++; a.depth == 1 {
		a.now = a.clock()
	}
}

// wall is the time since 1970, for ids only: a few seconds old or wrong is good enough, one reading
// of the wall clock for each is not.
func (a *Account) wall() time.Duration { return a.clock() + a.wallAhead }

func (a *Account) aheadNow() time.Duration { return time.Duration(time.Now().UnixNano()) - a.clock() }

func (a *Account) leave() {
	if a.depth == 1 {
		for {
			act, ok := a.pool.Next()
			if !ok {
				break
			}
			a.perform(act)
		}
		a.alarm.Before(a.pool.Wake())
	}
	a.depth--
}

// perform does what the pool decided.
func (a *Account) perform(act Action) {
	switch act.Do {
	case DoOpen:
		a.startOpening(act.Session)
	case DoRecall:
		act.Session.transport().recall()
	case DoAbort:
		act.Session.transport().recall()
		act.Session.transport().cancel()
	case DoSend:
		act.Session.transport().sendExchange(act.Exchange)
	case DoAnnounce:
		a.announce(act.Session, act.Exchange, act.Turn)
	case DoKeepalive:
		act.Session.transport().sendKeepalive()
	case DoLogout:
		act.Session.transport().sendLogout()
	case DoClose:
		act.Session.transport().close()
	case DoFinish:
		a.finish(act.Exchange, Outcome{End: act.End, Cause: act.Cause})
	case DoDrained:
		a.cfg.OnDrained(a.pool.cut)
	}
}

func (a *Account) startOpening(s *Session) {
	if a.closed {
		return
	}
	t := &transport{a: a, s: s, announced: func(turn uint64, ok bool) { a.settle(s, turn, ok) }}
	t.renewOwn()
	s.Transport = t
	ctx, cancel := context.WithCancel(a.ctx)
	t.cancel = cancel
	a.dials.Add(1)
	go a.open(ctx, t, a.target)
}

func (a *Account) advance() {
	a.enter()
	a.watchClock()
	a.pool.Advance(a.now)
	a.leave()
}

// watchClock looks whether the wall clock has moved on by much more than our own: then the host may
// have slept, and what the registry has done with the sessions meanwhile nobody knows. A wall clock
// that was set looks the same; then the probe costs a command on each session.
func (a *Account) watchClock() {
	ahead := a.aheadNow()
	if ahead-a.wallAhead > clockLeap {
		a.log.Warn("the clock has leapt; idle sessions are probed", "by", ahead-a.wallAhead)
		a.pool.Probe(a.now)
	}
	a.wallAhead = ahead
	a.alarm.Before(a.now + clockWatch)
}

const (
	clockWatch = 15 * time.Second // how often the clocks are compared
	clockLeap  = 30 * time.Second // a difference that matters: less than any registry's idle limit
)

// Budget is the state of the client-scope limits of one identity, the same for all its connections.
func (a *Account) Budget(identity string) *Budget {
	if b, ok := a.budgets.Get(identity); ok {
		return b
	}
	b := newBudget()
	a.budgets.Add(identity, b)
	return b
}

// Sender is on whose behalf an exchange goes.
type Sender struct {
	Client Client
	Budget *Budget // nil: no client-scope limits
	Weight uint8   // share when commands wait, against other clients; 0: 1
	// Since is when the client was served last (Exchange.SentAt), or came (Now).
	Since time.Duration
}

// Exchange returns an exchange that holds m's octets with a new muxTRID in the clTRID's place. m is
// not used after it returns. The exchange is the caller's until Submit.
func (a *Account) Exchange(from Sender, m *frame.Message) *Exchange {
	x := a.newExchange()
	x.Command, x.Op, x.Query = m.Command, m.Op, m.Query()
	x.client, x.budget, x.weight, x.since = from.Client, from.Budget, max(1, from.Weight), from.Since
	var content []byte
	if m.ClTRID.Present() {
		content = m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End]
	}
	var scratch [tridMax]byte
	id := a.trids.appendMuxTRID(scratch[:0], content, m.ClTRID.Value, a.wall())
	x.buf.B, x.tridAt = frame.AppendCommand(x.buf.B[:0], m, id)
	x.unit = len(x.buf.B)
	if x.tridAt > 0 {
		x.trid = len(id)
	}
	x.own = len(content)
	x.buf.B = append(x.buf.B, content...)
	if a.cfg.Audit != nil && (a.cfg.AuditQueries || !x.Query) {
		x.name()
	}
	return x
}

func (a *Account) newExchange() *Exchange {
	var x *Exchange
	if n := len(a.free); n > 0 {
		x, a.free = a.free[n-1], a.free[:n-1]
	} else {
		x = new(Exchange)
	}
	x.buf = a.buffers.Get()
	return x
}

// Now is the account's clock, from any goroutine.
func (a *Account) Now() time.Duration { return a.clock() }

// Submit puts x into the queue; its client's Finish is called once.
func (a *Account) Submit(x *Exchange) {
	a.enter()
	a.pool.Submit(x, a.now)
	a.leave()
}

// Cancel says that x's client has gone. Finish is not called any more, and x may not be touched.
func (a *Account) Cancel(x *Exchange) {
	a.enter()
	x.client = nil
	a.pool.Cancel(x, a.now)
	a.leave()
}

// finish gives x back to its client and takes it out of use.
func (a *Account) finish(x *Exchange, o Outcome) {
	a.counts.finished(x, o, a.now)
	a.auditEnd(x, o)
	if o.End == EndUnknown && !x.Query {
		a.log.Warn("outcome of a transform is unknown: it was sent and has no answer; look it up at the registry", "command", x.Command.String(),
			"cltrid", shown(x.OwnClTRID()), "muxtrid", string(x.MuxTRID()), "reason", o.Cause.String())
	}
	if x.client != nil {
		x.client.Finish(x, o)
	}
	a.buffers.Put(x.buf)
	*x = Exchange{charges: x.charges}
	if len(a.free) < exchangesKept {
		a.free = append(a.free, x)
	}
}

// shown is the content of a client's clTRID for the log, as far as it is text: what else a client
// has put there, such as a comment, is not its id.
func shown(clTRID []byte) string {
	if i := bytes.IndexByte(clTRID, '<'); i >= 0 {
		clTRID = append(clTRID[:i:i], "..."...)
	}
	if len(clTRID) > maxShown {
		return string(clTRID[:maxShown]) + "..."
	}
	return string(clTRID)
}

const maxShown = 64 // octets

// renew puts a new muxTRID into x, which is about to be sent a second time: a registry may refuse a
// clTRID that it has seen. Only the part that is ours changes, so its length stays.
func (a *Account) renew(x *Exchange) {
	if x.tridAt == 0 {
		return
	}
	id := x.MuxTRID()
	x.sent = false
	content, known := a.trids.resolve(id)
	a.trids.append(id[:1], a.wall())
	if known == ownContent && len(id) == tridHead+1 {
		a.trids.kept.Add(string(id[:tridHead]), content)
	}
}

// Reload takes another config, on the loop: what is queued or in flight goes on. Name, HostID,
// Logger, Audit and the hooks stay as they were.
func (a *Account) Reload(cfg Config) {
	setDefaults(&cfg)
	login := SameLogin
	switch {
	case cfg.Address != a.cfg.Address || cfg.Login.ClientID != a.cfg.Login.ClientID:
		login = NewRegistry
	case cfg.TLS != a.cfg.TLS || !reflect.DeepEqual(cfg.Login, a.cfg.Login):
		login = NewLogin
	}
	cfg.Name, cfg.HostID, cfg.Logger, cfg.Audit = a.cfg.Name, a.cfg.HostID, a.cfg.Logger, a.cfg.Audit
	cfg.OnGreeting, cfg.OnDrained = a.cfg.OnGreeting, a.cfg.OnDrained
	known := a.target.dialer
	a.cfg = cfg
	a.target = newTarget(&cfg)
	a.target.remember(known)
	a.enter()
	a.pool.Reconfigure(cfg.Pool, login, a.now)
	a.leave()
}
