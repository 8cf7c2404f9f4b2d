package proxy

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/sandbox"
)

func TestIdentify(t *testing.T) {
	ln := newListener(Listener{Address: "tcp://0.0.0.0:0", Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, nil)
	for addr, want := range map[string]bool{"127.0.0.1": true, "::1": true, "192.0.2.7": true, "192.0.3.7": false, "::ffff:192.0.2.7": true} {
		nc := addrConn{addr: &net.TCPAddr{IP: net.ParseIP(addr), Port: 1}}
		if _, ok := identify(ln, nc); ok != want {
			t.Errorf("%s: got %v, want %v", addr, ok, want)
		}
	}
}

// addrConn is a connection from an address.
type addrConn struct {
	net.Conn
	addr net.Addr
}

func (c addrConn) RemoteAddr() net.Addr { return c.addr }

// TestOrigin: the audit log names who sent a command.
func TestOrigin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f := start(t, func(_ *sandbox.Config, c *config) {
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path})
	})
	local := f.dial()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if g := (&peer{t: t, nc: nc}).read(); !strings.Contains(g, "<greeting>") {
		t.Fatalf("got %s", g)
	}
	got := map[string]string{}
	done := make(chan struct{})
	f.server.loop.Post(func() {
		defer close(done)
		for c := f.server.clients; c != nil; c = c.next {
			listener, peer := c.Origin()
			got[listener] = peer
		}
	})
	<-done
	want := map[string]string{
		"tcp://" + local.nc.RemoteAddr().String(): local.nc.LocalAddr().String(),
		"unix://" + path: fmt.Sprintf("uid %d", os.Getuid()),
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
