package admin

import (
	"net/http"
	"strings"
	"testing"
)

func TestLocalHost(t *testing.T) {
	for header, want := range map[string]bool{
		"localhost": true, "localhost:7001": true, "LocalHost:7001": true, "127.0.0.1": true, "127.0.0.1:1": true,
		"[::1]": true, "[::1]:7001": true, "::1": true, "[::FFFF:127.0.0.1]:1": true,
		"": false, ":7001": false, "evil.example": false, "evil.example:7001": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example:7001": false, "localhost:1:2": false, "localhost ": false, " localhost": false,
		"localhost\x00": false, "user@localhost": false, "192.0.2.1:7001": false, "[2001:db8::1]:7001": false,
	} {
		if got := LocalHost(header); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

// TestGuardRefusesBeforeReading: what is refused says nothing of ours, whatever is asked for, and
// has the same headers as what is served.
func TestGuardRefusesBeforeReading(t *testing.T) {
	h := statusServer(evilStatus(t)).Handler()
	for _, path := range []string{"/", "/status.json", "/status.css", "/status.js", "/icon.svg", "/metrics", "/healthz", "/readyz", "/nothing"} {
		for _, tt := range []struct {
			method, host string
			code         int
		}{
			{"GET", "evil.example", http.StatusForbidden},
			{"POST", "evil.example", http.StatusForbidden},
			{"POST", "localhost", http.StatusMethodNotAllowed},
		} {
			r := request(h, tt.method, path, tt.host)
			if r.StatusCode != tt.code {
				t.Errorf("%s %s on %s: got %d, want %d", tt.method, path, tt.host, r.StatusCode, tt.code)
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s on %s: got headers %v", tt.method, path, tt.host, r.Header)
			}
			if got := body(t, r); strings.Contains(got, "registr") || len(got) > 60 {
				t.Errorf("%s %s on %s: got %q", tt.method, path, tt.host, got)
			}
		}
	}
}

// TestGuardOwnName: the name of the configured address is ours, with any port, and no other name.
func TestGuardOwnName(t *testing.T) {
	h := New(Config{Address: "admin.internal:7001"}).Handler()
	for host, code := range map[string]int{
		"admin.internal": 200, "admin.internal:80": 200, "ADMIN.INTERNAL:7001": 200, "localhost": 200,
		"internal": 403, "admin.internal.evil.example": 403, "x.admin.internal": 403,
	} {
		if r := request(h, "GET", "/healthz", host); r.StatusCode != code {
			t.Errorf("%s: got %d, want %d", host, r.StatusCode, code)
		}
	}
	h = New(Config{Address: "nonsense"}).Handler()
	for host, code := range map[string]int{"nonsense": 403, "": 200, "localhost": 200} {
		if r := request(h, "GET", "/healthz", host); r.StatusCode != code {
			t.Errorf("an address without a host, %q: got %d, want %d", host, r.StatusCode, code)
		}
	}
}
