// Package metric is the form in which each package declares its metrics: a [Table] of rows. A row
// has the name of a metric, its help text, its labels, and how its values are read from a snapshot
// of the package's own type. What Prometheus gets and what docs/reference.md says come from there.
//
//	var metrics = metric.NewTable([]string{"registry"}, metric.Group[Snapshot]{
//		Name: "Limits",
//		Rows: []metric.Row[Snapshot]{{
//			Name: "eppmux_throttled_total", Kind: metric.Counter,
//			Help:  "Answers of the registry that it wants fewer commands; they were sent again later.",
//			Value: func(s *Snapshot) float64 { return float64(s.Throttled) },
//		}},
//	})
//
// A [Collector] asks subjects for their snapshots, as the event loops of the registries, and shows
// what the table reads from them. A package that has its snapshot at hand uses [Table.Describe] and
// [Table.Send].
//
// The package counts nothing: counting stays an addition to a plain number, whose owner copies it
// into the snapshot.
package metric
