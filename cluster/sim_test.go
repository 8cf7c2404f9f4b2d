package cluster

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

var simSeed = flag.Uint64("sim.seed", 0, "play this seed only, and say what happens")

// sim is a cluster in a true time of its own: hosts with bad clocks, and a bad engine.
type sim struct {
	seed   uint64
	rand   *rand.Rand
	now    time.Duration
	events simEvents
	seq    int
	ttl    time.Duration
	keys   []string
	hosts  []*simHost
	store  *simStore

	faulty float64       // share of requests that go wrong
	told   float64       // share of changes that a host hears of at once
	slow   time.Duration // longest way of a request, one way
	drain  time.Duration // longest yield
	keeps  float64       // share of writings with a ledger to keep
	lostAt time.Duration // when the engine has lost something last
	copies bool          // a reading is the host's own, as over a network

	busy    int // events in this second
	hectic  int // the most of them
	tenures uint64
	changes int
	moves   map[string]int // owners, by account
	last    map[string]*simTenant
	failed  string
}

func newSim(seed uint64, ttl time.Duration, hosts, accounts int) *sim {
	s := &sim{seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), ttl: ttl,
		hectic: 100_000, slow: 20 * time.Millisecond, drain: time.Second, keeps: 0.1, told: 0.8,
		moves: make(map[string]int), last: make(map[string]*simTenant), lostAt: -time.Hour}
	s.store = newSimStore(s)
	for i := range accounts {
		s.keys = append(s.keys, AccountKey(fmt.Sprint("registry", i), "client"))
	}
	for i := range hosts {
		h := &simHost{s: s, name: string(rune('a' + i)), vm: s.chance(0.5)}
		h.clocks = &simClocks{s: s, rate: 0.952 + 0.096*s.rand.Float64(),
			boot: between(s.rand, time.Hour, 100*time.Hour),
			wall: 500000*time.Hour + between(s.rand, 0, time.Second)}
		s.hosts = append(s.hosts, h)
	}
	return s
}

func (s *sim) chance(p float64) bool { return s.rand.Float64() < p }

func (s *sim) fail(form string, args ...any) {
	if s.failed == "" {
		s.failed = fmt.Sprintf("seed %d, %v: ", s.seed, s.now) + fmt.Sprintf(form, args...)
		s.note("%s", s.failed)
	}
}

func (s *sim) note(form string, args ...any) {
	if *simSeed != 0 {
		fmt.Printf("%12v ", s.now)
		fmt.Printf(form+"\n", args...)
	}
}

// hint tells the hosts that something has changed, mostly.
func (s *sim) hint() {
	for _, h := range s.hosts {
		if h.up && s.now >= h.cut && s.chance(s.told) {
			h.event(between(s.rand, 0, s.slow), func(m *machine, now Instant) { m.changed(now) })
		}
	}
}

// undone reports whether the engine has lost something lately, so that what it has says nothing.
func (s *sim) undone(key string) bool { return s.now-s.lostAt < 4*s.ttl }

// owned is told of each tenure.
func (s *sim) owned(t *simTenant) {
	s.note("%s: %s owns, term %d", t.key, t.h.name, t.term)
	s.moves[t.key]++
	if last := s.last[t.key]; last == nil || last.h != t.h {
		s.changes++
	}
	s.last[t.key] = t
	s.alone(t)
}

// wrote is told of each writing to the registry.
func (s *sim) wrote(t *simTenant) {
	s.alone(t)
	instance := t.h.m.cfg.Instance
	// The longest that a fence is away from the landing of the request, by the slowest clock.
	if most := s.ttl * 95 / 100; s.now-s.store.landed[t.key][instance] > most {
		s.fail("%s: %s writes %v after its record was written last", t.key, t.h.name,
			s.now-s.store.landed[t.key][instance])
	}
}

// alone holds that nobody else may write now, whether it runs or not.
func (s *sim) alone(t *simTenant) {
	if t.fence.Left() <= 0 {
		return
	}
	for _, h := range s.hosts {
		if o := h.tenants[t.key]; h != t.h && o != nil && o.writes && o.fence.Left() > 0 {
			s.fail("%s: %s (term %d) and %s (term %d) may write", t.key, t.h.name, t.term, h.name, o.term)
		}
	}
}

// play runs until an instant.
func (s *sim) play(until time.Duration) {
	for s.failed == "" && len(s.events) > 0 && s.events[0].at <= until {
		e := heap.Pop(&s.events).(simEvent)
		if s.now/time.Second != e.at/time.Second {
			s.busy = 0
		}
		if s.busy++; s.busy > s.hectic {
			s.fail("nothing comes to rest")
		}
		s.now = e.at
		if e.host != nil && e.host.frozen > s.now {
			e.at = e.host.frozen
			heap.Push(&s.events, e)
			continue
		}
		e.do()
	}
	if s.failed == "" {
		s.now = until
	}
}

// chaos does one bad or good thing.
func (s *sim) chaos() {
	h := s.hosts[s.rand.IntN(len(s.hosts))]
	runs := h.up && h.frozen <= s.now
	switch n := s.rand.IntN(20); {
	case n == 0 && h.up:
		s.note("%s crashes", h.name)
		s.thaw(h)
		h.crash()
	case n <= 2 && !h.up:
		s.note("%s starts", h.name)
		h.boot()
	case n == 3 && runs:
		h.frozen = s.now + between(s.rand, 0, 3*s.ttl)
		if paused := h.vm; paused {
			h.clocks.turn(func() { h.clocks.paused = true })
			s.after(h.frozen-s.now, nil, func() { s.thaw(h) })
		}
		s.note("%s sleeps for %v, paused: %v", h.name, h.frozen-s.now, h.clocks.paused)
	case n == 4:
		h.cut = s.now + between(s.rand, 0, 3*s.ttl)
		s.note("%s is cut off for %v", h.name, h.cut-s.now)
	case n == 5 && !h.vm:
		d := between(s.rand, -2*time.Second, 2*time.Second)
		h.clocks.turn(func() { h.clocks.wall += d })
	case n == 6 && runs && h.m != nil:
		s.note("%s leaves", h.name)
		h.event(0, func(m *machine, now Instant) { m.leave("", now) })
		h.event(between(s.rand, 0, s.ttl), func(m *machine, now Instant) { m.close(now) })
	case n <= 9 && runs:
		s.handover()
	case n == 10:
		s.faulty = 0.5 * s.rand.Float64()
		s.slow = between(s.rand, time.Millisecond, 2*time.Second)
		s.drain = between(s.rand, 0, s.ttl*2)
	case n == 11:
		s.faulty, s.slow = 0, 20*time.Millisecond
	case n == 12 && s.chance(0.3):
		s.loseSome()
	case n == 13 && runs:
		s.starve()
	case n > 13:
		s.handover()
	}
	s.store.remember()
}

func (s *sim) thaw(h *simHost) {
	if h.clocks.paused {
		h.clocks.turn(func() { h.clocks.paused = false })
	}
	h.frozen = min(h.frozen, s.now)
}

// handover has the owner of an account give it up.
func (s *sim) handover() {
	key := s.keys[s.rand.IntN(len(s.keys))]
	for _, h := range s.hosts {
		if t := h.tenants[key]; t != nil && t.writes {
			h.event(0, func(m *machine, now Instant) { _ = m.handover(key, "", now) })
			return
		}
	}
}

// starve lets the owner of an account have no session.
func (s *sim) starve() {
	key := s.keys[s.rand.IntN(len(s.keys))]
	if t := s.last[key]; t != nil {
		t.down = time.Duration(s.rand.IntN(2)) * 2 * time.Minute
	}
}

// loseSome has the engine forget all, or go back.
func (s *sim) loseSome() {
	s.lostAt = s.now
	var to [NumTables]map[string][]byte
	if s.chance(0.5) && len(s.store.past) > 0 {
		to = s.store.past[s.rand.IntN(len(s.store.past))].tables
		s.note("the engine goes back")
	} else {
		s.note("the engine forgets all")
	}
	s.store.lose(to)
	s.hint()
}

// heal makes everything well.
func (s *sim) heal() {
	s.note("all is well from here on")
	s.faulty, s.slow, s.drain = 0, 20*time.Millisecond, time.Second
	for _, h := range s.hosts {
		s.thaw(h)
		h.frozen, h.cut = s.now, s.now
		for _, t := range h.tenants {
			t.down = 0
		}
		if !h.up || h.m.leaving {
			h.crash()
			h.boot()
		}
	}
}

// check holds that every account has one owner.
func (s *sim) check() {
	for _, key := range s.keys {
		n := 0
		for _, h := range s.hosts {
			if t := h.tenants[key]; t != nil && t.writes && t.fence.Left() > 0 {
				n++
			}
		}
		if n != 1 {
			s.fail("%s has %d owners", key, n)
		}
	}
}

// round is some trouble, and then peace.
func (s *sim) round() {
	for range 40 + s.rand.IntN(80) {
		s.play(s.now + between(s.rand, 0, s.ttl/3))
		if s.failed == "" {
			s.chaos()
		}
	}
	if s.failed != "" {
		return
	}
	s.heal()
	s.store.past = nil
	// A member of before counts as alive for a ttl; hosts that have started take part from 3/5 ttl on.
	s.play(s.now + s.ttl*21/10 + time.Duration(len(s.hosts))*rankStep + 3*time.Second)
	s.await()
	if s.failed == "" && s.chance(0.04) {
		s.peace()
	}
}

// await allows for a handover that is under way.
func (s *sim) await() {
	for range 8 {
		if s.failed != "" {
			return
		}
		if owners := s.owners(); !slices.Contains(owners, 0) {
			break
		}
		s.play(s.now + 500*time.Millisecond)
	}
	s.check()
}

func (s *sim) owners() []int {
	all := make([]int, len(s.keys))
	for i, key := range s.keys {
		for _, h := range s.hosts {
			if t := h.tenants[key]; t != nil && t.writes {
				all[i]++
			}
		}
	}
	return all
}

// peace holds that ownership does not move.
func (s *sim) peace() {
	s.play(s.now + 11*time.Minute + time.Duration(len(s.keys))*5*time.Second)
	moved := fmt.Sprint(s.moves)
	s.play(s.now + 10*time.Minute)
	s.check()
	if now := fmt.Sprint(s.moves); now != moved && s.failed == "" {
		s.fail("ownership moves while all is well: %s, then %s", moved, now)
	}
}

// simulate plays one seed.
func simulate(seed uint64) *sim {
	r := rand.New(rand.NewPCG(seed, 2))
	s := newSim(seed, 15*time.Second, 2+r.IntN(6), 1+r.IntN(4))
	for _, h := range s.hosts {
		h.boot()
	}
	for range 4 {
		if s.round(); s.failed != "" {
			break
		}
	}
	return s
}

// simChanges is how many changes of owners are played; more by the environment.
func simChanges(t *testing.T) int {
	if v := os.Getenv("EPPMUX_CLUSTER_CHANGES"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() || raceEnabled { // it has one goroutine
		return 1000
	}
	return 10000
}

// TestClusterSimulation plays clusters with bad clocks and a bad engine.
func TestClusterSimulation(t *testing.T) {
	if *simSeed != 0 {
		if s := simulate(*simSeed); s.failed != "" {
			t.Fatal(s.failed)
		}
		return
	}
	changes, seeds, asks := 0, 0, 0
	var hours time.Duration
	for seed := uint64(1); changes < simChanges(t); seed++ {
		s := simulate(seed)
		if s.failed != "" {
			t.Fatalf("after %d changes: %s", changes, s.failed)
		}
		changes += s.changes
		asks += s.store.asks
		hours += s.now
		seeds++
	}
	t.Logf("%d changes of owners in %d clusters and %v, %d requests", changes, seeds, hours, asks)
}
