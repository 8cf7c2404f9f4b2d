package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gatewayLoadEnv asks for the long form of the gateway's measurements.
const gatewayLoadEnv = "EPPMUX_GATEWAY_LOAD"

// shop is what searches of many names have come to.
type shop struct {
	names  int
	took   time.Duration
	checks int // commands that they cost
	peak   int64
	cpu    time.Duration // processor time of eppmux
	busy   float64       // part of the machine's processor time that was used, by whomever
}

func (s shop) String() string {
	return fmt.Sprintf("%d names in %v by %d checks: %.0f names a second; eppmux had %.1f µs of processor for each and %d MiB at the most, the machine was %.2f busy",
		s.names, s.took, s.checks, s.perSec(), s.cpu.Seconds()*1e6/float64(s.names), s.peak>>20, s.busy)
}

// perSec is names a second.
func (s shop) perSec() float64 { return float64(s.names) / s.took.Seconds() }

// searches runs so many searches at once, each of so many names, and counts the checks that the
// registries got beside it.
func (g *gatewayRig) searches(run string, n, names int) shop {
	g.t.Helper()
	client := newGatewayClient(g.url())
	defer client.c.CloseIdleConnections()
	before := g.checks()
	pid := g.mux.cmd.Process.Pid
	stop := peakResident(pid)
	used, err := usageOf(pid)
	if err != nil {
		g.t.Fatal(err)
	}
	busy, _, err := machineUsage()
	if err != nil {
		g.t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	begin := time.Now()
	for i := range n {
		wg.Go(func() {
			var free int
			free, errs[i] = client.search(g.t.Context(), searchNames(run, i, names, len(g.registries)))
			if errs[i] == nil && free != names {
				errs[i] = fmt.Errorf("%d of %d names are free", free, names)
			}
		})
	}
	wg.Wait()
	s := shop{names: n * names, took: time.Since(begin), checks: g.checks() - before, peak: stop()}
	if u, err := usageOf(pid); err == nil {
		s.cpu = u.cpu - used.cpu
	}
	if b, _, err := machineUsage(); err == nil {
		s.busy = (b - busy).Seconds() / s.took.Seconds() / float64(runtime.NumCPU())
	}
	bad := 0
	for i, err := range errs {
		if err != nil {
			if bad++; bad <= 3 {
				g.t.Errorf("search %d: %v", i, err)
			}
		}
	}
	if bad > 3 {
		g.t.Errorf("%d searches failed", bad)
	}
	return s
}

// checks are those that all registries have got.
func (g *gatewayRig) checks() int {
	g.t.Helper()
	n := 0
	for _, r := range g.registries {
		n += r.counters(g.t).Commands["check"]
	}
	return n
}

// gatewayLimits are the registries of the load: they take so many commands a second from an account.
func gatewayLimits(limit int, latency string) gatewayKeys {
	return gatewayKeys{
		registries: len(gatewayZones),
		flags:      []string{"--rate", fmt.Sprintf("%d/1s", limit), "--check-max", "50", "--sessions", "4", "--latency", latency},
		registry: fmt.Sprintf(`    sessions: {min: 4, max: 4}
    timeouts: {queue: 120s}
    rate_limits: [{limit: %d, per: 1s, burst: 2}]
`, limit),
	}
}

// TestGatewayLoad: two hundred searches of a hundred names at once share their checks: what they cost the
// registries is what full checks of all names cost. Counted, so a slow machine changes nothing. EPP
// clients beside them get their turns.
func TestGatewayLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	g := newGatewayRig(t, gatewayLimits(50, "2ms"))
	g.serve()
	s := g.searches("alone", 200, 100)
	least := s.names / 50
	t.Logf("%v; %d checks at the least", s, least)
	if full := float64(least) / float64(s.checks); full < 0.9 {
		t.Errorf("the checks were %.3f full, want 0.9", full)
	}
	if s.peak > 256<<20 {
		t.Errorf("%d octets of memory", s.peak)
	}

	// An EPP client of each registry, which always has a command. It takes turns with the searches.
	var wg sync.WaitGroup
	results := make([]Result, len(g.registries))
	for i, r := range g.registries {
		wg.Go(func() { results[i] = load(t, "--to", r.epp, "--clients", "1", "--for", "3s", "--warm-up", "1s") })
	}
	before := g.checks()
	var beside shop
	for i := 0; !t.Failed() && beside.took < 4*time.Second; i++ {
		s := g.searches(fmt.Sprintf("beside%d", i), 100, 100)
		beside.took, beside.names = beside.took+s.took, beside.names+s.names
	}
	wg.Wait()
	all, epp := g.checks()-before, 0
	for i, r := range results {
		epp += r.Commands
		t.Logf("EPP client of %s: %d commands, p99 %.0f ms", g.registries[i].name, r.Commands, r.P99)
	}
	// Some of the EPP clients' commands were not counted, and some searches ran when they had ended: half of
	// its share is what each must have at the least.
	if epp*4 < all/2 {
		t.Errorf("EPP clients had %d of %d commands beside one flow of searches", epp, all)
	}
	g.orderly()
}

// TestGatewayLoadLong: a thousand searches of 400 names at once, over five registries of 100 commands a
// second each: all that the limits allow, beside EPP clients too, in bounded memory.
func TestGatewayLoadLong(t *testing.T) {
	if os.Getenv(gatewayLoadEnv) == "" {
		t.Skip("a measurement: set " + gatewayLoadEnv)
	}
	const limit, eppClients = 100, 10
	g := newGatewayRig(t, gatewayLimits(limit, "5ms"))
	g.serve()
	// A slot is free again a second after the answer of the command that had it.
	allowed := float64(len(g.registries)*limit*50) / 1.005
	alone := g.eppLoad(eppClients, 10*time.Second)

	s := g.searches("alone", 1000, 400)
	ratio := s.perSec() / allowed
	t.Logf("%v; %.3f of what the limits allow", s, ratio)
	if ratio < 0.97 {
		t.Errorf("%.3f of what the limits allow, want 0.97", ratio)
	}
	if s.peak > 512<<20 {
		t.Errorf("%d octets of memory", s.peak)
	}

	var wg sync.WaitGroup
	var mixed []Result
	wg.Go(func() { mixed = g.eppLoad(eppClients, 10*time.Second) })
	besides := g.searches("beside", 1000, 100)
	wg.Wait()
	t.Logf("beside EPP clients: %.0f names a second", besides.perSec())
	for i := range alone {
		t.Logf("EPP clients of %s: %.1f/s, p99 %.0f ms; beside searches %.1f/s, p99 %.0f ms", g.registries[i].name,
			alone[i].PerSec, alone[i].P99, mixed[i].PerSec, mixed[i].P99)
		if mixed[i].P99 > 2*alone[i].P99 {
			t.Errorf("EPP clients of %s: p99 %.0f ms beside searches, %.0f without", g.registries[i].name, mixed[i].P99, alone[i].P99)
		}
	}
	g.orderly()
}

// eppLoad has EPP clients at each registry's listener.
func (g *gatewayRig) eppLoad(clients int, length time.Duration) []Result {
	g.t.Helper()
	results := make([]Result, len(g.registries))
	var wg sync.WaitGroup
	for i, r := range g.registries {
		wg.Go(func() {
			results[i] = load(g.t, "--to", r.epp, "--clients", fmt.Sprint(clients), "--for", length.String(), "--warm-up", "2s")
		})
	}
	wg.Wait()
	return results
}

// TestGatewayUsual holds the gateway against one of the usual kind, over a registry of 100 commands a
// second whose answers take 40 ms: names a second of searches, and the time of a single check that
// nobody waits before, where the registry answers at once.
func TestGatewayUsual(t *testing.T) {
	if os.Getenv(gatewayLoadEnv) == "" {
		t.Skip("a measurement: set " + gatewayLoadEnv)
	}
	keys := gatewayLimits(100, "40ms")
	keys.registries = 1
	g := newGatewayRig(t, keys)
	g.serve()
	ours := g.searches("ours", 100, 400)
	g.mux.signal(os.Interrupt) // it holds all sessions that the registry grants
	g.mux.end()
	r := g.registries[0]
	u := startUsual(t, r.address, registryTLS(t, filepath.Join(g.dir, r.name)), 4)
	client := newGatewayClient(u.URL)
	const names = 200
	var wg sync.WaitGroup
	errs := make([]error, names)
	begin := time.Now()
	for i, name := range searchNames("usual", 0, names, 1) {
		wg.Go(func() { _, errs[i] = client.single(t.Context(), "", name) })
	}
	wg.Wait()
	theirs := names / time.Since(begin).Seconds()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%.0f names a second, the usual gateway %.1f: %.0f times", ours.perSec(), theirs, ours.perSec()/theirs)
	if ours.perSec() < 100*theirs {
		t.Errorf("%.0f times the names a second, want 100", ours.perSec()/theirs)
	}
	g.orderly()
	singleAgainstUsual(t)
}

// singleAgainstUsual compares the median time of single checks, one after the other, in turns.
func singleAgainstUsual(t *testing.T) {
	t.Helper()
	g := newGatewayRig(t, gatewayKeys{registries: 1, flags: []string{"--sessions", "8"},
		registry: "    sessions: {min: 4, max: 4}\n    rate_limits: []\n"})
	g.serve()
	r := g.registries[0]
	u := startUsual(t, r.address, registryTLS(t, filepath.Join(g.dir, r.name)), 4)
	ours, theirs := newGatewayClient(g.url()), newGatewayClient(u.URL)
	var took [2][]time.Duration
	for i := range 300 {
		for k, c := range []*gatewayClient{ours, theirs} {
			begin := time.Now()
			if _, err := c.single(t.Context(), strings.Repeat(r.name, 1-k), fmt.Sprintf("one-%d-%d.com", k, i)); err != nil {
				t.Fatal(err)
			}
			took[k] = append(took[k], time.Since(begin))
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	a, b := percentile(took[0], 0.5), percentile(took[1], 0.5)
	t.Logf("a single check: p50 %v, the usual gateway %v: 1/%.1f", a, b, b.Seconds()/a.Seconds())
	if a > b/10 {
		t.Errorf("p50 of a single check is 1/%.1f of the usual gateway's, want 1/10", b.Seconds()/a.Seconds())
	}
}
