package main

import "testing"

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  address
		local bool
	}{
		{"127.0.0.1:7000", address{"tcp", "127.0.0.1:7000", false}, true},
		{"tcp://127.0.0.1:7000", address{"tcp", "127.0.0.1:7000", false}, true},
		{"tcp://[::1]:7000", address{"tcp", "[::1]:7000", false}, true},
		{"tls://localhost:7700", address{"tcp", "localhost:7700", true}, true},
		{"epp.example:700", address{"tcp", "epp.example:700", false}, false},
		{"0.0.0.0:700", address{"tcp", "0.0.0.0:700", false}, false},
		{":700", address{"tcp", ":700", false}, false},
		{"unix:///run/a.sock", address{"unix", "/run/a.sock", false}, true},
		{"unix://a.sock", address{"unix", "a.sock", false}, true},
	} {
		got, err := parseAddress(tt.text)
		if err != nil || got != tt.want || got.local() != tt.local {
			t.Errorf("%s: got %+v, local %v, %v, want %+v, local %v", tt.text, got, got.local(), err, tt.want, tt.local)
		}
	}
	for _, text := range []string{"", "localhost", "tcp://localhost", "http://localhost:80", "unix://", "tls://", "://x:1"} {
		if got, err := parseAddress(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}
