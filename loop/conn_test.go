package loop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"

	"eppmux/sandbox"
)

// chunkSocket is a Socket that has what it is given, and nothing more at hand.
type chunkSocket struct {
	Socket // nil: the rest is not called
	at     []byte
}

func (s *chunkSocket) Read(p []byte) (int, error) {
	n := copy(p, s.at)
	s.at = s.at[n:]
	return n, nil
}
func (s *chunkSocket) Write(p []byte) (int, error) { return len(p), nil }
func (s *chunkSocket) Pending() bool               { return len(s.at) > 0 }
func (s *chunkSocket) Close() error                { return nil }

// TestConnDrained: however the records of a TLS connection are cut into reads, nothing is left
// behind when Drained says so, and every octet comes through.
func TestConnDrained(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ours, theirs := net.Pipe()
		lc := &Conn{Conn: ours}
		cfg := certs.Client.Clone()
		cfg.MaxVersion = version
		client := tls.Client(lc, cfg)
		wire := &recorder{Conn: theirs}
		server := tls.Server(wire, certs.Server)
		go server.Handshake()
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := server.Handshake(); err != nil {
			t.Fatal(err)
		}
		s := new(chunkSocket)
		lc.Attach(s)
		wire.record = true
		r := rand.New(rand.NewPCG(1, uint64(version)))
		spared := 0
		for range 3000 {
			sent := make([]byte, 1+r.IntN(1000))
			if r.IntN(10) == 0 {
				sent = make([]byte, 10_000+r.IntN(50_000)) // several records
			}
			for i := range sent {
				sent[i] = byte(r.Uint32())
			}
			if _, err := server.Write(sent); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for len(wire.out) > 0 {
				n := 1 + r.IntN(len(wire.out))
				if r.IntN(2) == 0 {
					n = len(wire.out)
				}
				s.at = append(s.at, wire.out[:n]...)
				wire.out = wire.out[n:]
				var drained bool
				got, drained = drain(t, client, lc, got)
				if drained {
					spared++
					if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatalf("drained, but a read gives %v", err)
					}
				}
			}
			if !bytes.Equal(got, sent) {
				t.Fatalf("got %d octets, want %d", len(got), len(sent))
			}
		}
		if spared < 500 {
			t.Errorf("only %d reads were spared", spared)
		}
	}
}

// drain reads as a transport does.
func drain(t *testing.T, c *tls.Conn, lc *Conn, got []byte) ([]byte, bool) {
	t.Helper()
	buf := make([]byte, 1<<17)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		switch {
		case err == nil && lc.Drained():
			return got, true
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return got, false
		default:
			t.Fatal(err)
		}
	}
}

// recorder keeps what is written once record is set.
type recorder struct {
	net.Conn
	record bool
	out    []byte
}

func (r *recorder) Write(p []byte) (int, error) {
	if !r.record {
		return r.Conn.Write(p)
	}
	r.out = append(r.out, p...)
	return len(p), nil
}

// TestConnClosed: after the socket's end nothing reaches a descriptor that may be somebody
// else's.
func TestConnClosed(t *testing.T) {
	lc := &Conn{}
	lc.Attach(new(chunkSocket))
	lc.Detach()
	if _, err := lc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: got %v", err)
	}
	if _, err := lc.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		t.Errorf("read: got %v", err)
	}
	if err := lc.Close(); err != nil {
		t.Errorf("close: got %v", err)
	}
}
