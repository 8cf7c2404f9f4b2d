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
