package admin

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// newBuildInfo returns the metric that tells which program runs. Its value is always 1; the labels
// tell.
func newBuildInfo(version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "eppmux_build_info",
		Help:        "Version of eppmux and of the Go it was built with; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	g.Set(1)
	return g
}
