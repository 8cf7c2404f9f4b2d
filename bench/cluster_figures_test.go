package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// clusterLong makes each scenario last for a minute with each engine and number of sessions, and its
// figures are held to what is promised. Otherwise it is short, and the machine may be slow.
var clusterLong = os.Getenv("EPPMUX_CLUSTER_LONG") != ""

// clusterTTL is the ttl of the leases: the least one, or that of EPPMUX_CLUSTER_TTL.
func clusterTTL(t *testing.T) time.Duration {
	text := os.Getenv("EPPMUX_CLUSTER_TTL")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// clusterFigures are rows of the table that is printed behind all scenarios.
type clusterFigures struct {
	mu   sync.Mutex
	rows []string // guarded by mu; cells with tabs between
}

func (f *clusterFigures) add(cells ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintln(cells...), " \x00 ", "\t"), "\n"))
}

func (f *clusterFigures) print(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tfigure\tgot\twant")
	slices.Sort(f.rows)
	for _, r := range f.rows {
		fmt.Fprintln(w, r)
	}
	w.Flush()
	t.Log("\n" + b.String())
}

// figure puts a row into the table.
func (c *clusterRig) figure(what string, got, want any) {
	c.figures.add(c.t.Name(), "\x00", what, "\x00", got, "\x00", want)
}

// atMost holds a time against what is promised. Where the scenario is short it may be slack longer.
func (c *clusterRig) atMost(what string, got, want, slack time.Duration) {
	c.t.Helper()
	c.figure(what, got.Round(time.Millisecond), "at most "+want.String())
	if clusterLong {
		slack = 0
	}
	if got > want+slack {
		c.broken("%s: got %v, want at most %v", what, got, want+slack)
	}
}

// atLeast holds a ratio against what is promised, or where the scenario is short against least.
func (c *clusterRig) atLeast(what string, got, want, least float64) {
	c.t.Helper()
	c.figure(what, fmt.Sprintf("%.3f", got), fmt.Sprintf("at least %.2f", want))
	if !clusterLong {
		want = least
	}
	if got < want {
		c.broken("%s: got %.3f, want at least %.2f", what, got, want)
	}
}
