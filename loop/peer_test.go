package loop

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestUser: the user at the other end of a unix socket is the one who runs this test.
func TestUser(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	theirs, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	u := UserOfConn(ours.(*net.UnixConn))
	if want := strconv.Itoa(os.Getuid()); string(u) != want {
		t.Errorf("got user %q, want %s", u, want)
	}
	if u.Network() != "unix" || u.String() != "uid "+strconv.Itoa(os.Getuid()) {
		t.Errorf("got %s, %s", u.Network(), u)
	}
	ours.Close()
	if u := UserOfConn(ours.(*net.UnixConn)); u != "?" {
		t.Errorf("a closed connection has user %q", u)
	}
	if u := UserOf(-1); u != "?" {
		t.Errorf("no descriptor has user %q", u)
	}
}

// TestLoopback: names and addresses of this machine alone, however they are written.
func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.255.255.254": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "LOCALHOST": false, "localhost.": false, "localhost.example": false, "127.0.0.1:80": false, "[::1]": false,
		"0.0.0.0": false, "::": false, "128.0.0.1": false, "126.255.255.255": false, "::2": false, "::ffff:10.0.0.1": false,
		"127.1": false, "0177.0.0.1": false, "2130706433": false, "127.0.0.1.example": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}
