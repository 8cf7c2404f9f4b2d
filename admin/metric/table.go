package metric

import (
	"iter"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is how the values of a metric are to be understood.
type Kind uint8

const (
	Counter   Kind = iota // a sum since the start
	Gauge                 // of the moment
	Histogram             // a sum since the start, by size
)

// String is the kind as /metrics has it.
func (k Kind) String() string { return [...]string{"counter", "gauge", "histogram"}[k] }

// Row declares a metric. Its values are read from an S, and S must not be changed by that.
type Row[S any] struct {
	Name   string // in full; it ends in its unit
	Kind   Kind
	Labels []string // its own, behind those that all rows of the table have; from closed sets
	Help   string   // a sentence
	When   string   // to look at it, and what to do then; Markdown, for docs/reference.md alone

	// One of these two reads the values: Value where there is always one and no label, Each for all
	// else.
	Value func(*S) float64
	Each  func(*S, Emit)
}

// Group are rows that docs/reference.md has in one table, with those of the same name from other
// packages.
type Group[S any] struct {
	Name string // of that table
	Rows []Row[S]
}

// Table are the metrics of a package. Immutable.
type Table[S any] struct {
	labels []string
	groups []Group[S]
	descs  []*prometheus.Desc // by row, through all groups
}

// NewTable returns the table of some groups. The labels are those that all rows have, and whose
// values Send is given.
func NewTable[S any](labels []string, groups ...Group[S]) *Table[S] {
	t := &Table[S]{labels: labels, groups: groups}
	for r := range t.rows() {
		if (r.Value == nil) == (r.Each == nil) {
			panic("BUG: not one way to read " + r.Name)
		}
		t.descs = append(t.descs, prometheus.NewDesc(r.Name, r.Help, slices.Concat(labels, r.Labels), nil))
	}
	return t
}

// rows goes through the rows of all groups.
func (t *Table[S]) rows() iter.Seq[*Row[S]] {
	return func(yield func(*Row[S]) bool) {
		for _, g := range t.groups {
			for i := range g.Rows {
				if !yield(&g.Rows[i]) {
					return
				}
			}
		}
	}
}

// Doc is what docs/reference.md says of a metric.
type Doc struct {
	Group  string
	Name   string
	Kind   Kind
	Labels []string
	Help   string
	When   string
}

// Docs describes the metrics in the order of their rows.
func (t *Table[S]) Docs() []Doc {
	var all []Doc
	for _, g := range t.groups {
		for _, r := range g.Rows {
			all = append(all, Doc{g.Name, r.Name, r.Kind, slices.Concat(t.labels, r.Labels), r.Help, r.When})
		}
	}
	return all
}

// Describe sends what prometheus.Collector.Describe is to send.
func (t *Table[S]) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range t.descs {
		ch <- d
	}
}

// Send sends all metrics as s has them. The labels are the values of those of NewTable.
func (t *Table[S]) Send(ch chan<- prometheus.Metric, s *S, labels ...string) {
	e := Emit{ch: ch, labels: labels}
	descs := t.descs
	for r := range t.rows() {
		e.desc, e.kind, descs = descs[0], r.Kind, descs[1:]
		if r.Value != nil {
			e.Value(r.Value(s))
		} else {
			r.Each(s, e)
		}
	}
}

// Emit takes the values of one metric.
type Emit struct {
	ch     chan<- prometheus.Metric
	desc   *prometheus.Desc
	kind   Kind
	labels []string // values of those that all rows have
}

// Value takes a value, with the values of the row's labels in their order.
func (e Emit) Value(v float64, labels ...string) {
	kind := prometheus.CounterValue
	if e.kind != Counter {
		kind = prometheus.GaugeValue
	}
	e.ch <- prometheus.MustNewConstMetric(e.desc, kind, v, slices.Concat(e.labels, labels)...)
}

// Histogram takes a histogram, with the values of the row's labels in their order. counts has one
// bucket more than there are upper bounds, for what is greater than all; sum is that of all values.
func (e Emit) Histogram(bounds []float64, counts []uint64, sum float64, labels ...string) {
	if e.kind != Histogram {
		panic("BUG: a histogram in a row that is a " + e.kind.String())
	}
	upTo := make(map[float64]uint64, len(bounds))
	var n uint64
	for i, count := range counts {
		n += count
		if i < len(bounds) {
			upTo[bounds[i]] = n
		}
	}
	e.ch <- prometheus.MustNewConstHistogram(e.desc, n, sum, upTo, slices.Concat(e.labels, labels)...)
}

// OneIf is the value of a gauge that says yes or no.
func OneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
