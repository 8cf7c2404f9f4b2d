package admin

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric"
)

// buildInfo is the version of the program that runs. It implements prometheus.Collector.
type buildInfo string

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

var metrics = metric.NewTable(nil, metric.Group[buildInfo]{Name: "program", Rows: []metric.Row[buildInfo]{{
	Name: "eppmux_build_info", Kind: metric.Gauge, Labels: []string{"version", "go"},
	Help: "Version of eppmux and of the Go it was built with; always 1.",
	Each: func(version *buildInfo, e metric.Emit) { e.Value(1, string(*version), runtime.Version()) },
}}})

// Describe implements prometheus.Collector.
func (b buildInfo) Describe(ch chan<- *prometheus.Desc) { metrics.Describe(ch) }

// Collect implements prometheus.Collector.
func (b buildInfo) Collect(ch chan<- prometheus.Metric) { metrics.Send(ch, &b) }
