package proxy

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAdopt: sockets that somebody else has opened are served, and left as they are. Who connects
// while nobody accepts waits for the next server.
func TestAdopt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epp.sock")
	for _, at := range []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UnixAddr{Name: path, Net: "unix"}} {
		theirs, err := net.Listen(at.Network(), at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		file, err := theirs.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if at.Network() == "unix" {
			if err := os.Chmod(path, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		address := at.Network() + "://" + theirs.Addr().String()
		connect := func() *peer {
			nc, err := net.Dial(at.Network(), theirs.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { nc.Close() })
			return &peer{t: t, nc: nc}
		}
		early := connect() // before anybody serves
		var between *peer
		for range 2 {
			f, _ := startEcho(t, func(c *config) { c.Listeners = []Listener{{Address: address, Socket: file}} })
			for _, p := range []*peer{early, between} {
				if p != nil {
					p.read()
					p.want(p.ask(check("adopted.example", "A-1")), 1000, "A-1")
					p.nc.Close()
				}
			}
			early = nil
			// A reload that would give a socket of our own another mode leaves this one alone.
			cfg := f.server.cfg
			cfg.Listeners = []Listener{{Address: address, Socket: file, Mode: 0o600}}
			if err := f.server.Server.Reload(cfg); err != nil {
				t.Error(err)
			}
			if err := f.server.Drain(10 * time.Second); err != nil {
				t.Error(err)
			}
			between = connect()
		}
		if info, err := os.Lstat(path); at.Network() == "unix" && (err != nil || info.Mode().Perm() != 0o640) {
			t.Errorf("got %v, %v, want the socket as it was", info, err)
		}
	}
	if _, err := adopt(Listener{Address: "tcp://127.0.0.1:7000", Socket: os.Stdin}); err == nil {
		t.Error("got no error for what is no socket")
	}
}

// TestDrainTellsBusyClients: a client that is between two commands when the drain ends hears that
// the next was not sent.
func TestDrainTellsBusyClients(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	p.want(p.ask(check("d.example", "D-1")), 1000, "D-1")
	drained := make(chan error, 1) // one result; not closed
	go func() { drained <- f.server.Drain(10 * time.Second) }()
	waitFor(t, "the last session to go", func() bool {
		select {
		case <-f.server.drained:
			return true
		default:
			return false
		}
	})
	p.want(p.ask(check("d.example", "D-2")), 2400, "D-2")
	p.wantClosed()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
