package audit

import "github.com/prometheus/client_golang/prometheus"

var (
	descRecords = prometheus.NewDesc("eppmux_audit_records_total", "Lines written to the audit log.", nil, nil)
	descLost    = prometheus.NewDesc("eppmux_audit_lost_total",
		"Lines that the audit log does not have: no room because more came than the disk took (full), because it failed (disk), or until the end (shutdown).",
		[]string{"reason"}, nil)
	descErrors = prometheus.NewDesc("eppmux_audit_errors_total",
		"Failures of the audit log's disk: to open, write or rotate the file, or to answer within a second.", nil, nil)
	descFailing = prometheus.NewDesc("eppmux_audit_failing", "1 while the audit log's disk fails or does not answer, else 0.", nil, nil)
	descQueue   = prometheus.NewDesc("eppmux_audit_queue_bytes", "Octets that wait to be written to the audit log.", nil, nil)
)

// Describe is prometheus.Collector's.
func (l *Log) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRecords, descLost, descErrors, descFailing, descQueue} {
		ch <- d
	}
}

// Collect is prometheus.Collector's.
func (l *Log) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	c, held, failing := l.counts, l.held, 0.0
	if l.failing {
		failing = 1
	}
	l.mu.Unlock()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	counter(descRecords, c.records)
	for why, n := range c.lost {
		counter(descLost, n, loss(why).String())
	}
	counter(descErrors, c.errors)
	ch <- prometheus.MustNewConstMetric(descFailing, prometheus.GaugeValue, failing)
	ch <- prometheus.MustNewConstMetric(descQueue, prometheus.GaugeValue, float64(held))
}
