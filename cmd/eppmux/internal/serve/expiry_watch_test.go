package serve

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// TestExpiryWatch goes through the life of a certificate day by day.
func TestExpiryWatch(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	dir := t.TempDir()
	clitest.WritePairFor(t, dir, "a", end.Add(-365*day), end)
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML("tls: {cert_file: a.pem, key_file: a.key}"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	own := cfg.Registries[0].Certificates()
	var log bytes.Buffer
	w := newExpiryWatch(own, slog.New(slog.NewTextHandler(&log, nil)), end.Add(-40*day))
	var said []int // days before the end on which something was logged
	for left := 40*day - time.Hour; left > -3*day; left -= day {
		log.Reset()
		w.look(own, end.Add(-left))
		if log.Len() == 0 {
			continue
		}
		said = append(said, int(left/time.Hour))
		level := "level=WARN"
		if left <= 0 {
			level = "level=ERROR"
		}
		if got := log.String(); !strings.Contains(got, level) || !strings.Contains(got, "registry=a file=a.pem") || strings.Count(got, "\n") != 1 {
			t.Errorf("%v before: got %q, want %s", left, got, level)
		}
	}
	want := []int{30*24 - 1, 7*24 - 1, 23, -1, -25, -49}
	if len(said) != len(want) {
		t.Fatalf("got lines %v hours before the end, want %v", said, want)
	}
	for i := range want {
		if said[i] != want[i] {
			t.Errorf("got lines %v hours before the end, want %v", said, want)
		}
	}
	w.restart(nil, end)
	if log.Reset(); len(w.known) != 0 || log.Len() != 0 {
		t.Errorf("after a restart: got %v", w.known)
	}
}

// TestClusterCertificates: those of the cluster are watched and counted as those of registries.
func TestClusterCertificates(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	clitest.WritePairFor(t, dir, "a", now.Add(-365*24*time.Hour), now.Add(40*24*time.Hour))
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML()+"cluster: {name: c, host: a, "+
		"etcd: {endpoints: [\"https://e:1\"], cert_file: a.pem, key_file: a.key}, "+
		"peer: {listen: \"127.0.0.1:7070\", ca_file: a.pem, cert_file: a.pem, key_file: a.key}}\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{cfg: cfg, live: newLive("devel")}
	s.publish()
	end := float64(now.Add(40 * 24 * time.Hour).Unix())
	got := scrape(t, s.live)
	for _, shown := range []string{"peers", "engine"} {
		if name := "eppmux_certificate_expiry_timestamp_seconds{," + shown + "}"; got[name] != end {
			t.Errorf("%s: got %v, want %v", name, got[name], end)
		}
	}
	var log bytes.Buffer
	w := newExpiryWatch(s.certificates(), slog.New(slog.NewTextHandler(&log, nil)), now)
	w.look(s.certificates(), now.Add(20*24*time.Hour))
	if text := log.String(); strings.Count(text, "expires in 20 days") != 2 && strings.Count(text, "expires in 19 days") != 2 ||
		strings.Contains(text, "registry=") || strings.Count(text, "file=a.pem") != 2 {
		t.Errorf("got %q, want two lines without a registry", text)
	}
}
