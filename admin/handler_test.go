package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/status"
)

// request asks a handler as a client would that reached it under host.
func request(h http.Handler, method, path, host string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	if _, err := io.Copy(&b, r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPages(t *testing.T) {
	h := New(Config{Address: "127.0.0.1:0", Version: "v1.2.3"}).Handler()
	for _, tt := range []struct {
		path string
		code int
		want string
	}{
		{"/", 200, "/readyz"},
		{"/healthz", 200, "ok\n"},
		{"/readyz", 200, "ok\n"},
		{"/metrics", 200, `eppmux_build_info{go="go1.`},
		{"/metrics", 200, `version="v1.2.3"} 1`},
		{"/healthz/", 404, ""},
		{"/debug/pprof/", 404, ""},
		{"/metrics/../secret", 404, ""},
	} {
		r := request(h, "GET", tt.path, "127.0.0.1:7001")
		if got := body(t, r); r.StatusCode != tt.code && r.StatusCode != 301 && r.StatusCode != 307 || tt.want != "" && !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %d %q, want %d with %q", tt.path, r.StatusCode, got, tt.code, tt.want)
		}
		if got := r.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: got Cache-Control %q", tt.path, got)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: got Access-Control-Allow-Origin %q, want none", tt.path, got)
		}
	}
}

func TestReady(t *testing.T) {
	for _, tt := range []struct {
		state []status.Readiness
		code  int
		want  string
	}{
		{nil, 200, "ok\n"},
		{[]status.Readiness{{Registry: "a", OK: true}, {Registry: "b", OK: true}}, 200, "ok\n"},
		{[]status.Readiness{{Registry: "a", OK: true}, {Registry: "b", Reason: "no session is logged in"}}, 503, "a: ok\nb: no session is logged in\n"},
		{[]status.Readiness{{Registry: "a", Reason: "draining"}}, 503, "a: draining\n"},
	} {
		h := New(Config{Address: "127.0.0.1:0", Ready: func() []status.Readiness { return tt.state }}).Handler()
		r := request(h, "GET", "/readyz", "localhost")
		if got := body(t, r); r.StatusCode != tt.code || got != tt.want {
			t.Errorf("%v: got %d %q, want %d %q", tt.state, r.StatusCode, got, tt.code, tt.want)
		}
		if r := request(h, "GET", "/healthz", "localhost"); r.StatusCode != 200 {
			t.Errorf("%v: got health %d, want 200", tt.state, r.StatusCode)
		}
	}
}

// TestForeignHost is about DNS rebinding: a page of another site whose name now points to a
// loopback address.
func TestForeignHost(t *testing.T) {
	h := New(Config{Address: "[::1]:7001"}).Handler()
	for _, tt := range []struct {
		host string
		code int
	}{
		{"localhost", 200}, {"localhost:7001", 200}, {"LOCALHOST:7001", 200}, {"127.0.0.1", 200}, {"127.0.0.1:1", 200}, {"127.9.9.9:7001", 200},
		{"[::1]:7001", 200}, {"[::1]", 200}, {"", 200},
		{"evil.example", 403}, {"evil.example:7001", 403}, {"localhost.evil.example", 403}, {"127.0.0.1.evil.example", 403},
		{"192.0.2.1:7001", 403}, {"0.0.0.0:7001", 403}, {"[2001:db8::1]:7001", 403}, {":7001", 403}, {"localhost:7001:7001", 403}, {"localhost ", 403},
	} {
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz"} {
			r := request(h, "GET", path, tt.host)
			if r.StatusCode != tt.code {
				t.Errorf("%s on %q: got %d, want %d", path, tt.host, r.StatusCode, tt.code)
			}
			if got := body(t, r); tt.code == 403 && strings.Contains(got, "eppmux") {
				t.Errorf("%s on %q: got %q, want nothing of ours", path, tt.host, got)
			}
		}
	}
}

func TestConfiguredHostIsOurs(t *testing.T) {
	h := New(Config{Address: "admin.internal:7001"}).Handler()
	if r := request(h, "GET", "/healthz", "admin.internal:7001"); r.StatusCode != 200 {
		t.Errorf("got %d, want 200", r.StatusCode)
	}
}

func TestOnlyReading(t *testing.T) {
	h := New(Config{Address: "127.0.0.1:0"}).Handler()
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/nothing"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUIT"} {
			r := request(h, method, path, "localhost")
			if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: got %d, Allow %q, want 405", method, path, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
	if r := request(h, "HEAD", "/healthz", "localhost"); r.StatusCode != 200 {
		t.Errorf("HEAD: got %d, want 200", r.StatusCode)
	}
}

// TestBrokenMetric: one collector that fails must not hide the others.
func TestBrokenMetric(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(broken{})
	h := New(Config{Address: "127.0.0.1:0", Metrics: reg}).Handler()
	r := request(h, "GET", "/metrics", "localhost")
	if got := body(t, r); r.StatusCode != 200 || !strings.Contains(got, "eppmux_build_info") {
		t.Errorf("got %d %q, want 200 with the others", r.StatusCode, got)
	}
}

type broken struct{}

var brokenDesc = prometheus.NewDesc("broken", "always", nil, nil)

func (broken) Describe(c chan<- *prometheus.Desc) { c <- brokenDesc }
func (broken) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.NewInvalidMetric(brokenDesc, http.ErrAbortHandler)
}
