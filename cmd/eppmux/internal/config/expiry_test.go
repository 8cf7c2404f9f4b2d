package config

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/clitest"
)

func TestExpiryStep(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const year = 365 * day
	for _, tt := range []struct {
		life, left time.Duration
		want       status.ExpiryStep
	}{
		{year, year, status.ExpiryFar},
		{year, 30 * day, status.ExpiryFar},
		{year, 30*day - 1, status.ExpiryMonth},
		{year, 7 * day, status.ExpiryMonth},
		{year, 7*day - 1, status.ExpiryWeek},
		{year, day, status.ExpiryWeek},
		{year, day - 1, status.ExpiryDay},
		{year, 1, status.ExpiryDay},
		{year, 0, status.ExpiryReached},
		{year, -year, status.ExpiryReached},
		{60 * day, 30*day - 1, status.ExpiryMonth},
		{59 * day, 30*day - 1, status.ExpiryFar}, // it is young
		{59 * day, 7*day - 1, status.ExpiryWeek},
		{6 * day, 3 * day, status.ExpiryFar},
		{6 * day, day - 1, status.ExpiryDay},
		{time.Hour, time.Minute, status.ExpiryFar}, // somebody renews it all day
		{time.Hour, 0, status.ExpiryReached},
	} {
		cert := &x509.Certificate{NotBefore: end.Add(-tt.life), NotAfter: end}
		if got := ExpiryStep(cert, end.Add(-tt.left)); got != tt.want {
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
		if got := Ending(cert, cert.NotAfter.Add(-tt.left)); got != tt.want {
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
		c, err := Load(file)
		if err != nil || len(c.Warnings) != min(1, len(tt.want)) || !strings.Contains(strings.Join(c.Warnings, "\n"), tt.want) {
			t.Errorf("%s, %s: got %+v, %v, want %q", tt.up, tt.down, c, err, tt.want)
		}
	}
}

// TestCertificatesOfARegistry: which are our own, and who sees each.
func TestCertificatesOfARegistry(t *testing.T) {
	up, down := new(KeyPair), new(KeyPair)
	for _, tt := range []struct {
		up, down *KeyPair
		want     []string
	}{
		{nil, nil, nil},
		{up, nil, []string{"registry up.pem"}},
		{nil, down, []string{"clients down.pem"}},
		{up, down, []string{"registry up.pem", "clients down.pem"}},
	} {
		r := Registry{
			Name:    "a",
			TLS:     RegistryTLS{CertFile: "up.pem", Certificate: tt.up},
			Clients: Clients{TLS: ClientsTLS{CertFile: "down.pem", Certificate: tt.down}},
		}
		var got []string
		for _, o := range r.Certificates() {
			if o.Registry != "a" || o.Pair == nil {
				t.Errorf("got %+v, want the registry and the pair", o)
			}
			got = append(got, o.ShownTo()+" "+o.File)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
