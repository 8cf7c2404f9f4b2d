package gateway

import (
	"strings"
	"testing"

	"eppmux/admin/metric/metrictest"
)

// TestMetrics: what clients send is in no label, and requests are counted where they belong.
func TestMetrics(t *testing.T) {
	g := open(t, func(c *Config) { c.KeyFile = t.TempDir() + "/keys" })
	m := NewMetrics(func() []*Server { return []*Server{g.srv} })
	g.ask("GET", "/v1/canary", "")
	g.ask("BREW", "/v1/registries", "")
	g.post("/api/epp/domain-check", `{"host":"it","domain":"canary.it"}`)
	g.post("/api/epp/domain-check", `{"host":"canary","domain":"a.it"}`)
	text := metrictest.Scrape(t, m)
	for _, want := range []string{
		`eppmux_gateway_requests_total{outcome="refused",route="none",status="4xx"} 2`,
		`eppmux_gateway_requests_total{outcome="answered",route="domain-check",status="2xx"} 1`,
		`eppmux_gateway_requests_total{outcome="refused",route="domain-check",status="4xx"} 1`,
		`eppmux_gateway_requests_total{outcome="unknown",route="domain-create",status="5xx"} 0`,
		`eppmux_gateway_request_seconds_count{route="domain-check"} 2`,
		`eppmux_gateway_requests_under_way 0`,
		`eppmux_gateway_connections 1`,
		`eppmux_gateway_auth_failures_total 0`,
		`eppmux_gateway_keys{state="unknown"} 0`,
		`eppmux_gateway_key_errors_total{reason="write"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("got %s\nwant %s", text, want)
		}
	}
	if strings.Contains(text, "canary") || strings.Contains(text, "BREW") {
		t.Errorf("got %s", text)
	}
	for _, d := range MetricDocs() {
		if !strings.HasPrefix(d.Name, "eppmux_gateway_") || !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s: %s", d.Name, d.Help)
		}
	}
}
