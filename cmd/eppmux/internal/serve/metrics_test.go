package serve

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// scrape is what the collector gives, as name{label}: value.
func scrape(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got
}

func TestOwnMetrics(t *testing.T) {
	l := newLive("devel")
	got := scrape(t, l)
	if n, ok := got["eppmux_log_lost_total{}"]; len(got) != int(numReloadResults)+1 || !ok || n != 0 {
		t.Errorf("got %v, want the reloads and no lost lines alone", got)
	}
	l.log = StartLog(config.LogText, clitest.NewTranscript())
	l.log.Close()
	_, _ = l.log.Write([]byte("too\nlate\n"))
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	clitest.WritePairFor(t, dir, "x", end.Add(-time.Hour), end)
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML("tls: {cert_file: x.pem, key_file: x.key}",
		"clients: {tls: {cert_file: x.pem, key_file: x.key}}"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	l.now.Store(&view{own: cfg.Registries[0].Certificates()})
	l.reloads.add(reloadRefused)
	l.reloads.add(reloadRefused)
	got = scrape(t, l)
	for name, want := range map[string]float64{
		"eppmux_certificate_expiry_timestamp_seconds{a,registry}": float64(end.Unix()),
		"eppmux_certificate_expiry_timestamp_seconds{a,clients}":  float64(end.Unix()),
		"eppmux_log_lost_total{}":                                 2,
		"eppmux_reloads_total{done}":                              0,
		"eppmux_reloads_total{partly}":                            0,
		"eppmux_reloads_total{refused}":                           2,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: got %v (%v), want %v", name, v, ok, want)
		}
	}
}

// TestExpiryFollowsTheConfig: a registry without a certificate has no line.
func TestExpiryFollowsTheConfig(t *testing.T) {
	st := startReloadStand(t, "a")
	const name = "eppmux_certificate_expiry_timestamp_seconds{a,registry}"
	if _, ok := scrape(t, st.s.live)[name]; ok {
		t.Error("got an end without a certificate")
	}
	clitest.WritePairFor(t, st.dir, "x", time.Now().Add(-time.Hour), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	st.write("", st.registry("a", "tls: {cert_file: x.pem, key_file: x.key}"))
	st.want(st.reload(), "changed=a")
	if got := scrape(t, st.s.live)[name]; got != 4102444800 {
		t.Errorf("got %v, want 4102444800", got)
	}
}

// TestRegistryHasAll: what is described for the docs is what /metrics describes, but for what
// package admin adds to it.
func TestRegistryHasAll(t *testing.T) {
	st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
	st.begin("audit: {file: a.jsonl}", "a")
	described := make(map[string]bool)
	descs := make(chan *prometheus.Desc, 1000) // closed below; room for all
	st.s.live.newRegistry().Describe(descs)
	close(descs)
	for d := range descs {
		_, name, _ := strings.Cut(d.String(), `fqName: "`)
		if name, _, _ = strings.Cut(name, `"`); strings.HasPrefix(name, "eppmux_") {
			described[name] = true
		}
	}
	described["eppmux_build_info"] = true
	for _, d := range MetricDocs() {
		if !described[d.Name] {
			t.Errorf("%s is described once too often, or nothing collects it", d.Name)
		}
		delete(described, d.Name)
	}
	for name := range described {
		t.Errorf("%s has no docs", name)
	}
}

// TestScrapeWaitsOnce: the collectors of accounts and of clients wait for a stalled loop side by
// side, and both show what they saw last.
func TestScrapeWaitsOnce(t *testing.T) {
	st := startReloadStand(t, "a")
	reg := st.s.live.newRegistry()
	scrape := func() map[string]int {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "eppmux_") {
				got[f.GetName()] = len(f.GetMetric())
			}
		}
		return got
	}
	want := scrape()
	release := make(chan struct{})
	defer close(release)
	st.s.members[0].account.Loop().Post(func() { <-release })
	begin := time.Now()
	got := scrape()
	if took := time.Since(begin); took < time.Second || took >= 2*time.Second {
		t.Errorf("took %v, want a second", took)
	}
	if want["eppmux_queue_length"] != 1 || want["eppmux_clients"] != 1 {
		t.Errorf("got %v", want)
	}
	for name, n := range want {
		if got[name] != n && name != "eppmux_commands_total" { // a keepalive may have come between
			t.Errorf("%s: got %d values of a loop that does not answer, want the last %d", name, got[name], n)
		}
	}
}
