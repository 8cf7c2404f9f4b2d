package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCutFrames: a client with Nagle's algorithm on does not wait for a delayed acknowledgement,
// however it cuts its frames. The same client at a server that leaves acknowledging to the kernel is
// the measure.
func TestCutFrames(t *testing.T) {
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprintf("a-name-that-is-cut-%d.example", i)
	}
	b := unit(check(strings.Join(names, `</domain:name><domain:name>`), "N-1"))
	if len(b) < 1100 {
		t.Fatalf("the frame has %d octets only", len(b))
	}
	f, cfg := startTLS(t, nil)
	for _, c := range []cutter{
		{"header apart", "tcp", 4, len(b)},
		{"first octet apart", "tcp", 1, len(b)},
		{"last octet apart", "tcp", len(b) - 1, len(b)},
		{"pieces of 1024", "tcp", 1024, 1024},
		{"pieces of 300", "tcp", 300, 300},
		{"header apart", "tls", 4, len(b)},
		{"last octet apart", "tls", len(b) - 1, len(b)},
		{"pieces of 1024", "tls", 1024, 1024},
		{"pieces of 300", "tls", 300, 300},
		{"records of one frame, in pieces of 1024", "cut tls", 1024, 1024},
		{"records of one frame, in pieces of 300", "cut tls", 300, 300},
	} {
		t.Run(c.kind+", "+c.name, func(t *testing.T) {
			t.Parallel()
			ln := f.server.listeners[1]
			if c.kind == "tcp" {
				ln = f.server.listeners[0]
			}
			wantPrompt(t, func() (ours, slow time.Duration) {
				p := c.dial(t, ln.ln.Addr().String(), cfg)
				p.read()
				return p.median(b), c.dial(t, slowAcknowledger(t, f, c.kind), cfg).median(b)
			})
		})
	}
}

// wantPrompt fails unless our time is far below that without acknowledging. A machine under load
// gets three attempts.
func wantPrompt(t *testing.T, measure func() (ours, slow time.Duration)) {
	t.Helper()
	for range 3 {
		ours, slow := measure()
		t.Logf("%v, without acknowledging %v", ours, slow)
		if slow < 20*time.Millisecond {
			t.Skipf("this kernel does not delay acknowledgements: %v without TCP_QUICKACK", slow)
		}
		if ours < slow/2 {
			return
		}
	}
	t.Error("waits for delayed acknowledgements")
}

// TestCutHandshake: the same for a client that writes its part of the TLS handshake in pieces.
func TestCutHandshake(t *testing.T) {
	f, cfg := startTLS(t, nil)
	slow, err := tls.Listen("tcp", "127.0.0.1:0", f.server.listeners[1].options.Load().TLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slow.Close() })
	go func() {
		for {
			nc, err := slow.Accept()
			if err != nil {
				return
			}
			_, _ = nc.Write(unit("greeting")) // after the handshake
			nc.Close()
		}
	}()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := cfg.Clone()
		cfg.MinVersion, cfg.MaxVersion = version, version
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			median := func(ln net.Listener) time.Duration {
				var all []time.Duration
				for range 11 {
					begin := time.Now()
					c := cutter{kind: "cut tls", first: 300, next: 300}
					p := c.dial(t, ln.Addr().String(), cfg)
					p.read()
					all = append(all, time.Since(begin))
				}
				slices.Sort(all)
				return all[len(all)/2]
			}
			wantPrompt(t, func() (time.Duration, time.Duration) {
				return median(f.server.listeners[1].ln), median(slow)
			})
		})
	}
}

// cutter is a way in which a client cuts what it writes: the octets of its first piece, and of each
// further one.
type cutter struct {
	name        string
	kind        string // tcp; tls: each piece is a record; "cut tls": the records themselves are cut
	first, next int
}

// write writes b to nc in pieces.
func (c cutter) write(nc net.Conn, b []byte) error {
	for n := c.first; len(b) > 0; n = c.next {
		n = min(n, len(b))
		if _, err := nc.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// cutConn cuts what is written to it.
type cutConn struct {
	net.Conn
	cutter
}

func (c cutConn) Write(b []byte) (int, error) {
	if err := c.cutter.write(c.Conn, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// dial connects with Nagle's algorithm on.
func (c cutter) dial(t *testing.T, address string, cfg *tls.Config) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.(*net.TCPConn).SetNoDelay(false); err != nil {
		t.Fatal(err)
	}
	cfg = cfg.Clone()
	cfg.ServerName = "localhost"
	switch c.kind {
	case "tls":
		nc = cutConn{tls.Client(nc, cfg), c}
	case "cut tls":
		nc = tls.Client(cutConn{nc, c}, cfg)
	default:
		nc = cutConn{nc, c}
	}
	return &peer{t: t, nc: nc}
}

// median is how long one command of ten takes. Those before are not measured: the kernel
// acknowledges the first segments of a connection at once anyway.
func (p *peer) median(b []byte) time.Duration {
	p.t.Helper()
	var all []time.Duration
	for i := range 30 {
		begin := time.Now()
		if _, err := p.nc.Write(b); err != nil {
			p.t.Fatal(err)
		}
		p.read()
		if i >= 20 {
			all = append(all, time.Since(begin))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// slowAcknowledger is the address of a server that answers whole frames, with f's certificate, and
// leaves acknowledging to the kernel.
func slowAcknowledger(t *testing.T, f *fixture, kind string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		if kind != "tcp" {
			nc = tls.Server(nc, f.server.listeners[1].options.Load().TLS)
		}
		answer := unit(echoAnswer(nil, nil))
		for {
			var head [4]byte
			if _, err := io.ReadFull(nc, head[:]); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(head[:]))-4); err != nil {
				return
			}
			_, _ = nc.Write(answer)
		}
	}()
	return ln.Addr().String()
}

// acknowledging is a stream that counts the calls of acknowledge.
type acknowledging struct {
	stream
	calls int // owned by the loop
}

func (a *acknowledging) acknowledge() {
	a.calls++
	a.stream.acknowledge()
}

// TestAcknowledgesOnlyParts: what comes whole in one read costs no system call for acknowledging,
// what comes in parts one for each part but the last.
func TestAcknowledgesOnlyParts(t *testing.T) {
	f, cfg := startTLS(t, nil)
	for _, kind := range []string{"plain", "TLS"} {
		p := f.dial()
		if kind == "TLS" {
			p = &peer{t: t, nc: f.dialTLS(cfg)}
			p.read()
		}
		p.ask(check("first.example", "A-1")) // what came with the handshake is over
		a := new(acknowledging)
		onLoop(f, func() {
			for c := f.server.clients; c != nil; c = c.next {
				if _, is := c.stream.(*tlsStream); is == (kind == "TLS") {
					a.stream, c.stream = c.stream, a
					return
				}
			}
		})
		calls := func() (n int) {
			onLoop(f, func() { n = a.calls })
			return n
		}
		for range 5 {
			p.ask(check("whole.example", "A-2"))
		}
		if n := calls(); n != 0 {
			t.Errorf("%s: %d calls for five whole commands", kind, n)
		}
		b := unit(check("in-parts.example", "A-3"))
		for i, from := range []int{0, 3, 4, 50, 51} {
			to := []int{3, 4, 50, 51, len(b)}[i]
			if _, err := p.nc.Write(b[from:to]); err != nil {
				t.Fatal(err)
			}
			want := min(i+1, 4)
			waitFor(t, fmt.Sprintf("%s: %d calls", kind, want), func() bool { return calls() == want })
		}
		p.want(p.read(), 1000, "A-3")
		if n := calls(); n != 4 {
			t.Errorf("%s: %d calls for a command in five parts, want 4", kind, n)
		}
	}
}

// onLoop runs g on the loop and waits for it.
func onLoop(f *fixture, g func()) {
	done := make(chan struct{})
	f.server.loop.Post(func() { g(); close(done) })
	<-done
}
