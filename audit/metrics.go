package audit

import "github.com/prometheus/client_golang/prometheus"

// snapshot is what the metrics of a Log are read from, all of one moment.
type snapshot struct {
	counts
	waiting int // octets that wait for the disk
	failing bool
}

// metric is one metric: what it is called and says, and how it is read.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*snapshot) float64
}

// metrics are all metrics of a Log.
var metrics = [...]metric{
	{prometheus.NewDesc("eppmux_audit_records_total", "Lines written to the audit log.", nil, nil),
		prometheus.CounterValue, func(s *snapshot) float64 { return float64(s.records) }},

	lostBy(lossFull),
	lostBy(lossDisk),
	lostBy(lossShutdown),

	{prometheus.NewDesc("eppmux_audit_errors_total",
		"Failures of the audit log's disk: to open, write or rotate the file, or to answer within a second.", nil, nil),
		prometheus.CounterValue, func(s *snapshot) float64 { return float64(s.errors) }},

	{prometheus.NewDesc("eppmux_audit_failing",
		"1 while the audit log's disk fails or does not answer, else 0.", nil, nil),
		prometheus.GaugeValue, func(s *snapshot) float64 {
			if s.failing {
				return 1
			}
			return 0
		}},

	{prometheus.NewDesc("eppmux_audit_queue_bytes", "Octets that wait to be written to the audit log.", nil, nil),
		prometheus.GaugeValue, func(s *snapshot) float64 { return float64(s.waiting) }},
}

// lostBy is the metric of lost lines for one reason.
func lostBy(why loss) metric {
	return metric{
		prometheus.NewDesc("eppmux_audit_lost_total",
			"Lines that the audit log does not have: no room because more came than the disk took (full), "+
				"because it failed (disk), or until the end (shutdown).",
			nil, prometheus.Labels{"reason": why.String()}),
		prometheus.CounterValue, func(s *snapshot) float64 { return float64(s.lost[why]) },
	}
}

// Describe implements prometheus.Collector.
func (l *Log) Describe(ch chan<- *prometheus.Desc) {
	for i := range metrics {
		ch <- metrics[i].desc
	}
}

// Collect implements prometheus.Collector. It may be called from any goroutine and never waits for
// the disk.
func (l *Log) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	s := snapshot{l.counts, l.held, l.failing}
	l.mu.Unlock()
	for i := range metrics {
		m := &metrics[i]
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
}
