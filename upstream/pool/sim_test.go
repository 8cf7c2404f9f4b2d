package pool

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

var (
	simSeed     = flag.Uint64("sim.seed", 1, "seed of the simulation's first world; 0: a new one, printed")
	simCommands = flag.Int("sim.commands", 200_000, "commands that the simulation ends, over all its worlds")
)

// firstSeed is that of the first world; the next ones count up.
func firstSeed() uint64 {
	if *simSeed != 0 {
		return *simSeed
	}
	return rand.Uint64() / 2
}

// TestSimulation plays worlds of clients and registries with a clock of their own, from a seed, and
// checks the invariants after every step. A seed that failed belongs into TestSimulationSeeds.
func TestSimulation(t *testing.T) {
	seed := firstSeed()
	ended, worlds := 0, 0
	for ended < *simCommands {
		w := newWorld(t, seed+uint64(worlds))
		w.grants, w.stops = w.seed%2 == 1, w.seed%4 >= 2
		w.withLedger()
		w.run(5000)
		if w.seed%3 == 0 && w.cfg.Ledger != LedgerNot && !w.t.Failed() { // another process goes on
			w.begin()
			w.run(w.ended + 2000)
		}
		ended += w.ended
		worlds++
		if t.Failed() {
			t.Fatalf("failing seed %d", seed+uint64(worlds)-1)
		}
	}
	t.Logf("%d commands in %d worlds from seed %d", ended, worlds, seed)
}

// TestSimulationSeeds plays the worlds that once found something.
func TestSimulationSeeds(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 13842910550210803108, 6926760348474544758, 7802247694890977494, 12972690399775547005, 9336147027907509414, 13272356629287946189} {
		newWorld(t, seed).run(5000)
	}
	for _, seed := range []uint64{1350753320455471755, 6631384200562330740, 12294712837502677554,
		4252819003366300665, 11114107712913323091} {
		w := newWorld(t, seed)
		w.grants, w.stops = seed%2 == 1, seed%4 >= 2
		w.withLedger()
		w.run(5000)
	}
}

// TestSimulationForgets plays worlds where sessions lose their logins without a word, among commands that
// are refused by the same codes, and nothing else goes wrong.
func TestSimulationForgets(t *testing.T) {
	wrong, worlds, seed := 0, *simCommands/20_000, firstSeed()
	for i := range worlds {
		w := newWorldWith(t, seed+uint64(i), func(w *world) {
			w.faults, w.throttle, w.cfg.Rules, w.noPolls = 0, 0, nil, false
			w.forgets, w.refuses = 0.01, []float64{0.02, 0.2, 0.6}[w.quiet.IntN(3)]
		})
		w.run(5000)
		wrong += w.wrong
	}
	t.Logf("%d wrong answers in %d worlds", wrong, worlds)
}

// allCommands is the set of everything.
func allCommands() CommandSet {
	return Commands(func(frame.Command, frame.Op) bool { return true })
}

// world is a pool with clients and a registry around it.
type world struct {
	t      *testing.T
	seed   uint64
	rand   *rand.Rand
	now    time.Duration
	pool   *Pool
	cfg    Config
	events eventHeap
	order  int

	clients     []*simClient
	sockets     map[*Session]*simSocket
	exchange    map[*Exchange]*simExchange
	answering   *Exchange     // whose answer the pool is being told of; nil: nobody's
	stops       bool          // the process is stopped now and then
	stopped     time.Duration // in all
	grants      bool          // reloads that leave the login alone are grants
	ended       int
	connections uint64 // of clients, so far
	drained     bool
	draining    bool
	began       time.Duration // the drain
	awake       time.Duration // how long the process had been stopped by then
	by          time.Duration
	cut         int // logins that the drain's deadline has left without a logout

	says       simSays
	most       int           // sockets that there may be
	ceiling    int           // the pool's, before the step that is being done
	settled    time.Duration // when a reload must have taken effect
	paused     bool          // a maintenance window is on
	faults     float64       // chance of a fault per command
	throttle   float64       // chance that the registry wants fewer commands
	rtt        time.Duration
	login      time.Duration // the longest that an attempt to open a session takes
	quiet      *rand.Rand    // decides what follows
	forgets    float64       // chance per command that its session loses the login, and no words tell
	refuses    float64       // chance that a command is refused as if it were so
	noPolls    bool          // the account may not poll
	mistaken   int           // sessions given up as not logged in, that were
	reloads    int
	probed     time.Duration // when the pool was last told to
	wrong      int           // answers of sessions without a login that clients have got
	registryUp bool
	ghosts     []time.Duration  // until when the registry counts sessions that we have closed
	units      *rand.Rand       // draws what rules count, and how many objects checks have
	names      bool             // some rule counts objects
	refused    int              // checks that had too many
	seen       []*time.Duration // when the registry counted each command
	refusedAt  time.Duration
	long       []*time.Duration // as seen, for the limit that outlives the process
	longAt     time.Duration    // when that is checked next
	disk       simDisk
	roles      simRoles
	// How the registry deals with sessions: how long it counts one that has ended, at most; the silence
	// after which it ends one, 0: none; whether it serves one and closes the others; the answer behind
	// which it ends one, 0: none.
	linger, silence time.Duration
	lingering       []time.Duration // until when it counts each that has ended
	closesSurplus   bool
	lastAnswer      int
	logins          []time.Duration
}

type simClient struct {
	x      *Exchange
	id     uint64
	think  time.Duration
	weight uint8
	served time.Duration
	budget *Budget
	known  Kinds
	sent   uint64  // commands, for their content
	ruins  float64 // chance that a command of it ends its session
}

type simExchange struct {
	client    *simClient
	submitted time.Duration
	sends     int
	rejected  int // times the registry said that it had not executed it
	lastSent  time.Duration
	ended     bool
	cancelled bool
	recorded  bool       // since it was handed to a session
	held      bool       // its answer is
	asked     bool       // its session could be asked whether it is logged in
	wrongOn   *simSocket // that has answered it last, and was not logged in; nil: none was
	steady    bool       // what it was sent last is answered as soon as most commands are
}

type event struct {
	at    time.Duration
	order int
	f     func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }

func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}

func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *eventHeap) Push(x any) { *h = append(*h, x.(event)) }

func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

func newWorld(t *testing.T, seed uint64) *world { return newWorldWith(t, seed, func(*world) {}) }

// newWorldWith is newWorld with a change before the pool is made.
func newWorldWith(t *testing.T, seed uint64, change func(*world)) *world {
	r := rand.New(rand.NewPCG(seed, 0))
	w := &world{t: t, seed: seed, rand: r, sockets: map[*Session]*simSocket{}, exchange: map[*Exchange]*simExchange{},
		registryUp: true, refusedAt: -1, units: rand.New(rand.NewPCG(seed, 3))}
	most := 1 + r.IntN(5)
	w.cfg = Config{
		Grant:        Grant{MinSessions: 1 + r.IntN(most), MaxSessions: most},
		QueueTimeout: time.Duration(1+r.IntN(8)) * time.Second, CommandTimeout: time.Duration(5+r.IntN(60)) * time.Second,
		Keepalive: time.Duration(r.IntN(3)) * time.Minute, KeepaliveCommand: frame.CommandHello,
		MaxAge: time.Duration(r.IntN(2)) * 10 * time.Minute, MaxCommands: r.IntN(2) * 100,
		Rand: rand.New(rand.NewPCG(seed, 1)),
	}
	if r.IntN(2) == 0 {
		w.cfg.KeepaliveCommand = frame.CommandPoll
	}
	if r.IntN(3) > 0 {
		n := 5 + r.IntN(100)
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: n, Per: time.Second, Burst: r.IntN(n + 1)}, Commands: allCommands()})
	}
	if r.IntN(3) == 0 {
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: 2, Per: time.Second}, Scope: ScopeClient, Commands: allCommands()})
	}
	if r.IntN(3) == 0 {
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: 3, Per: time.Second}, Scope: ScopeSession,
			Commands: Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCreate })})
	}
	w.cfg.Record = Record(r.IntN(3))
	w.faults = []float64{0, 0.001, 0.02, 0.2}[r.IntN(4)]
	w.throttle = []float64{0, 0, 0.01}[r.IntN(3)]
	w.rtt = time.Duration(1+r.IntN(50)) * time.Millisecond
	w.login = []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 10 * time.Second}[r.IntN(3)]
	w.most, w.settled = w.cfg.MaxSessions, never
	w.disk.logins = loginBudget(w.cfg.MaxSessions).N
	w.quiet = rand.New(rand.NewPCG(seed, 2))
	w.forgets = []float64{0, 0, 0.001, 0.02}[w.quiet.IntN(4)]
	w.refuses = []float64{0, 0, 0.05, 0.5}[w.quiet.IntN(4)]
	w.noPolls = w.quiet.IntN(6) == 0
	w.saysWith()
	change(w)
	w.pool = New(w.cfg, 0)
	weights := 1 + r.IntN(3)
	for i := range 1 + r.IntN(40) {
		w.clients = append(w.clients, &simClient{id: uint64(i + 1), think: time.Duration(1+r.IntN(500)) * time.Millisecond, weight: uint8(1 + r.IntN(weights))})
	}
	if r.IntN(2) == 0 {
		for _, c := range w.clients[:r.IntN(len(w.clients)+1)] {
			c.ruins = []float64{0.02, 0.3, 1}[r.IntN(3)]
		}
	}
	w.connections = uint64(len(w.clients))
	w.linger = []time.Duration{0, 0, 500 * time.Millisecond, 5 * time.Second}[r.IntN(4)]
	w.silence = []time.Duration{0, 0, 3 * time.Second, 20 * time.Second}[r.IntN(4)]
	w.closesSurplus = r.IntN(8) == 0
	w.lastAnswer = []int{0, 0, 0, 40}[seed/16%4] // not drawn, so that old seeds play what they did
	return w
}

func (w *world) after(d time.Duration, f func()) {
	w.order++
	heap.Push(&w.events, event{w.now + d, w.order, f})
}

func (w *world) chance(p float64) bool { return w.rand.Float64() < p }

func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rand.Int64N(int64(d) + 1))
}

func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d at %v: %s", w.seed, w.now, fmt.Sprintf(format, args...))
}

// run plays until so many commands have ended, then drains.
func (w *world) run(commands int) {
	w.settle()
	w.start()
	for steps := 0; w.ended < commands && w.now < 2*time.Hour && !w.t.Failed(); steps++ {
		w.step()
	}
	within := []time.Duration{10 * time.Second, time.Second, 4 * w.rtt}[w.rand.IntN(3)]
	w.draining, w.began, w.by, w.awake = true, w.now, w.now+w.upTo(within), w.stopped
	w.pool.Drain(w.by, w.now)
	w.settle()
	for !w.drained && w.now < w.by+2*time.Minute && !w.t.Failed() {
		w.step()
	}
	if w.t.Failed() {
		return
	}
	if !w.drained || len(w.sockets) > 0 {
		w.errorf("not drained: %d sockets, %d queued", len(w.sockets), w.pool.Queued())
	}
	if w.cut > w.pool.abandoned {
		w.errorf("I14: %d logins have no logout, %d are told", w.cut, w.pool.abandoned)
	}
	w.checkEnd()
	for _, e := range w.exchange {
		if !e.ended {
			w.errorf("an exchange never ended: %+v", *e)
		}
	}
}

// start begins everything that happens around a process.
func (w *world) start() {
	for _, c := range w.clients {
		c.budget = NewBudget()
		w.after(w.upTo(time.Second), func() { w.submit(c) })
	}
	if w.faults > 0 {
		w.after(w.upTo(time.Minute), w.outage)
	}
	if w.rand.IntN(2) == 0 {
		w.after(w.upTo(time.Minute), w.reload)
	}
	if w.rand.IntN(3) == 0 {
		w.after(w.upTo(20*time.Second), w.window)
	}
	if w.roles.change {
		w.changeSoon()
	}
}

// step does the next event: of the world, or the pool's alarm.
func (w *world) step() {
	if w.roles.steps > 0 && w.chance(w.roles.steps) {
		w.changeRole()
	}
	if w.disk.crashes > 0 && !w.draining && w.chance(w.disk.crashes) {
		w.crash()
	}
	w.ceiling = w.pool.ceiling
	wake := w.pool.Wake()
	if w.stops && len(w.events) > 0 && w.chance(0.001) {
		// The process is stopped for a while. What has happened meanwhile comes before the pool's
		// alarm.
		stop := w.upTo(2 * w.cfg.QueueTimeout)
		w.now = max(w.now, min(wake, w.events[0].at)) + stop
		w.stopped += stop
		if w.events[0].at <= w.now {
			wake = never
		}
	}
	if len(w.events) == 0 || wake < w.events[0].at {
		if wake == never {
			w.errorf("nothing left to happen; %d queued", w.pool.Queued())
			return
		}
		w.now = max(w.now, wake)
		w.pool.Advance(w.now)
		if next := w.pool.Wake(); next <= w.now {
			w.errorf("wake is %v after advancing to %v", next, w.now)
		}
	} else {
		e := heap.Pop(&w.events).(event)
		w.now = max(w.now, e.at)
		e.f()
	}
	w.settle()
	w.check()
}

func (w *world) settle() {
	for a, ok := w.pool.Next(); ok; a, ok = w.pool.Next() {
		w.perform(a)
	}
}

func (w *world) perform(a Action) {
	switch a.Do {
	case DoOpen:
		w.checkOpen(a.Session)
		w.open(a.Session)
	case DoRecall:
		w.recall(a.Session)
	case DoAbort:
		w.abort(a.Session)
	case DoSend:
		w.send(a.Session, a.Exchange)
	case DoRecord:
		w.record(a.Session, a.Exchange, a.Ticket)
	case DoKeep:
		w.keep(a.Ticket)
	case DoKeepalive:
		w.write(a.Session, nil)
	case DoLogout:
		if k := w.sockets[a.Session]; k != nil {
			k.loggedOut = true
		}
		w.checkReplaced(a.Session)
		w.checkSays(a.Session)
		w.write(a.Session, nil)
	case DoClose:
		w.checkLogout(a.Session)
		w.close(a.Session)
	case DoFinish:
		w.finish(a.Exchange, a.End, a.Cause)
	case DoSuspended:
		w.suspended()
	case DoDrained:
		if w.drained {
			w.errorf("drained twice")
		}
		w.drained = true
	}
}

func (w *world) submit(c *simClient) {
	if c.x != nil || w.drained {
		return
	}
	x := &Exchange{Command: frame.CommandCheck, Query: true, Budget: c.budget, Weight: c.weight, Since: c.served}
	kind := Kind(1)
	if w.chance(0.4) {
		x.Command, x.Query = frame.CommandCreate, false
		kind = 2
	} else if w.names && w.units.IntN(2) == 0 {
		x.Objects = 1 + w.units.Int32N(12)
	}
	c.sent++
	x.Author = Author{Client: c.id, Identity: fmt.Sprint(c.id % 5), Kind: kind, Content: c.id<<32 + c.sent/3, Known: c.known.Has(kind)}
	c.x = x
	e := &simExchange{client: c, submitted: w.now}
	w.exchange[x] = e
	w.pool.Submit(x, w.now)
	if w.chance(w.faults) {
		w.after(w.upTo(200*time.Millisecond), func() { w.cancel(c, x, e) })
	}
}

func (w *world) cancel(c *simClient, x *Exchange, e *simExchange) {
	if e.ended || e.cancelled {
		return
	}
	e.cancelled = true
	w.pool.Cancel(x, w.now)
	c.x = nil
	w.after(c.think, func() { w.submit(c) })
}

func (w *world) send(s *Session, x *Exchange) {
	e := w.exchange[x]
	if w.cfg.Record == RecordAlways && !x.Query && !e.recorded {
		w.errorf("a transform was sent without a note of it")
	}
	e.recorded = false
	if w.paused {
		w.errorf("a command was sent during a pause")
	}
	if w.roles.suspended {
		w.errorf("a command was sent while the account was suspended")
	}
	if w.chance(w.faults / 2) { // the socket has something to say: nothing is written
		cause := CauseUnasked
		if w.chance(0.5) {
			cause = CauseRegistryClosed
		}
		w.pool.Unsent(s, x, cause, w.now)
		return
	}
	e.sends++
	e.lastSent, e.steady, e.held, e.wrongOn = w.now, true, false, nil
	switch {
	case e.ended:
		w.errorf("I4: an exchange was sent after its end")
	case e.cancelled:
		w.errorf("an exchange was sent after its client had gone")
	case !x.Query && e.sends > 1+e.rejected:
		w.errorf("I3: a transform was sent twice")
	case e.sends > 2+e.rejected:
		w.errorf("a query was sent %d times", e.sends)
	case e.sends == 1 && w.now-e.submitted > w.cfg.QueueTimeout:
		w.errorf("I15: sent after waiting %v", w.now-e.submitted)
	}
	w.write(s, x)
}

// record is an audit log that fails and is slow at times.
func (w *world) record(s *Session, x *Exchange, ticket uint64) {
	e := w.exchange[x]
	if e.recorded = false; x.Query {
		w.errorf("a note of a query was wanted")
	}
	within := time.Millisecond
	if w.chance(w.faults) {
		within = 3 * recordTimeout
	}
	ok := !w.chance(w.faults)
	w.after(w.upTo(within), func() {
		if ok && w.exchange[x] == e && s.x == x && s.ticket == ticket {
			e.recorded = true
		}
		w.pool.Recorded(s, ticket, ok, w.now)
	})
}

// window is the registry's maintenance, or an operator who wants new sessions.
func (w *world) window() {
	if w.draining {
		return
	}
	if w.rand.IntN(3) == 0 {
		w.refusedAt = -1
		w.pool.Reconnect(w.now)
		w.after(w.upTo(20*time.Second), w.window)
		return
	}
	w.paused = true
	w.pool.Pause(w.now)
	w.after(w.upTo(5*time.Second), func() {
		w.paused = false
		w.pool.Resume(w.now)
		w.after(w.upTo(20*time.Second), w.window)
	})
}

func (w *world) finish(x *Exchange, end End, cause Cause) {
	e := w.exchange[x]
	switch {
	case e == nil || e.ended:
		w.errorf("I4: an exchange ended twice")
		return
	case end == EndNotSent && e.sends > e.rejected:
		w.errorf("I4: not sent, but was sent %d times", e.sends)
	case end == EndAnswered && x != w.answering && !e.held:
		w.errorf("I1: answered, and had no answer")
	case end == EndUnknown && e.sends == e.rejected:
		w.errorf("I4: unknown, but was never sent")
	case end == EndUnknown && cause == CauseShutdown && !x.Query && e.steady && w.stopped == w.awake && e.lastSent > w.began &&
		w.pool.lastSend() < w.by: // it has had an answer, so it knows how long one takes
		w.errorf("I4: unknown by our own choice: sent %v before the drain's deadline", w.by-e.lastSent)
	case end == EndNotSent && cause == CauseNone, end == EndUnknown && cause == CauseNone:
		w.errorf("an exchange ended without a cause")
	case cause == CauseObjects && w.pool.limits.fits(x):
		w.errorf("refused for %d objects, though the limits admit them", x.Objects)
	case cause == CauseObjects:
		w.refused++
	}
	if end == EndAnswered {
		if w.answering == x {
			w.answering = nil
		}
		w.checkWrong(e, x)
	}
	e.ended = true
	w.ended++
	delete(w.exchange, x)
	c := e.client
	if e.cancelled {
		return
	}
	if c.x != x {
		w.errorf("I1: a client got the end of another's exchange")
	}
	if end == EndAnswered {
		c.known = c.known.With(x.Author.Kind)
	}
	if c.x, c.served = nil, x.sentAt; end == EndUnknown && (!x.Query || w.chance(0.1)) { // it connects anew
		w.connections++
		c.id, c.known = w.connections, Kinds{}
	}
	w.after(c.think, func() { w.submit(c) })
}

// reload changes the numbers of sessions and the limits, only to stricter ones, so that what is
// checked still holds.
func (w *world) reload() {
	if w.draining {
		return
	}
	cfg := w.cfg
	cfg.MaxSessions = 1 + w.rand.IntN(5)
	cfg.MinSessions = 1 + w.rand.IntN(cfg.MaxSessions)
	cfg.Rules = slices.Clone(cfg.Rules)
	for i := range cfg.Rules {
		n := 1 + w.rand.IntN(cfg.Rules[i].Limit.N)
		cfg.Rules[i].Limit.N, cfg.Rules[i].Limit.Burst = n, 0
	}
	if w.rand.IntN(3) == 0 {
		slices.Reverse(cfg.Rules)
	}
	if w.grants && w.rand.IntN(2) == 0 { // it comes, and goes with the next reload
		scope := Scope(w.rand.IntN(3))
		shadow := Rule{Limit: ratelimit.Limit{N: 1, Per: time.Second}, Scope: scope, Commands: allCommands(), Shadow: true}
		cfg.Rules = slices.Insert(cfg.Rules, w.rand.IntN(len(cfg.Rules)+1), shadow)
	}
	w.reloads++
	login := LoginChange(w.rand.IntN(3))
	if login != SameLogin {
		w.refusedAt = -1
	}
	if login == NewRegistry {
		for _, k := range w.sockets {
			k.old = true
		}
	}
	// Sessions above a lower maximum end when they have nothing in flight.
	w.most, w.settled = max(w.most, cfg.MaxSessions), w.now+w.cfg.CommandTimeout+logoutTimeout+ghostLife+recheck
	w.disk.logins = max(w.disk.logins, loginBudget(cfg.MaxSessions).N)
	w.cfg.MinSessions, w.cfg.MaxSessions = cfg.MinSessions, cfg.MaxSessions
	if w.grants && login == SameLogin {
		w.pool.Grant(cfg.Grant, w.now)
	} else if cfg.Relay = w.pool.cfg.Relay; cfg.Relay {
		w.pool.Reconfigure(cfg, login, w.now)
	} else {
		w.pool.Reconfigure(cfg, login, w.now)
	}
	if w.rand.IntN(4) == 0 {
		w.probed = w.now
		w.pool.Probe(w.now)
	}
	w.after(w.upTo(10*time.Minute), w.reload)
}
