package status

import "testing"

func TestWords(t *testing.T) {
	for s, want := range map[float64]string{0: "0 s", 0.0003: "0.3 ms", 0.004: "4 ms", 0.0437: "44 ms", 0.9999: "1 s", 1.84: "1.8 s", 12: "12 s", 720: "12 min", 7200: "2 h", 6 * 86400: "6 days"} {
		if got := Span(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	for s, want := range map[float64]string{1: "1s", 60: "1m", 3600: "1h", 86400: "24h", 90: "1m30s"} {
		if got := Per(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	for in, want := range map[string]string{
		"connect: dial tcp 127.0.0.1:1: connect: connection refused": "connect: 127.0.0.1:1: connection refused",
		"greeting: read tcp 127.0.0.1:4->127.0.0.1:5: i/o timeout":   "greeting: no answer in time",
		"tls: tls: failed": "tls: failed",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
