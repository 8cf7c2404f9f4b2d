package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestClusterRate: how much of a limit of 100 commands a second is used over one session at 5 ms, by 60
// clients of one host that is alone, and of three that share the account; in turns.
func TestClusterRate(t *testing.T) {
	n := costRounds(t)
	base := clusterSpec{hosts: 1, clients: 60, registrySpec: registrySpec{sessions: 1, latency: 5 * time.Millisecond, rate: limitOfCluster}}
	shared := base
	shared.hosts, shared.clients, shared.ttl, shared.engine = 3, 20, clusterTTL(t), "etcd"
	kinds := []struct {
		name string
		spec clusterSpec
		used []float64 // of the limit, by the registry's journal
	}{{name: "one host", spec: base}, {name: "three hosts", spec: shared}}
	for r := range n {
		for i := range kinds {
			k := &kinds[(r+i)%len(kinds)]
			t.Run(strings.ReplaceAll(k.name, " ", "-"), func(t *testing.T) {
				c := newClusterRig(t, k.spec)
				c.start()
				s := wait(30 * time.Second)
				e := c.finish()
				for _, f := range e.judge() {
					t.Error(f)
				}
				used, window := e.used(s)
				t.Logf("%.4f of the limit used; 100 commands took %v at the median", used, window)
				k.used = append(k.used, used)
			})
		}
	}
	var b strings.Builder
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(&b, "%d rounds of 30 s; load average at the end: %s\n| host | of the limit used |\n| --- | --: |\n", n, load)
	for i := range kinds {
		fmt.Fprintf(&b, "| %s | %v |\n", kinds[i].name, figureOf(kinds[i].used))
	}
	t.Log("\n" + b.String())
	if one, three := figureOf(kinds[0].used), figureOf(kinds[1].used); three.median < 0.95*one.median {
		t.Errorf("three hosts use %v of the limit, one host %v", three, one)
	}
}

// used is how much of the limit was used in a span, by the registry's journal, and the median of the times
// from a command to the one that is a whole limit behind it.
func (e *evidence) used(s span) (of float64, window time.Duration) {
	var at []time.Time
	for i := range e.journal {
		if l := &e.journal[i]; l.counts() && l.Time.After(s.from) && l.Time.Before(s.to) {
			at = append(at, l.Time)
		}
	}
	var windows []time.Duration
	for i := e.rate; i < len(at); i++ {
		windows = append(windows, at[i].Sub(at[i-e.rate]))
	}
	slices.Sort(windows)
	return float64(len(at)) / s.to.Sub(s.from).Seconds() * e.per.Seconds() / float64(e.rate), percentile(windows, 0.5)
}
