package proxy

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
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

// TestFaultyReasonsAlert: the alert on clients that are closed for faults of their own names every reason
// that is one.
func TestFaultyReasonsAlert(t *testing.T) {
	rules, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`eppmux_client_closes_total\{reason=~"([^"]*)"\}`).FindSubmatch(rules)
	if m == nil {
		t.Fatal("no alert is on reasons")
	}
	named := strings.Split(string(m[1]), "|")
	for r := range closeReason(numCloseReasons) {
		if r.blames() != slices.Contains(named, r.String()) {
			t.Errorf("%v: a fault of the client's: %v, in the alert: %v", r, r.blames(), !r.blames())
		}
	}
}
