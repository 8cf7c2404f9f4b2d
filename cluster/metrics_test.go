package cluster

import (
	"flag"
	"strings"
	"testing"
	"time"

	"eppmux/admin/metric/metrictest"
)

var update = flag.Bool("update", false, "write golden files anew")

// three is what host a of three knows: it owns one account, follows in the next, gives one up, and
// nobody owns the last.
func three() *Snapshot {
	lanes := LaneState{Idle: 1, Busy: 2, Opening: 3, Served: 4, Forwarded: [NumOutcomes]uint64{10, 11, 12, 13}}
	changes := make(map[Reason]uint64)
	for i, r := range Reasons {
		changes[r] = uint64(20 + i)
	}
	return &Snapshot{
		Cluster: "prod", Host: "a", TTL: 15 * time.Second, MaxSkew: 5 * time.Second,
		Engine:  EngineState{Name: "etcd", Up: true, Requests: 40, Took: 2500 * time.Millisecond, Failures: 3},
		Members: []MemberState{{Host: "a", Self: true, Alive: true}, {Host: "b", Alive: true}, {Host: "c"}},
		Accounts: []AccountState{
			{Name: "owned", Role: RoleOwner, Owner: Owner{Host: "a", Term: 7}, Left: 9 * time.Second, Changes: changes, Fenced: 5, Lanes: &lanes},
			{Name: "followed", Role: RoleFollower, Owner: Owner{Host: "b", Term: 8}, Left: time.Second, Lanes: &LaneState{}},
			{Name: "given-up", Role: RoleYielding, Owner: Owner{Host: "a", Term: 9}, Left: -time.Second},
			{Name: "orphaned", Owner: Owner{Term: 10}},
		},
	}
}

// TestMetrics: each metric shows its own number, under its name, with its labels, kind and help.
func TestMetrics(t *testing.T) {
	metrictest.Golden(t, "testdata/metrics.txt", NewMetrics(three), *update)
}

// TestMetricsWithoutCluster: then there is no series at all.
func TestMetricsWithoutCluster(t *testing.T) {
	if got := metrictest.Scrape(t, NewMetrics(func() *Snapshot { return nil })); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestMetricsStatic: without an engine nothing is said of one, and no lease ends.
func TestMetricsStatic(t *testing.T) {
	s := three()
	s.Engine = EngineState{Name: Static}
	got := metrictest.Scrape(t, NewMetrics(func() *Snapshot { return s }))
	for _, not := range []string{"engine", "lease"} {
		if strings.Contains(got, "eppmux_cluster_"+not) {
			t.Errorf("got %s in %s", not, got)
		}
	}
	if !strings.Contains(got, `eppmux_cluster_owner{registry="owned"} 1`) {
		t.Errorf("got %s", got)
	}
}

// TestOutcomes: words for metrics, each its own.
func TestOutcomes(t *testing.T) {
	words := make(map[string]bool)
	for o := range NumOutcomes {
		words[o.String()] = true
	}
	if len(words) != int(NumOutcomes) || words[""] {
		t.Errorf("got %v", words)
	}
	if l := (LaneState{Idle: 1, Busy: 2, Opening: 4, Served: 8}); l.Open() != 3 {
		t.Errorf("got %d", l.Open())
	}
}
