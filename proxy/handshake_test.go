package proxy

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"eppmux/sandbox"
)

// TestTLSGarbage: a client that does not speak TLS, or stops in the handshake, harms nobody.
func TestTLSGarbage(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := startEcho(t, func(c *config) {
		c.Listeners = []Listener{{Address: "tls://127.0.0.1:0", TLS: certs.Server}}
	})
	address := f.server.listeners[0].ln.Addr().String()
	for i := range 20 {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if i%2 == 0 {
			_, _ = nc.Write([]byte("\x00\x00\x00\x40<epp>"))
		}
	}
	nc, err := tls.Dial("tcp", address, certs.Client)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, nc: nc}
	p.read()
	p.want(p.ask(check("tls.example", "T-1")), 1000, "T-1")
	// Octets that are no TLS record, after the handshake.
	_, _ = nc.NetConn().Write([]byte("this is no record"))
	if _, err := p.tryRead(); err == nil {
		t.Error("the connection goes on")
	}
}

// TestHandshakesDoNotStarve: connections that never begin their handshake do not keep an honest
// client out.
func TestHandshakesDoNotStarve(t *testing.T) {
	f, cfg := startTLS(t, nil)
	address := f.server.listeners[1].ln.Addr().String()
	for range handshakesMax + 50 {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	begin := time.Now()
	p := &peer{t: t, nc: f.dialTLS(cfg)}
	p.read()
	p.want(p.ask(check("honest.example", "H-1")), 1000, "H-1")
	if d := time.Since(begin); d > handshakeTimeout/2 {
		t.Errorf("took %v", d)
	}
}

// TestCloseEndsHandshakes: closing does not wait for them.
func TestCloseEndsHandshakes(t *testing.T) {
	f, _ := startTLS(t, nil)
	for range 10 {
		nc, err := net.Dial("tcp", f.server.listeners[1].ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	waitFor(t, "the connections", func() bool { return f.server.connections.Load() == 10 })
	begin := time.Now()
	f.server.handshakes.Stop()
	waitFor(t, "their ends", func() bool { return f.server.connections.Load() == 0 })
	if d := time.Since(begin); d > handshakeTimeout/2 {
		t.Errorf("took %v", d)
	}
}
