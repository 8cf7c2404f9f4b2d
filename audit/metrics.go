package audit

import (
	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric"
)

// snapshot is what the metrics of a Log are read from, all of one moment.
type snapshot struct {
	counts
	waiting int // octets that wait for the disk
	failing bool
}

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

// metrics are all metrics of a Log.
var metrics = metric.NewTable(nil, metric.Group[snapshot]{Name: "program", Rows: []metric.Row[snapshot]{
	{
		Name: "eppmux_audit_records_total", Kind: metric.Counter,
		Help:  "Lines written to the audit log.",
		Value: func(s *snapshot) float64 { return float64(s.records) },
	}, {
		Name: "eppmux_audit_lost_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Lines that the audit log does not have: no room because more came than the disk took (full), " +
			"because it failed (disk), or until the end (shutdown).",
		When: "it is not 0: the audit log has a gap, which a line with `event` `lost` marks",
		Each: func(s *snapshot, e metric.Emit) {
			for why, n := range s.lost {
				e.Value(float64(n), loss(why).String())
			}
		},
	}, {
		Name: "eppmux_audit_errors_total", Kind: metric.Counter,
		Help:  "Failures of the audit log's disk: to open, write or rotate the file, or to answer within a second.",
		When:  "it grows: the disk of the audit log is full, fails or is too slow",
		Value: func(s *snapshot) float64 { return float64(s.errors) },
	}, {
		Name: "eppmux_audit_failing", Kind: metric.Gauge,
		Help:  "1 while the audit log's disk fails or does not answer, else 0.",
		When:  "it is 1",
		Value: func(s *snapshot) float64 { return metric.OneIf(s.failing) },
	}, {
		Name: "eppmux_audit_queue_bytes", Kind: metric.Gauge,
		Help:  "Octets that wait to be written to the audit log.",
		When:  "it grows: the disk of the audit log is full, fails or is too slow",
		Value: func(s *snapshot) float64 { return float64(s.waiting) },
	},
}})

// Describe implements prometheus.Collector.
func (l *Log) Describe(ch chan<- *prometheus.Desc) { metrics.Describe(ch) }

// Collect implements prometheus.Collector. It may be called from any goroutine and never waits for
// the disk.
func (l *Log) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	s := snapshot{l.counts, l.held, l.failing}
	l.mu.Unlock()
	metrics.Send(ch, &s)
}
