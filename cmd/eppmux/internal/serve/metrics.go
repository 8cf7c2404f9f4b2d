package serve

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// reloadResult is what became of a reload.
type reloadResult uint8

const (
	reloadDone    reloadResult = iota
	reloadPartly               // some of it could not be done
	reloadRefused              // the file has faults
	numReloadResults
)

func (r reloadResult) String() string {
	return [numReloadResults]string{"done", "partly", "refused"}[r]
}

// reloadCounts count reloads by result.
type reloadCounts [numReloadResults]atomic.Uint64

func (c *reloadCounts) add(r reloadResult) { c[r].Add(1) }

var (
	descExpiry = prometheus.NewDesc("eppmux_certificate_expiry_timestamp_seconds",
		"When a certificate of our own ends, by whom it is shown to (registry, clients), in seconds since 1970. "+
			"Absent where there is none.",
		[]string{"registry", "shown_to"}, nil)
	descReloads = prometheus.NewDesc("eppmux_reloads_total",
		"Reloads of the config file: done, partly (see the log), refused (the file has faults).",
		[]string{"result"}, nil)
)

// Describe implements prometheus.Collector.
func (l *live) Describe(ch chan<- *prometheus.Desc) {
	ch <- descExpiry
	ch <- descReloads
	l.metrics.Describe(ch)
	if l.audit != nil {
		l.audit.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (l *live) Collect(ch chan<- prometheus.Metric) {
	for _, o := range l.now.Load().own {
		ch <- prometheus.MustNewConstMetric(descExpiry, prometheus.GaugeValue, float64(o.Pair.Leaf().NotAfter.Unix()),
			o.Registry, o.ShownTo())
	}
	for r := range numReloadResults {
		ch <- prometheus.MustNewConstMetric(descReloads, prometheus.CounterValue, float64(l.reloads[r].Load()),
			r.String())
	}
	l.metrics.Collect(ch)
	if l.audit != nil {
		l.audit.Collect(ch)
	}
}
