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
