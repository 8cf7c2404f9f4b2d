package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// gatewayCostClients are at work at a time, on either way.
	gatewayCostClients = 8
	// gatewayCostTurn is how long a way is measured at a time.
	gatewayCostTurn = 700 * time.Millisecond
	// gatewayCostRounds is how many turns each way has.
	gatewayCostRounds = 5
)

// costOf is the processor time of eppmux for each command while some clients run, in microseconds. one
// sends the n-th command of a client and waits for its answer.
func costOf(t *testing.T, pid int, one func(ctx context.Context, client, n int) error) float64 {
	t.Helper()
	var stop atomic.Bool
	var done atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, gatewayCostClients)
	used := func() time.Duration {
		u, err := usageOf(pid)
		if err != nil {
			t.Fatal(err)
		}
		return u.cpu
	}
	before := used()
	for i := range gatewayCostClients {
		wg.Go(func() {
			for n := 0; !stop.Load() && errs[i] == nil; n++ {
				errs[i] = one(t.Context(), i, n)
				done.Add(1)
			}
		})
	}
	time.Sleep(gatewayCostTurn)
	stop.Store(true)
	wg.Wait()
	spent := used() - before
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return spent.Seconds() * 1e6 / float64(done.Load())
}

// TestGatewayCost: what a single check costs by HTTP, beside one by EPP in the same run: medians of turns.
// The leanest way to ask about one name is GET /v1/check/{name}, which has no body: the long form demands the aim
// of it, 2, and of the others what they hold to. The bound of an ordinary run only finds what costs another order: a
// busy machine makes HTTP, which has more goroutines, dearer than EPP.
func TestGatewayCost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	g := newGatewayRig(t, gatewayKeys{registries: 1, flags: []string{"--sessions", "16"},
		registry: "    sessions: {min: 8, max: 8}\n    rate_limits: []\n"})
	g.serve()
	r := g.registries[0]
	l := &Load{To: r.epp}
	epp := make([]*loadClient, gatewayCostClients)
	for i := range epp {
		c, err := l.connect(i)
		if err != nil {
			t.Fatal(err)
		}
		defer c.nc.Close()
		epp[i] = c
	}
	client := newGatewayClient(g.url())
	defer client.c.CloseIdleConnections()
	ways := []struct {
		name string
		one  func(ctx context.Context, client, n int) error
		most float64 // in the long form
		cost []float64
	}{
		{name: "EPP", most: 1, one: func(_ context.Context, i, _ int) error {
			if !epp[i].once() {
				return fmt.Errorf("no right answer: %v", epp[i].err)
			}
			return nil
		}},
		{name: "POST /api/epp/domain-check", most: 4, one: func(ctx context.Context, i, n int) error {
			_, err := client.single(ctx, r.name, fmt.Sprintf("cost-%d-%d.com", i, n))
			return err
		}},
		{name: "GET /v1/check/{name}", most: 2, one: func(ctx context.Context, i, n int) error {
			return client.name(ctx, fmt.Sprintf("cost-%d-%d.com", i, n))
		}},
		{name: "POST /v1/check", most: 4, one: func(ctx context.Context, i, n int) error {
			_, err := client.search(ctx, []string{fmt.Sprintf("cost-%d-%d.com", i, n)})
			return err
		}},
	}
	pid := g.mux.cmd.Process.Pid
	for round := range gatewayCostRounds + 1 {
		for k := range ways {
			cost := costOf(t, pid, ways[k].one)
			if round > 0 { // the first is for buffers and connections
				ways[k].cost = append(ways[k].cost, cost)
			}
		}
	}
	for _, w := range ways {
		var ratios []float64
		for i := range w.cost {
			ratios = append(ratios, w.cost[i]/ways[0].cost[i])
		}
		ratio := figureOf(ratios)
		t.Logf("%s: %v µs of processor for each, %v of one by EPP", w.name, figureOf(w.cost), ratio)
		most := w.most
		if os.Getenv(gatewayLoadEnv) == "" {
			most = 8
		}
		if ratio.median > most {
			t.Errorf("%s: %.2f of one by EPP, want %v at the most", w.name, ratio.median, most)
		}
	}
	g.orderly()
}
