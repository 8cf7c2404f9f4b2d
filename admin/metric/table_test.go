package metric

import (
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric/metrictest"
)

// cellar is a snapshot to read from.
type cellar struct {
	wine, beer float64
	locked     bool
	sizes      [3]uint64
}

// cellars has a row of each kind, and of each way to read.
var cellars = NewTable([]string{"house"}, Group[cellar]{Name: "drinks", Rows: []Row[cellar]{
	{
		Name: "bottles", Kind: Gauge, Labels: []string{"of"}, Help: "Bottles in the cellar.", When: "0: buy `some`",
		Each: func(c *cellar, e Emit) { e.Value(c.wine, "wine"); e.Value(c.beer, "beer") },
	}, {
		Name: "size_litres", Kind: Histogram, Help: "Sizes of bottles.",
		Each: func(c *cellar, e Emit) { e.Histogram([]float64{0.5, 1}, c.sizes[:], 12.5) },
	},
}}, Group[cellar]{Name: "door", Rows: []Row[cellar]{
	{
		Name: "locked", Kind: Gauge, Help: "1 while the door is locked, else 0.",
		Value: func(c *cellar) float64 { return OneIf(c.locked) },
	}, {
		Name: "visits_total", Kind: Counter, Help: "Visits.",
		Value: func(c *cellar) float64 { return c.wine * 2 },
	},
}})

func TestTable(t *testing.T) {
	got := metrictest.Scrape(t, metrictest.Collector{Descs: cellars.Describe, Metrics: func(ch chan<- prometheus.Metric) {
		cellars.Send(ch, &cellar{wine: 5, beer: 7, locked: true, sizes: [3]uint64{1, 2, 4}}, "a")
		cellars.Send(ch, &cellar{wine: 1}, "b")
	}})
	const want = `# HELP bottles Bottles in the cellar.
# TYPE bottles gauge
bottles{house="a",of="beer"} 7
bottles{house="a",of="wine"} 5
bottles{house="b",of="beer"} 0
bottles{house="b",of="wine"} 1
# HELP locked 1 while the door is locked, else 0.
# TYPE locked gauge
locked{house="a"} 1
locked{house="b"} 0
# HELP size_litres Sizes of bottles.
# TYPE size_litres histogram
size_litres_bucket{house="a",le="0.5"} 1
size_litres_bucket{house="a",le="1"} 3
size_litres_bucket{house="a",le="+Inf"} 7
size_litres_sum{house="a"} 12.5
size_litres_count{house="a"} 7
size_litres_bucket{house="b",le="0.5"} 0
size_litres_bucket{house="b",le="1"} 0
size_litres_bucket{house="b",le="+Inf"} 0
size_litres_sum{house="b"} 12.5
size_litres_count{house="b"} 0
# HELP visits_total Visits.
# TYPE visits_total counter
visits_total{house="a"} 10
visits_total{house="b"} 2
`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTableWithoutLabels: a table of one subject names none.
func TestTableWithoutLabels(t *testing.T) {
	table := NewTable(nil, Group[cellar]{Rows: []Row[cellar]{{Name: "wine", Kind: Gauge, Help: "Wine.", Value: func(c *cellar) float64 { return c.wine }}}})
	got := metrictest.Scrape(t, metrictest.Collector{Descs: table.Describe, Metrics: func(ch chan<- prometheus.Metric) { table.Send(ch, &cellar{wine: 5}) }})
	if want := "\nwine 5\n"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %q", got, want)
	}
}

func TestDocs(t *testing.T) {
	want := []Doc{
		{"drinks", "bottles", Gauge, []string{"house", "of"}, "Bottles in the cellar.", "0: buy `some`"},
		{"drinks", "size_litres", Histogram, []string{"house"}, "Sizes of bottles.", ""},
		{"door", "locked", Gauge, []string{"house"}, "1 while the door is locked, else 0.", ""},
		{"door", "visits_total", Counter, []string{"house"}, "Visits.", ""},
	}
	if got := cellars.Docs(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestBrokenRows: a row with no way to read it, or with two, and one that gives a histogram and
// says that it is something else.
func TestBrokenRows(t *testing.T) {
	value := func(*cellar) float64 { return 0 }
	each := func(_ *cellar, e Emit) { e.Histogram(nil, []uint64{1}, 1) }
	send := func(r Row[cellar]) {
		NewTable(nil, Group[cellar]{Rows: []Row[cellar]{r}}).Send(make(chan prometheus.Metric, 1), new(cellar))
	}
	for _, tt := range []struct {
		name string
		row  Row[cellar]
		want string
	}{
		{"none", Row[cellar]{Name: "x"}, "BUG: not one way to read x"},
		{"two", Row[cellar]{Name: "x", Value: value, Each: each}, "BUG: not one way to read x"},
		{"kind", Row[cellar]{Name: "x", Kind: Gauge, Each: each}, "BUG: a histogram in a row that is a gauge"},
	} {
		func() {
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				}
			}()
			send(tt.row)
		}()
	}
}
