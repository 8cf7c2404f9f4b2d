package cli

import "testing"

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  Address
		local bool
	}{
		{"127.0.0.1:7000", Address{"tcp", "127.0.0.1:7000", false}, true},
		{"tcp://127.0.0.1:7000", Address{"tcp", "127.0.0.1:7000", false}, true},
		{"tcp://[::1]:7000", Address{"tcp", "[::1]:7000", false}, true},
		{"tls://localhost:7700", Address{"tcp", "localhost:7700", true}, true},
		{"epp.example:700", Address{"tcp", "epp.example:700", false}, false},
		{"0.0.0.0:700", Address{"tcp", "0.0.0.0:700", false}, false},
		{":700", Address{"tcp", ":700", false}, false},
		{"unix:///run/a.sock", Address{"unix", "/run/a.sock", false}, true},
		{"unix://a.sock", Address{"unix", "a.sock", false}, true},
	} {
		got, err := ParseAddress(tt.text)
		if err != nil || got != tt.want || got.Local() != tt.local {
			t.Errorf("%s: got %+v, local %v, %v, want %+v, local %v", tt.text, got, got.Local(), err, tt.want, tt.local)
		}
	}
	for _, text := range []string{"", "localhost", "tcp://localhost", "http://localhost:80", "unix://", "tls://", "://x:1"} {
		if got, err := ParseAddress(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

func TestHost(t *testing.T) {
	for text, want := range map[string]string{
		"tls://epp.example:700": "epp.example", "127.0.0.1:7000": "127.0.0.1", "tcp://[::1]:7000": "::1", ":700": "", "unix:///run/a.sock": "",
	} {
		if a, err := ParseAddress(text); err != nil || a.Host() != want {
			t.Errorf("%s: got %q, %v, want %q", text, a.Host(), err, want)
		}
	}
}

// TestLoopback: only what cannot leave this machine.
func TestLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"localhost:1": true, "127.0.0.1:1": true, "127.255.255.254:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"LOCALHOST:1": false, "localhost.example:1": false, "10.0.0.1:1": false, "[::]:1": false, "0.0.0.0:1": false, ":1": false, "": false, "127.0.0.1": false,
		"[::ffff:10.0.0.1]:1": false, "[fe80::1%lo]:1": false, "127.1:1": false,
	} {
		if got := Loopback(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
