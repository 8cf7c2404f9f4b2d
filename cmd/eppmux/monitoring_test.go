package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"gopkg.in/yaml.v3"

	"eppmux/admin/metric"
	"eppmux/admin/metric/metrictest"
	"eppmux/cluster"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/gateway"
)

const (
	alertsFile    = "../../deploy/prometheus/alerts.yml"
	alertTests    = "../../deploy/prometheus/alerts_test.yml"
	dashboardFile = "../../deploy/grafana/eppmux.json"
)

// monitored is "eppmux serve" before a sandbox of its own, with an admin listener.
type monitored struct {
	*program
	admin, clients string // host:port
}

func startMonitored(t *testing.T) *monitored {
	t.Helper()
	s := newStand(t, throughPlain)
	admin := s.mux.find(`msg="admin listening" .*listener=(\S+)`)
	return &monitored{s.mux, admin, s.address}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	r, err := (&http.Client{Timeout: time.Minute}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d, %v\n%s", url, r.StatusCode, err, b)
	}
	return b
}

func promtool(t *testing.T, in []byte, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		lacking(t, "promtool", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "promtool", args...)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil || slices.Contains(args, "metrics") && len(out) > 0 {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

var metricName = regexp.MustCompile(`\beppmux_[a-z_]+\b`)

// TestMetricsAndRules: promtool finds no fault in what is exported, in the alerts and in their
// tests; every alert has a test that fires it and one that does not; alerts, dashboard and docs
// name only metrics that there are.
func TestMetricsAndRules(t *testing.T) {
	m := startMonitored(t)
	if got := eppmux(t, "send", "--to", m.clients, "check", "free.example"); got.code != cli.ExitDone {
		t.Fatalf("got %+v", got)
	}
	if got := eppmux(t, "send", "--to", m.clients, "poll"); got.code != cli.ExitDone {
		t.Fatalf("got %+v", got)
	}
	metrics := get(t, "http://"+m.admin+"/metrics")
	promtool(t, metrics, "check", "metrics")
	promtool(t, nil, "check", "rules", alertsFile)
	promtool(t, nil, "test", "rules", alertTests)

	exported := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m)^# TYPE (eppmux_\S+) (\S+)$`).FindAllSubmatch(metrics, -1) {
		exported[string(name[1])] = true
		if string(name[2]) == "histogram" {
			exported[string(name[1])+"_bucket"] = true
		}
	}
	for _, name := range []string{"eppmux_password_expiry_timestamp_seconds", "eppmux_poll_queue_oldest_seconds"} {
		exported[name] = true // where the registry tells
	}
	exported["eppmux_unknown_transforms_unresolved"] = true // once the audit log is read
	inCluster := exportedInCluster(t)
	for name := range inCluster {
		if exported[name] {
			t.Errorf("%s is exported without a cluster", name)
		}
	}
	maps.Copy(exported, inCluster)
	maps.Copy(exported, exportedByGateway(t))
	for _, file := range []string{alertsFile, alertTests, dashboardFile, "../../docs/reference.md"} {
		for _, name := range metricName.FindAllString(string(clitest.ReadFile(t, file)), -1) {
			if !exported[name] {
				t.Errorf("%s names %s, which is not exported", file, name)
			}
		}
	}
	docs := string(clitest.ReadFile(t, "../../docs/reference.md"))
	for name := range exported {
		name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if !strings.Contains(docs, name) {
			t.Errorf("docs/reference.md does not name %s", name)
		}
	}
	tests := string(clitest.ReadFile(t, alertTests))
	for _, name := range alertNames(t) {
		for _, test := range []string{"  - name: " + name + " fires\n", "  - name: " + name + " stays quiet\n"} {
			if !strings.Contains(tests, test) {
				t.Errorf("%s has no test %q", name, strings.TrimSpace(test))
			}
		}
	}
	m.end()
}

// exportedInCluster are the names of what is exported in a cluster alone; promtool finds no fault in it.
func exportedInCluster(t *testing.T) map[string]bool {
	t.Helper()
	return exportedBy(t, cluster.NewMetrics(three), cluster.MetricDocs())
}

// exportedByGateway are the names of what is exported where there is a gateway.
func exportedByGateway(t *testing.T) map[string]bool {
	t.Helper()
	s, err := gateway.New(gateway.Config{KeyFile: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return exportedBy(t, gateway.NewMetrics(func() []*gateway.Server { return []*gateway.Server{s} }), gateway.MetricDocs())
}

// exportedBy are the names of what a collector exports: all that docs describe.
func exportedBy(t *testing.T, c prometheus.Collector, docs []metric.Doc) map[string]bool {
	t.Helper()
	metrics := metrictest.Scrape(t, c)
	promtool(t, []byte(metrics), "check", "metrics")
	names := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m)^(eppmux_\w+)`).FindAllString(metrics, -1) {
		names[name] = true
	}
	for _, name := range regexp.MustCompile(`(?m)^# TYPE (eppmux_\w+) `).FindAllStringSubmatch(metrics, -1) {
		names[name[1]] = true
	}
	for _, d := range docs {
		if !names[d.Name] {
			t.Errorf("%s is not exported", d.Name)
		}
	}
	return names
}

// clusterTarget serves the metrics of a host that takes part in a cluster, until the test ends.
func clusterTarget(t *testing.T) string {
	t.Helper()
	return scraped(t, cluster.NewMetrics(three))
}

// gatewayTarget serves the metrics of a gateway, until the test ends.
func gatewayTarget(t *testing.T) string {
	t.Helper()
	s, err := gateway.New(gateway.Config{KeyFile: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return scraped(t, gateway.NewMetrics(func() []*gateway.Server { return []*gateway.Server{s} }))
}

// scraped serves the metrics of a collector, until the test ends.
func scraped(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	s := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func alertNames(t *testing.T) (names []string) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(clitest.ReadFile(t, alertsFile), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			names = append(names, r.Alert)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s: got severity %q and annotations %v", r.Alert, s, r.Annotations)
			}
		}
	}
	if len(names) < 10 {
		t.Errorf("found %d alerts", len(names))
	}
	return names
}

// TestDashboard asks a Prometheus that scrapes eppmux under load every query of the dashboard.
func TestDashboard(t *testing.T) {
	if _, err := exec.LookPath("prometheus"); err != nil {
		lacking(t, "prometheus", err)
	}
	m := startMonitored(t)
	at := startPrometheus(t, time.Second, "", m.admin, clusterTarget(t), gatewayTarget(t))
	working := make(chan struct{})
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		for {
			select {
			case <-working:
				return
			default:
				_ = eppmux(t, "send", "--to", m.clients, "check", "free.example", "example.com")
			}
		}
	}()
	defer func() { close(working); <-loaded }()
	waitForData(t, at, `rate(eppmux_commands_total[10s]) > 0`)
	waitForData(t, at, `rate(eppmux_gateway_auth_failures_total[10s]) >= 0`)
	waitForData(t, at, `rate(eppmux_cluster_engine_request_seconds_count[10s]) >= 0`)

	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(clitest.ReadFile(t, dashboardFile), &board); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, p := range board.Panels {
		found := false
		for _, target := range p.Targets {
			q := strings.NewReplacer("$__rate_interval", "10s", "$__range", "1h", "$instance", ".*", "$registry", ".*").Replace(target.Expr)
			asked++
			if query(t, at, q) > 0 {
				found = true
			}
		}
		if !found && p.Type != "row" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
	}
	if asked < 20 {
		t.Errorf("asked %d queries only", asked)
	}
}

// startPrometheus scrapes targets at an interval, with the rules of a file, if any, and returns its
// own address.
func startPrometheus(t *testing.T, interval time.Duration, rules string, targets ...string) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`
global: {scrape_interval: %[1]v, scrape_timeout: %[1]v, evaluation_interval: 1s}
scrape_configs: [{job_name: eppmux, static_configs: [{targets: ["%[2]s"]}]}]
`, interval, strings.Join(targets, `", "`))
	if rules != "" {
		text += fmt.Sprintf("rule_files: [%q]\n", rules)
	}
	config := clitest.WriteFile(t, dir, "prometheus.yml", text, 0o644)
	for range 5 { // the port may be taken between being found and used
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := ln.Addr().String()
		ln.Close()
		ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
		cmd := exec.CommandContext(ctx, "prometheus", "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", at)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		t.Cleanup(func() {
			cancel()
			<-ended
			if t.Failed() {
				t.Logf("prometheus printed\n%s", out.Bytes())
			}
		})
		for {
			r, err := http.Get("http://" + at + "/-/ready")
			if err == nil {
				r.Body.Close()
				if r.StatusCode == http.StatusOK {
					return at
				}
			}
			select {
			case <-ended:
			case <-time.After(50 * time.Millisecond):
				continue
			}
			break
		}
	}
	t.Fatal("prometheus does not start")
	return ""
}

// query returns the number of series in the answer.
func query(t *testing.T, at, q string) int {
	t.Helper()
	r, err := http.Get("http://" + at + "/api/v1/query?query=" + url.QueryEscape(q))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []any }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Errorf("%s: got %+v, %v", q, answer, err)
	}
	return len(answer.Data.Result)
}

func waitForData(t *testing.T, at, q string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); query(t, at, q) == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no data for %s", q)
		}
	}
}
