package serve

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"eppmux/admin"
	"eppmux/admin/metric"
	"eppmux/audit"
	"eppmux/cluster"
	"eppmux/gateway"
	"eppmux/proxy"
	"eppmux/upstream"
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

// metrics are those of the program itself.
var metrics = metric.NewTable(nil, metric.Group[live]{Name: "sessions", Rows: []metric.Row[live]{
	{
		Name: "eppmux_certificate_expiry_timestamp_seconds", Kind: metric.Gauge,
		Labels: []string{"registry", "shown_to"},
		Help: "When a certificate of our own ends, by whom it is shown to (registry, clients; gateway, peers and " +
			"the engine of a cluster, without a registry), in seconds since 1970. Absent where there is none.",
		When: "it comes near: renew the certificate",
		Each: func(l *live, e metric.Emit) {
			for _, o := range l.now.Load().own {
				e.Value(float64(o.Pair.Leaf().NotAfter.Unix()), o.Registry, o.ShownTo())
			}
		},
	},
}}, metric.Group[live]{Name: "commands", Rows: []metric.Row[live]{
	{
		Name: "eppmux_unknown_transforms_unresolved", Kind: metric.Gauge, Labels: []string{"registry"},
		Help: "Transforms of unknown outcome in the audit log, of earlier processes too, that nobody has resolved. " +
			"Absent without an audit log, and until it is read.",
		When: "it is not 0: [find out](runbook.md#find-out-what-became-of-a-command) what became of them, " +
			"and resolve them",
		Each: func(l *live, e metric.Emit) {
			for _, s := range l.now.Load().subjects {
				if s.Unresolved == nil {
					continue
				}
				if n, _, known := s.Unresolved(); known {
					e.Value(float64(n), s.Name)
				}
			}
		},
	},
}}, metric.Group[live]{Name: "program", Rows: []metric.Row[live]{
	{
		Name: "eppmux_reloads_total", Kind: metric.Counter, Labels: []string{"result"},
		Help: "Reloads of the config file: done, partly (see the log), refused (the file has faults).",
		When: "`refused` or `partly` grows: a reload had a fault, or did not all succeed",
		Each: func(l *live, e metric.Emit) {
			for r := range numReloadResults {
				e.Value(float64(l.reloads[r].Load()), r.String())
			}
		},
	}, {
		Name: "eppmux_log_lost_total", Kind: metric.Counter,
		Help:  "Log lines that nobody has: standard error was not read and 1 MiB waited, or writing there failed.",
		When:  "it is not 0: the log has a gap, which a line marks once standard error is read again",
		Value: func(l *live) float64 { return float64(l.log.Lost()) },
	},
}})

// MetricDocs describes all metrics of the program for the docs: its own, and those of each package
// that has some.
func MetricDocs() []metric.Doc {
	return slices.Concat(upstream.MetricDocs(), proxy.MetricDocs(), gateway.MetricDocs(),
		admin.MetricDocs(), metrics.Docs(), audit.MetricDocs(), cluster.MetricDocs())
}

// newRegistry returns what /metrics shows: all that MetricDocs describes, but for what package
// admin adds, and what is said of any program.
//
// Each package collects for itself, so a scrape asks an event loop for two copies: one of the
// account and one of its clients. A copy costs the loop microseconds, and no number of the one is
// reckoned against the other. Prometheus collects side by side: the two wait for a loop that does
// not answer for a second in all.
func (l *live) newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		l, l.accounts, l.clients, l.requests, cluster.NewMetrics(l.inCluster))
	if l.audit != nil {
		reg.MustRegister(l.audit)
	}
	return reg
}

// Describe implements prometheus.Collector.
func (l *live) Describe(ch chan<- *prometheus.Desc) { metrics.Describe(ch) }

// Collect implements prometheus.Collector.
func (l *live) Collect(ch chan<- prometheus.Metric) { metrics.Send(ch, l) }
