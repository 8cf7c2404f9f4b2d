package serve

import (
	"net/netip"
	"os"
	"strconv"
	"testing"
)

func TestInheritedAt(t *testing.T) {
	tcp := func(at string) *inheritedSocket { return &inheritedSocket{tcp: netip.MustParseAddrPort(at)} }
	for _, tt := range []struct {
		socket           *inheritedSocket
		network, address string
		want             bool
	}{
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:7000", true},
		{tcp("127.0.0.1:7000"), "tcp", "localhost:7000", true},
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:7001", false},
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:0", false},
		{tcp("127.0.0.1:7000"), "tcp", ":7000", false},
		{tcp("[::]:7000"), "tcp", ":7000", true},
		{tcp("0.0.0.0:7000"), "tcp", ":7000", true},
		{tcp("0.0.0.0:7000"), "tcp", "[::]:7000", false},
		{tcp("[::1]:7000"), "tcp", "[::1]:7000", true},
		{tcp("[::1]:7000"), "tcp", "localhost:7000", false},
		{tcp("127.0.0.1:7000"), "unix", "/run/a.sock", false},
		{&inheritedSocket{path: "/run/a.sock"}, "unix", "/run/a.sock", true},
		{&inheritedSocket{path: "/run/a.sock"}, "unix", "/run/b.sock", false},
		{&inheritedSocket{path: "/run/a.sock"}, "tcp", "127.0.0.1:7000", false},
	} {
		if got := tt.socket.at(tt.network, tt.address); got != tt.want {
			t.Errorf("%s, %s: got %v, want %v", tt.socket, tt.address, got, tt.want)
		}
	}
}

// TestSocketsOfAnother: what was meant for a process above us is not taken, nor passed on.
func TestSocketsOfAnother(t *testing.T) {
	for _, pid := range []string{"", "1", strconv.Itoa(os.Getppid())} {
		t.Setenv("LISTEN_PID", pid)
		t.Setenv("LISTEN_FDS", "1")
		in, err := inheritSockets()
		if in != nil || err != nil {
			t.Errorf("%q: got %v, %v, want nothing", pid, in, err)
		}
		if _, there := os.LookupEnv("LISTEN_FDS"); there {
			t.Error("LISTEN_FDS is still set")
		}
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "many")
	if _, err := inheritSockets(); err == nil {
		t.Error("got no error for a number that is none")
	}
}
