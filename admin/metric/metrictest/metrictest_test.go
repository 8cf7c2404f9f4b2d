package metrictest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestNumber: each number is another one, depends on its own path only, and what is no number
// stays.
func TestNumber(t *testing.T) {
	type inner struct {
		Counts [3]uint64
		Wait   time.Duration
	}
	var few struct {
		Inner inner
		N     int
	}
	var more struct {
		Before uint64
		Inner  inner
		N      int
		Name   string
		Yes    bool
	}
	Number(&few, "x")
	Number(&more, "x")
	if few.Inner != more.Inner || few.N != more.N {
		t.Errorf("got %+v and %+v, want the same numbers", few, more)
	}
	if more.Name != "" || more.Yes {
		t.Errorf("got %+v", more)
	}
	seen := map[int64]bool{0: true}
	for _, n := range []int64{int64(more.Before), int64(few.N), int64(few.Inner.Counts[0]), int64(few.Inner.Counts[1]), int64(few.Inner.Counts[2]), few.Inner.Wait.Milliseconds()} {
		if seen[n] {
			t.Errorf("got %d twice, or 0: %+v", n, more)
		}
		seen[n] = true
	}
	other := few
	Number(&other, "y")
	if other.N == few.N {
		t.Errorf("got %d for two names", few.N)
	}
}

// TestGolden: what was written is what is wanted.
func TestGolden(t *testing.T) {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "wine", Help: "Wine."})
	g.Set(3)
	file := filepath.Join(t.TempDir(), "golden.txt")
	c := Collector{Descs: g.Describe, Metrics: g.Collect}
	Golden(t, file, c, true)
	Golden(t, file, c, false)
	if got := Scrape(t, c); !strings.HasSuffix(got, "\nwine 3\n") {
		t.Errorf("got %q", got)
	}
}
