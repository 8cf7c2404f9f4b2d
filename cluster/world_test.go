package cluster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

var (
	worldSeed     = flag.Uint64("world.seed", 0, "play this world only, and say what happens")
	worldFirst    = flag.Uint64("world.first", 1, "the first world; 0: a new one, printed")
	worldCommands = flag.Int("world.commands", 0, "commands that the worlds end; 0: a share")
)

// worldSkew is by how much the wall clocks of hosts may differ.
const worldSkew = 5 * time.Second

// world is a cluster as a whole, in a true time of its own: hosts with real machines and real pools, the
// lanes between them, an engine, registries, and clients. Everything goes wrong at times. What is judged:
//
//   - C1: nothing is written to a registry behind the fence.
//   - C2: nothing is written by a host that is not the one in the record of the lease.
//   - C3: no limit is passed at the registry, in true time, across takeovers and restarts.
//   - C4: logins of all hosts together stay within one budget.
//   - C6: a transform is executed once at the most, and none that was ends as not sent.
//   - C7: each command ends, once, within its deadlines.
//   - C8: while all is well, ownership does not move; and behind trouble commands are soon answered.
//
// The identities of muxTRIDs are not played: commands have numbers. C5 has tests of its own.
type world struct {
	seed   uint64
	rand   *rand.Rand
	now    time.Duration
	events worldEvents
	seq    uint64
	busy   int // events in this second

	ttl        time.Duration
	hosts      []*worldHost
	registries []*worldRegistry
	clients    []*worldClient
	store      *worldStore
	lanes      int           // of a follower, at most
	apart      time.Duration // longest way of a unit between two hosts
	forgets    bool          // the engine forgets, or goes back, now and then
	odd        bool          // clocks are far off, now and then. No process ends then: who starts trusts what it finds

	faulty float64       // share of requests to the engine that go wrong
	slow   time.Duration // longest way of one, one way

	held     map[string]string // who owned an account last, by account
	commands int
	changes  int
	ends     [pool.NumEnds]int
	causes   [pool.NumCauses]int
	lost     int // commands that were lost with their host
	moved    int // commands that were sent back by an owner that was one no more
	fences   int
	logins   int
	refusals int  // of logins, as there are too many sessions
	most     int  // times that a query was executed
	troubled bool // a registry was bad in this round
	refused  int  // logins by its beginning
	failed   string
}

func newWorld(seed uint64) *world {
	w := &world{seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), held: make(map[string]string)}
	r := w.rand
	w.ttl = pick(r, 5*time.Second, 10*time.Second, 15*time.Second)
	w.lanes = pick(r, 1+r.IntN(8), 64)
	w.apart = pick(r, time.Millisecond, 5*time.Millisecond, 50*time.Millisecond)
	w.slow = 20 * time.Millisecond
	w.forgets, w.odd = seed%8 == 3, seed%8 == 6
	w.store = newWorldStore(w)
	for i := range 1 + r.IntN(2) {
		w.registries = append(w.registries, newWorldRegistry(w, i))
	}
	for i := range 2 + r.IntN(5) {
		h := &worldHost{w: w, name: string(rune('a' + i)), vm: w.chance(0.5), served: make(map[string]time.Duration)}
		h.clocks = &worldClocks{w: w, rate: 0.9525 + 0.095*r.Float64(), boot: between(r, time.Hour, 100*time.Hour),
			wall: 500000*time.Hour + between(r, 0, worldSkew/2), mono: between(r, time.Minute, time.Hour)}
		w.hosts = append(w.hosts, h)
	}
	for _, g := range w.registries {
		for range 3 + r.IntN(25) {
			c := &worldClient{r: g, host: w.hosts[r.IntN(len(w.hosts))], number: len(w.clients),
				think: time.Duration(1+r.IntN(500)) * time.Millisecond}
			c.id = uint64(c.number + 1)
			w.clients = append(w.clients, c)
		}
	}
	return w
}

func newWorldRegistry(w *world, number int) *worldRegistry {
	rnd := w.rand
	r := &worldRegistry{w: w, key: AccountKey(fmt.Sprint("registry", number), "client"), granted: 1 + rnd.IntN(3),
		rtt: time.Duration(4+rnd.IntN(60)) * time.Millisecond, linger: pick(rnd, time.Second, 10*time.Second, time.Minute)}
	c := &r.config
	c.MaxSessions = max(1, r.granted-rnd.IntN(2)+rnd.IntN(2))
	c.MinSessions = 1 + rnd.IntN(c.MaxSessions)
	c.QueueTimeout = pick(rnd, 3*time.Second, 8*time.Second, 30*time.Second)
	c.CommandTimeout = pick(rnd, 3*time.Second, 8*time.Second, 20*time.Second)
	c.KeepaliveCommand = pick(rnd, frame.CommandHello, frame.CommandPoll)
	c.Keepalive = pick(rnd, 0, time.Minute, 10*time.Second)
	c.MaxAge = pick(rnd, 0, 0, 5*time.Minute)
	limit := func(name string, n int, per time.Duration, burst int, covers func(frame.Command) bool) {
		c.Rules = append(c.Rules, pool.Rule{Name: name, Limit: ratelimit.Limit{N: n, Per: per, Burst: burst},
			Commands: pool.Commands(func(c frame.Command, _ frame.Op) bool { return covers(c) })})
		r.windows = append(r.windows, &worldWindow{name: name, n: n, per: per, covers: covers})
	}
	n := 5 + rnd.IntN(60)
	switch rnd.IntN(3) {
	case 0:
		limit("all", n, pick(rnd, time.Second, 2*time.Second), rnd.IntN(n+1), func(frame.Command) bool { return true })
	case 1:
		limit("some", n, pick(rnd, time.Second, 2*time.Second), rnd.IntN(n+1), func(c frame.Command) bool {
			return c == frame.CommandCheck || c == frame.CommandCreate
		})
	}
	if rnd.IntN(3) > 0 {
		n := 20 + rnd.IntN(400)
		limit("create", n, time.Duration(5+rnd.IntN(100))*time.Second, rnd.IntN(n+1),
			func(c frame.Command) bool { return c == frame.CommandCreate })
	}
	r.windows = append(r.windows, &worldWindow{name: "login", n: max(20, 10*c.MaxSessions), per: time.Minute,
		covers: func(c frame.Command) bool { return c == frame.CommandLogin }})
	return r
}

func (w *world) host(name string) *worldHost {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// amnesia reports whether the world has trouble for which limits are not promised: an engine that has
// forgotten what was used.
func (w *world) amnesia() bool { return w.forgets }

func (w *world) fail(form string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf("seed %d, %v: ", w.seed, w.now) + fmt.Sprintf(form, args...)
		w.note("%s", w.failed)
	}
}

func (w *world) note(form string, args ...any) {
	if *worldSeed != 0 {
		fmt.Printf("%12v ", w.now)
		fmt.Printf(form+"\n", args...)
	}
}

// owned is told of each tenure.
func (w *world) owned(h *worldHost, a *worldAccount, t Tenure) {
	w.note("%s: %s owns, term %d", a.r.key, h.name, t.Term)
	if w.held[a.r.key] != h.m.cfg.Instance {
		w.held[a.r.key] = h.m.cfg.Instance
		w.changes++
	}
}

// alone holds that the host that writes is the owner.
func (w *world) alone(k *worldSock, what string) {
	if l := w.store.lease(k.tenure.key); !w.forgets && (l.Instance != k.tenure.instance || l.Term != k.tenure.term || l.Released) {
		w.fail("C2: %s, term %d, writes a %s, and the owner is %+v", k.tenure.instance, k.tenure.term, what, l)
	}
	for _, h := range w.hosts {
		if !h.up || h == k.a.h {
			continue
		}
		if o := h.accounts[k.tenure.key]; o.role == worldOwner && o.ownership.Fence.Left() > 0 {
			w.fail("C2: %s writes a %s, and %s may as well", k.tenure.instance, what, h.name)
		}
	}
}

// worldShare is how many commands are played.
func worldShare() int {
	switch {
	case *worldCommands > 0:
		return *worldCommands
	case testing.Short() || raceEnabled: // it has one goroutine
		return 20_000
	}
	return 200_000
}

// TestWorld plays clusters as a whole. A seed that failed plays the same again with -world.seed, and says what
// happens.
func TestWorld(t *testing.T) {
	if *worldSeed != 0 {
		if w := playWorld(*worldSeed); w.failed != "" {
			t.Fatal(w.failed)
		}
		return
	}
	first := *worldFirst
	if first == 0 {
		first = rand.Uint64() / 2
	}
	var sum world
	ended, worlds := 0, 0
	for ; ended < worldShare(); worlds++ {
		w := playWorld(first + uint64(worlds))
		if w.failed != "" {
			t.Fatalf("after %d commands: %s", ended, w.failed)
		}
		for i, n := range w.ends {
			sum.ends[i] += n
			ended += n
		}
		for i, n := range w.causes {
			sum.causes[i] += n
		}
		sum.now += w.now
		sum.changes += w.changes
		sum.lost += w.lost
		sum.moved += w.moved
		sum.fences += w.fences
		sum.logins += w.logins
		sum.refusals += w.refusals
		sum.most = max(sum.most, w.most)
	}
	t.Logf("%d commands, %d changes of owners, in %d worlds and %v from seed %d", ended, sum.changes, worlds,
		sum.now.Round(time.Second), first)
	t.Logf("ends %v; %d lost with their host, %d moved, %d fences met, %d logins, %d refused, a query executed %d times",
		sum.ends, sum.lost, sum.moved, sum.fences, sum.logins, sum.refusals, sum.most)
	for c, n := range sum.causes {
		if n > 0 {
			t.Logf("%s: %d", pool.Cause(c), n)
		}
	}
}
