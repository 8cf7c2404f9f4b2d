package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

func TestNear(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const year = 365 * day
	for _, tt := range []struct {
		life, left time.Duration
		want       nearness
	}{
		{year, year, expiryFar},
		{year, 30 * day, expiryFar},
		{year, 30*day - 1, expiryMonth},
		{year, 7 * day, expiryMonth},
		{year, 7*day - 1, expiryWeek},
		{year, day, expiryWeek},
		{year, day - 1, expiryDay},
		{year, 1, expiryDay},
		{year, 0, expiryReached},
		{year, -year, expiryReached},
		{60 * day, 30*day - 1, expiryMonth},
		{59 * day, 30*day - 1, expiryFar}, // it is young
		{59 * day, 7*day - 1, expiryWeek},
		{6 * day, 3 * day, expiryFar},
		{6 * day, day - 1, expiryDay},
		{time.Hour, time.Minute, expiryFar}, // somebody renews it all day
		{time.Hour, 0, expiryReached},
	} {
		cert := &x509.Certificate{NotBefore: end.Add(-tt.life), NotAfter: end}
		if got := near(cert, end.Add(-tt.left)); got != tt.want {
			t.Errorf("life %v, left %v: got %d, want %d", tt.life, tt.left, got, tt.want)
		}
	}
}

func TestEnding(t *testing.T) {
	cert := &x509.Certificate{NotAfter: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		left time.Duration
		want string
	}{
		{30 * day, "expires in 30 days, on 2030-01-01 12:00 UTC"},
		{47 * time.Hour, "expires in 47 hours, on 2030-01-01 12:00 UTC"},
		{0, "expired on 2030-01-01 12:00 UTC"},
		{-day, "expired on 2030-01-01 12:00 UTC"},
	} {
		if got := ending(cert, cert.NotAfter.Add(-tt.left)); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.left, got, tt.want)
		}
	}
}

func TestExpiryWarnings(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	clitest.WritePairFor(t, dir, "old", now.Add(-400*day), now.Add(-day))
	clitest.WritePairFor(t, dir, "near", now.Add(-300*day), now.Add(5*day+time.Hour))
	clitest.WritePairFor(t, dir, "far", now.Add(-day), now.Add(300*day))
	clitest.WriteFile(t, dir, "pw", "secret", 0o600)
	for _, tt := range []struct{ up, down, want string }{
		{"far", "far", ""},
		{"near", "far", "c.yaml:6: registries[0].tls.cert_file: warning: near.pem expires in 5 days, on "},
		{"far", "old", "c.yaml:7: registries[0].clients.tls.cert_file: warning: old.pem expired on "},
	} {
		file := clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML("login: {client_id: x, password_file: pw}",
			"tls: {cert_file: "+tt.up+".pem, key_file: "+tt.up+".key}",
			"clients: {tls: {cert_file: "+tt.down+".pem, key_file: "+tt.down+".key}}", "sessions: {max: 3}", "rate_limits: []"), 0o600)
		got := eppmux(t, "check", "--config", file)
		if got.code != 0 || got.out != "ok\n" || !strings.Contains(got.errs, tt.want) || strings.Count(got.errs, "\n") != min(1, len(tt.want)) {
			t.Errorf("%s, %s: got %+v, want %q and ok", tt.up, tt.down, got, tt.want)
		}
	}
}

// TestExpiryWatch goes through the life of a certificate day by day.
func TestExpiryWatch(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cert := &x509.Certificate{NotBefore: end.Add(-365 * day), NotAfter: end}
	pair := newKeyPair("/nowhere", "/nowhere", &tls.Certificate{Leaf: cert}, [2]stamp{})
	own := []ownCertificate{{registry: "a", key: "tls.cert_file", file: "a.pem", pair: pair}}
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
