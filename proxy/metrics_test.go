package proxy

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/ratelimit"
	"eppmux/sandbox"
	"eppmux/upstream/pool"
)

// TestLimitLabels: a limit's metrics have its name, or without one its place.
func TestLimitLabels(t *testing.T) {
	f := start(t, func(_ *sandbox.Config, pc *config) {
		rule := pool.Rule{Limit: ratelimit.Limit{N: 100, Per: time.Second}, Commands: allCommands()}
		pc.Upstream.Pool.Rules = []pool.Rule{rule, rule}
		pc.Upstream.Pool.Rules[0].Name = "day"
	})
	f.dial()
	reg := prometheus.NewRegistry()
	reg.MustRegister(NewMetrics(func() []*Server { return []*Server{f.server.Server} }))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, family := range families {
		var limits []string
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "limit" {
					limits = append(limits, l.GetValue())
				}
			}
		}
		slices.Sort(limits)
		if len(limits) > 0 && !slices.Equal(limits, []string{"1", "day"}) {
			t.Errorf("%s has limits %q", family.GetName(), limits)
		}
		found += min(1, len(limits))
	}
	if found != 3 {
		t.Errorf("%d metrics are about limits, want 3", found)
	}
}
