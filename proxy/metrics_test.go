package proxy

import (
	"flag"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric/metrictest"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestMetrics: each metric of the table shows its own numbers, under its name, with its labels, its
// kind and its help.
func TestMetrics(t *testing.T) {
	metrictest.Golden(t, "testdata/metrics.txt", metrictest.Collector{
		Descs: metrics.Describe,
		Metrics: func(ch chan<- prometheus.Metric) {
			for _, name := range []string{"a", "b"} {
				s := &Snapshot{Clients: 7, Memory: 8, MaxMemory: 9}
				metrictest.Number(&s.Counters, name)
				metrics.Send(ch, s, name)
			}
		},
	}, *update)
}
