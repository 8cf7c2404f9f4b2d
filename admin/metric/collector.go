package metric

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector shows the metrics of a table for each of its subjects, of type T. It implements
// prometheus.Collector.
type Collector[T comparable, S any] struct {
	// Immutable after NewCollector.
	table    *Table[S]
	subjects func() []T
	name     func(T) string
	look     func(T) *S

	mu   sync.Mutex
	last map[T]*S // the last answers; guarded by mu, and the map itself is immutable
}

// NewCollector returns a collector over the subjects that a function names at each scrape. The
// label of the table has the name of a subject. look returns its snapshot, or nil where it does not
// answer within a second; it may be called from any goroutine, and the snapshot must not change.
func NewCollector[T comparable, S any](
	table *Table[S], subjects func() []T, name func(T) string, look func(T) *S,
) *Collector[T, S] {
	return &Collector[T, S]{table: table, subjects: subjects, name: name, look: look}
}

// Describe implements prometheus.Collector.
func (c *Collector[T, S]) Describe(ch chan<- *prometheus.Desc) { c.table.Describe(ch) }

// Collect implements prometheus.Collector. It looks at all subjects side by side: however many do
// not answer, it takes a second at most. One that does not answer is shown as it was last.
func (c *Collector[T, S]) Collect(ch chan<- prometheus.Metric) {
	subjects := c.subjects()
	seen := make([]*S, len(subjects))
	var wg sync.WaitGroup
	for i, t := range subjects {
		wg.Go(func() { seen[i] = c.look(t) })
	}
	wg.Wait()
	last := c.keep(subjects, seen)
	for _, t := range subjects {
		if s := last[t]; s != nil {
			c.table.Send(ch, s, c.name(t))
		}
	}
}

// keep notes what was seen of the subjects, forgets all others, and returns the last answer of
// each.
func (c *Collector[T, S]) keep(subjects []T, seen []*S) map[T]*S {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := make(map[T]*S, len(subjects))
	for i, t := range subjects {
		if last[t] = seen[i]; last[t] == nil {
			last[t] = c.last[t]
		}
	}
	c.last = last
	return last
}
