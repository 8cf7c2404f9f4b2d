package proxy

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"eppmux/sandbox"
)

func startTLS(t *testing.T, change func(*config)) (*fixture, *tls.Config) {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := startEcho(t, func(c *config) {
		c.Listeners = append(c.Listeners, Listener{Address: "tls://127.0.0.1:0", TLS: certs.Server})
		if change != nil {
			change(c)
		}
	})
	return f, certs.Client
}

func (f *fixture) dialTLS(cfg *tls.Config) *tls.Conn {
	f.t.Helper()
	nc, err := tls.Dial("tcp", f.server.listeners[1].ln.Addr().String(), cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { nc.Close() })
	return nc
}

// TestTLSReset: a TLS client that sends a record that is none and then resets makes TLS write on a
// closed connection from within a read. The loop is held meanwhile, so that both are there.
func TestTLSReset(t *testing.T) {
	f, cfg := startTLS(t, nil)
	good := f.dial()
	for range 20 {
		nc := f.dialTLS(cfg)
		p := &peer{t: t, nc: nc}
		p.read()
		f.server.loop.Post(func() { time.Sleep(5 * time.Millisecond) })
		_, _ = nc.NetConn().Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
		_ = nc.NetConn().(*net.TCPConn).SetLinger(0)
		nc.NetConn().Close()
	}
	good.want(good.ask(check("alive.example", "L-1")), 1000, "L-1")
	waitFor(t, "their ends", func() bool { return f.server.Snapshot().Clients == 1 })
}

// TestTLSBufferIsBounded: a TLS client that always leaves a part of the next frame behind does not
// make its buffer grow with all it has ever sent.
func TestTLSBufferIsBounded(t *testing.T) {
	f, cfg := startTLS(t, nil)
	nc := f.dialTLS(cfg)
	p := &peer{t: t, nc: nc}
	p.read()
	one := unit(eppOpen + "<hello/>" + strings.Repeat(" ", 8000) + "</epp>")
	if _, err := nc.Write(one[:10]); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if _, err := nc.Write(append(bytes.Clone(one[10:]), one[:10]...)); err != nil {
			t.Fatal(err)
		}
		p.read()
	}
	got := make(chan int, 1)
	f.server.loop.Post(func() { got <- cap(f.server.clients.stream.(*tlsStream).in.B) })
	if n := <-got; n > 1<<20 {
		t.Errorf("the buffer has grown to %d octets", n)
	}
}
