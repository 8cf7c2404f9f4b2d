package upstream

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
	simSeed     = flag.Uint64("sim.seed", 0, "seed of the simulation; 0: a new one, printed")
	simCommands = flag.Int("sim.commands", 200_000, "commands that the simulation ends, over all its worlds")
)

// TestSimulation plays worlds of clients and registries with a clock of their own, from a seed, and checks the
// invariants after every step. A seed that failed belongs into TestSimulationSeeds.
func TestSimulation(t *testing.T) {
	seed := *simSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	ended, worlds := 0, 0
	for ended < *simCommands {
		w := newWorld(t, seed+uint64(worlds))
		w.run(5000)
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
}

// world is a pool with clients and a registry around it.
type world struct {
	t      *testing.T
	seed   uint64
	rand   *rand.Rand
	now    time.Duration
	pool   *Pool
	cfg    PoolConfig
	events eventHeap
	order  int

	clients  []*simClient
	sockets  map[*Session]*simSocket
	exchange map[*Exchange]*simExchange
	ended    int
	drained  bool
	draining bool
	by       time.Duration
	cut      int // logins that the drain's deadline has left without a logout

	most       int           // sockets that there may be
	ceiling    int           // the pool's, before the step that is being done
	settled    time.Duration // when a reload must have taken effect
	held       bool          // a maintenance window is on
	faults     float64       // chance of a fault per command
	throttle   float64       // chance that the registry wants fewer commands
	rtt        time.Duration
	login      time.Duration // the longest that an attempt to open a session takes
	registryUp bool
	seen       []*time.Duration // when the registry counted each command
	refusedAt  time.Duration
	logins     []time.Duration
}

type simClient struct {
	x      *Exchange
	think  time.Duration
	weight uint8
	served time.Duration
	budget *Budget
}

type simSocket struct {
	busy      bool // a command was written and its answer has not come
	dead      bool // closed by us
	expects   *Exchange
	gen       int
	loggedOut bool
	login     time.Duration  // when the login is sent
	gaveUp    bool           // opening it
	zombie    bool           // has lost its login without a word
	counted   *time.Duration // when the registry counts what was written last; not after it has answered or closed
}

type simExchange struct {
	client    *simClient
	submitted time.Duration
	sends     int
	rejected  int // times the registry said that it had not executed it
	lastSent  time.Duration
	ended     bool
	cancelled bool
	announced bool // since it was handed to a session
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
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 0))
	w := &world{t: t, seed: seed, rand: r, sockets: map[*Session]*simSocket{}, exchange: map[*Exchange]*simExchange{},
		registryUp: true, refusedAt: -1}
	most := 1 + r.IntN(5)
	w.cfg = PoolConfig{
		MinSessions: 1 + r.IntN(most), MaxSessions: most,
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
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: n, Per: time.Second, Burst: r.IntN(n + 1)}, Commands: AllCommands()})
	}
	if r.IntN(3) == 0 {
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: 2, Per: time.Second}, Scope: ScopeClient, Commands: AllCommands()})
	}
	if r.IntN(3) == 0 {
		w.cfg.Rules = append(w.cfg.Rules, Rule{Limit: ratelimit.Limit{N: 3, Per: time.Second}, Scope: ScopeSession,
			Commands: Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCreate })})
	}
	w.cfg.Announce = Announce(r.IntN(3))
	w.faults = []float64{0, 0.001, 0.02, 0.2}[r.IntN(4)]
	w.throttle = []float64{0, 0, 0.01}[r.IntN(3)]
	w.rtt = time.Duration(1+r.IntN(50)) * time.Millisecond
	w.login = []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 10 * time.Second}[r.IntN(3)]
	w.most, w.settled = w.cfg.MaxSessions, never
	w.pool = NewPool(w.cfg, 0)
	weights := 1 + r.IntN(3)
	for range 1 + r.IntN(40) {
		w.clients = append(w.clients, &simClient{think: time.Duration(1+r.IntN(500)) * time.Millisecond, weight: uint8(1 + r.IntN(weights))})
	}
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
	for _, c := range w.clients {
		c.budget = newBudget()
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
	for steps := 0; w.ended < commands && w.now < 2*time.Hour && !w.t.Failed(); steps++ {
		w.step()
	}
	w.draining, w.by = true, w.now+10*time.Second
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
	if w.cut > w.pool.cut {
		w.errorf("I14: %d logins have no logout, %d are told", w.cut, w.pool.cut)
	}
	for _, e := range w.exchange {
		if !e.ended {
			w.errorf("an exchange never ended: %+v", *e)
		}
	}
}

// step does the next event: of the world, or the pool's alarm.
func (w *world) step() {
	w.ceiling = w.pool.ceiling
	wake := w.pool.Wake()
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
		w.open(a.Session)
	case DoRecall:
		w.recall(a.Session)
	case DoAbort:
		w.abort(a.Session)
	case DoSend:
		w.send(a.Session, a.Exchange)
	case DoAnnounce:
		w.announce(a.Session, a.Exchange, a.Turn)
	case DoKeepalive:
		w.write(a.Session, nil)
	case DoLogout:
		if k := w.sockets[a.Session]; k != nil {
			k.loggedOut = true
		}
		w.checkReplaced(a.Session)
		w.write(a.Session, nil)
	case DoClose:
		w.checkLogout(a.Session)
		w.close(a.Session)
	case DoFinish:
		w.finish(a.Exchange, a.End, a.Cause)
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
	x := &Exchange{Command: frame.CommandCheck, Query: true, budget: c.budget, weight: c.weight, since: c.served}
	if w.chance(0.4) {
		x.Command, x.Query = frame.CommandCreate, false
	}
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

func (w *world) open(s *Session) {
	if _, ok := w.sockets[s]; ok {
		w.errorf("session %d opened twice", s.ID)
	}
	if w.draining && w.now >= w.by {
		w.errorf("session opened after the drain's deadline")
	}
	within := w.upTo(w.login)
	k := &simSocket{busy: true, login: w.now + w.upTo(within)}
	w.sockets[s] = k
	w.logins = append(w.logins, w.now)
	if w.refusedAt >= 0 && w.now < w.refusedAt+refusedBackoff {
		w.errorf("I13: login %v after a refusal", w.now-w.refusedAt)
	}
	w.count(k, w.now)
	w.after(within, func() {
		if k.gaveUp {
			return
		}
		k.busy = false
		switch {
		case !w.registryUp:
			w.failed(s, CauseConnect)
		case w.chance(w.faults / 4):
			if s.stale == SameLogin { // otherwise it says nothing of what is tried now
				w.refusedAt = w.now
			}
			w.failed(s, CauseLoginRefused)
		case w.chance(w.faults):
			w.failed(s, CauseTooManySessions)
		default:
			w.refusedAt = -1
			w.pool.Opened(s, w.now)
			if w.chance(w.faults) {
				w.after(w.upTo(10*time.Second), func() { w.lose(s) })
			}
		}
	})
}

// recall gives up opening a session whose login has not been sent.
func (w *world) recall(s *Session) {
	if k := w.sockets[s]; !k.gaveUp && w.now < k.login {
		k.gaveUp = true
		w.after(w.upTo(time.Millisecond), func() { w.failed(s, CauseShutdown) })
	}
}

// abort gives up opening a session, after its login too.
func (w *world) abort(s *Session) {
	if w.recall(s); w.sockets[s].gaveUp {
		return
	}
	if !w.draining || w.now < w.by {
		w.errorf("I14: session %d is given up after its login was sent, before the drain's deadline", s.ID)
	}
	w.sockets[s].gaveUp = true
	w.cut++
	w.after(w.upTo(time.Millisecond), func() { w.failed(s, CauseRegistryClosed) })
}

func (w *world) failed(s *Session, cause Cause) {
	delete(w.sockets, s)
	w.pool.OpenFailed(s, cause, w.now)
}

// count notes that the registry sees a command on k at an instant.
func (w *world) count(k *simSocket, at time.Duration) {
	k.counted = &at
	w.seen = append(w.seen, k.counted)
}

// counts says that the registry has answered or closed: by now it has counted the command.
func (w *world) counts(k *simSocket) { *k.counted = min(*k.counted, w.now) }

func (w *world) send(s *Session, x *Exchange) {
	e := w.exchange[x]
	if w.cfg.Announce == AnnounceAlways && !x.Query && !e.announced {
		w.errorf("a transform was sent without an announcement")
	}
	e.announced = false
	if w.held {
		w.errorf("a command was sent during a hold")
	}
	if w.chance(w.faults / 2) { // the socket has something to say: nothing is written
		w.pool.Unsent(s, x, CauseUnasked, w.now)
		return
	}
	e.sends++
	e.lastSent = w.now
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

// announce is an audit log that fails and is slow at times.
func (w *world) announce(s *Session, x *Exchange, turn uint64) {
	e := w.exchange[x]
	if e.announced = false; x.Query {
		w.errorf("a query was announced")
	}
	within := time.Millisecond
	if w.chance(w.faults) {
		within = 3 * announceTimeout
	}
	ok := !w.chance(w.faults)
	w.after(w.upTo(within), func() {
		if ok && w.exchange[x] == e && s.x == x && s.turn == turn {
			e.announced = true
		}
		w.pool.Announced(s, turn, ok, w.now)
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
	w.held = true
	w.pool.Hold(w.now)
	w.after(w.upTo(5*time.Second), func() {
		w.held = false
		w.pool.Release(w.now)
		w.after(w.upTo(20*time.Second), w.window)
	})
}

// write is one command on a session; the registry does something about it.
func (w *world) write(s *Session, x *Exchange) {
	k := w.sockets[s]
	switch {
	case k == nil || k.dead:
		w.errorf("I8: write on session %d, which is closed", s.ID)
		return
	case k.busy:
		w.errorf("I2: second command on session %d", s.ID)
	case w.draining && w.now > w.by:
		w.errorf("I14: write %v after the drain's deadline", w.now-w.by)
	}
	k.busy, k.expects = true, x
	k.gen++
	gen := k.gen
	rtt := w.upTo(w.rtt)
	w.count(k, w.now+w.upTo(rtt))
	if w.chance(w.faults / 10) {
		k.zombie = true
	}
	if x != nil && k.zombie || x != nil && w.chance(w.throttle) {
		w.after(rtt, func() { w.reject(s, k, gen) })
		return
	}
	if w.chance(w.faults) {
		w.fault(s, k, gen)
		return
	}
	w.after(rtt, func() { w.answer(s, k, gen, CauseNone) })
}

// fault is what a registry may do instead of answering.
func (w *world) fault(s *Session, k *simSocket, gen int) {
	switch w.rand.IntN(5) {
	case 0: // closes
		w.after(w.upTo(w.rtt), func() { w.lose(s) })
	case 1: // answers another's, or nonsense
		w.after(w.upTo(w.rtt), func() {
			if k.gen == gen && w.sockets[s] == k && !k.dead {
				w.counts(k)
				w.pool.Poison(s, CauseMismatch)
			}
		})
	case 2: // never answers
	case 3: // answers x5xx
		w.after(w.upTo(w.rtt), func() { w.answer(s, k, gen, CauseCodeCloses) })
	case 4: // answers very late
		w.after(w.cfg.CommandTimeout/2+w.upTo(w.cfg.CommandTimeout), func() { w.answer(s, k, gen, CauseNone) })
	}
}

func (w *world) answer(s *Session, k *simSocket, gen int, end Cause) {
	if w.sockets[s] != k || k.dead || k.gen != gen {
		return
	}
	k.busy = false
	w.counts(k)
	x := k.expects
	k.expects = nil
	if s.State() == SessionClosing {
		return
	}
	if x != nil && s.Exchange() != x {
		w.errorf("I1: answer for another exchange")
	}
	w.pool.Answered(s, end, w.now)
	if x != nil {
		w.finish(x, EndAnswered, CauseNone)
	}
}

// reject answers that the command was not executed: the login is lost, or there are too many commands.
func (w *world) reject(s *Session, k *simSocket, gen int) {
	if w.sockets[s] != k || k.dead || k.gen != gen || s.State() == SessionClosing {
		return
	}
	k.busy = false
	w.counts(k)
	x := k.expects
	k.expects = nil
	e := w.exchange[x]
	e.rejected++
	if !k.zombie {
		w.pool.Throttled(s, []Cause{CauseNone, CauseNone, CauseRegistryClosed}[w.rand.IntN(3)], w.now)
		return
	}
	if !w.pool.LoginLost(s, w.now) {
		w.finish(x, EndAnswered, CauseNone)
	}
}

// lose closes a session from the registry's side.
func (w *world) lose(s *Session) {
	if k := w.sockets[s]; k != nil && !k.dead && s.State() != SessionDialing {
		w.close(s)
	}
}

// close is ours.
func (w *world) close(s *Session) {
	k := w.sockets[s]
	if k == nil {
		return // the registry was first
	}
	k.dead = true
	w.counts(k)
	delete(w.sockets, s)
	w.pool.Closed(s, w.now)
}

func (w *world) finish(x *Exchange, end End, cause Cause) {
	e := w.exchange[x]
	switch {
	case e == nil || e.ended:
		w.errorf("I4: an exchange ended twice")
		return
	case end == EndNotSent && e.sends > e.rejected:
		w.errorf("I4: not sent, but was sent %d times", e.sends)
	case end == EndUnknown && e.sends == e.rejected:
		w.errorf("I4: unknown, but was never sent")
	case end == EndNotSent && cause == CauseNone, end == EndUnknown && cause == CauseNone:
		w.errorf("an exchange ended without a cause")
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
	c.x, c.served = nil, x.sentAt
	w.after(c.think, func() { w.submit(c) })
}

// reload changes the numbers of sessions and the limits, only to stricter ones, so that what is checked still holds.
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
	login := Fresh(w.rand.IntN(3))
	if login != SameLogin {
		w.refusedAt = -1
	}
	// Sessions above a lower maximum end when they have nothing in flight.
	w.most, w.settled = max(w.most, cfg.MaxSessions), w.now+w.cfg.CommandTimeout+logoutTimeout+recheck
	w.cfg.MinSessions, w.cfg.MaxSessions = cfg.MinSessions, cfg.MaxSessions
	w.pool.Reconfigure(cfg, login, w.now)
	if w.rand.IntN(4) == 0 {
		w.pool.Probe(w.now)
	}
	w.after(w.upTo(10*time.Minute), w.reload)
}

// outage takes the registry away for a while.
func (w *world) outage() {
	w.registryUp = false
	for _, s := range w.pool.sessions { // in their order, so that the seed decides
		if w.chance(0.8) {
			w.after(w.upTo(time.Second), func() { w.lose(s) })
		}
	}
	w.after(w.upTo(time.Minute), func() {
		w.registryUp = true
		w.after(w.upTo(10*time.Minute), w.outage)
	})
}
