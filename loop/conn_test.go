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
	"time"

	"eppmux/sandbox"
)

// chunkSocket is a Socket that has what it is given, and nothing more at hand.
type chunkSocket struct {
	Socket // nil: the rest is not called
	at     []byte
	room   int // of the last Read
}

func (s *chunkSocket) Read(p []byte) (int, error) {
	s.room = len(p)
	n := copy(p, s.at)
	s.at = s.at[n:]
	return n, nil
}
func (s *chunkSocket) Write(p []byte) (int, error) { return len(p), nil }
func (s *chunkSocket) Pending() bool               { return len(s.at) > 0 }
func (s *chunkSocket) Close() error                { return nil }

// TestConnDrained: however the records of a TLS connection are cut into reads, nothing is left
// behind when Emptied says so, and every octet comes through.
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
		spared, overhead := 0, 0 // of a record, in octets
		for range 3000 {
			sent := make([]byte, 1+r.IntN(1000))
			if r.IntN(10) == 0 {
				sent = make([]byte, 10_000+r.IntN(50_000)) // several records
			}
			for i := range sent {
				sent[i] = byte(r.Uint32())
			}
			first := len(sent)
			if n := s.room - overhead; overhead > 0 && n > 0 && n < 16<<10 && r.IntN(4) == 0 {
				// A record that fills crypto/tls's buffer to its end, and another behind it.
				sent = append(make([]byte, n), sent...)
				first = n
			}
			for _, part := range [][]byte{sent[:first], sent[first:]} {
				if _, err := server.Write(part); err != nil && len(part) > 0 {
					t.Fatal(err)
				}
			}
			if first == len(sent) && first < 1000 {
				overhead = len(wire.out) - first
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

// TestDrained is what Emptied reports of records that come in reads of given sizes.
func TestDrained(t *testing.T) {
	record := func(n int) []byte { return append([]byte{23, 3, 3, byte(n >> 8), byte(n)}, make([]byte, n)...) }
	one, two := record(100), append(record(100), record(300)...)
	type read struct {
		come []byte // since the read before
		room int
		want bool // what Emptied reports then
	}
	for _, tt := range []struct {
		name  string
		reads []read
	}{
		{"nothing", []read{{nil, 1000, false}}},
		{"one record", []read{{one, 1000, true}}},
		{"one record, asked again", []read{{one, 1000, true}, {nil, 1000, false}}},
		{"one record after another", []read{{one, 1000, true}, {one, 1000, true}}},
		{"one record that fills the buffer", []read{{one, 105, false}}},
		{"two records, the first fills the buffer", []read{{two, 105, false}, {nil, 1000, false}}},
		{"two records", []read{{two, 1000, false}}},
		{"two records, asked to the end", []read{{two, 1000, false}, {nil, 1000, false}, {one, 1000, true}}},
		{"a record in part", []read{{one[:50], 1000, false}}},
		{"a header in part", []read{{one[:3], 1000, false}}},
		{"a record in two reads", []read{{one[:50], 1000, false}, {one[50:], 1000, true}}},
		{"a record in small reads", []read{{one, 5, false}, {nil, 50, false}, {nil, 1000, true}}},
		{"a record, and a header in part", []read{{two[:105+1], 1000, false}}},
		{"a record, and a header", []read{{two[:105+5], 1000, false}}},
		{"a record, and one in part", []read{{two[:105+50], 1000, false}}},
		{"a record, and one in part that fills the buffer", []read{{two, 105 + 50, false}}},
		{"an empty record", []read{{record(0), 1000, true}}},
		{"a long record", []read{{record(16 << 10), 20_000, true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := new(chunkSocket)
			var c Conn
			c.Attach(s)
			for i, r := range tt.reads {
				s.at = append(s.at, r.come...)
				n, err := c.Read(make([]byte, r.room))
				if n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) || n > 0 && err != nil {
					t.Fatalf("read %d gives %d, %v", i, n, err)
				}
				if got := c.Emptied(); got != r.want {
					t.Errorf("after read %d got %v, want %v", i, got, r.want)
				}
			}
		})
	}
}

// TestPartial: a record that has come in part is told, until it is whole.
func TestPartial(t *testing.T) {
	s := new(chunkSocket)
	var c Conn
	c.Attach(s)
	unit := append([]byte{23, 3, 3, 0, 10}, make([]byte, 10)...)
	for i := range unit {
		s.at = unit[i : i+1]
		if _, err := c.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if want := i+1 < len(unit); c.Partial() != want {
			t.Errorf("after octet %d got %v, want %v", i, c.Partial(), want)
		}
	}
}

// TestConnBefore: before it is on a loop, a Conn is the connection below it.
func TestConnBefore(t *testing.T) {
	ours, theirs := net.Pipe()
	c := &Conn{Conn: ours}
	go func() { _, _ = theirs.Write([]byte("greeting")) }()
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "greeting" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	if n, err := c.Write([]byte("login")); n != 5 || err != nil {
		t.Errorf("write: got %d, %v", n, err)
	}
	if c.Pending() || c.Detached() {
		t.Error("it has a socket")
	}
	for name, set := range map[string]func(time.Time) error{
		"both": c.SetDeadline, "read": c.SetReadDeadline, "write": c.SetWriteDeadline,
	} {
		if err := set(time.Now().Add(-time.Second)); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after its deadline a read gives %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: got %v", err)
	}
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("the connection below is open")
	}
}

// TestConnOnLoop: on a loop, a Conn is its socket: deadlines have no effect, and an empty read does
// not block.
func TestConnOnLoop(t *testing.T) {
	s := &chunkSocket{at: []byte("abc")}
	c := &Conn{} // without a connection: one call of it would panic
	c.Attach(s)
	for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline, c.SetWriteDeadline} {
		if err := set(time.Now()); err != nil {
			t.Errorf("deadline: got %v", err)
		}
	}
	if !c.Pending() {
		t.Error("octets are not pending")
	}
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "abc" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.Pending() {
		t.Errorf("with nothing at hand got %d, %v", n, err)
	}
	if n, err := c.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("write: got %d, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: got %v", err)
	}
}

// drain reads as a session does.
func drain(t *testing.T, c *tls.Conn, lc *Conn, got []byte) ([]byte, bool) {
	t.Helper()
	buf := make([]byte, 1<<17)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		switch {
		case err == nil && lc.Emptied():
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
	if !lc.Detached() || lc.Pending() {
		t.Errorf("detached %v, pending %v", lc.Detached(), lc.Pending())
	}
	for _, set := range []func(time.Time) error{lc.SetDeadline, lc.SetReadDeadline, lc.SetWriteDeadline} {
		if err := set(time.Now()); err != nil {
			t.Errorf("deadline: got %v", err)
		}
	}
}

// TestKept: a long record counts from the moment that it is announced, to the end.
func TestKept(t *testing.T) {
	c := new(Conn)
	for _, tt := range []struct {
		come []byte
		want int
	}{
		{[]byte{23, 3, 3, 0x10, 0}, 0}, {make([]byte, 0x1000), 0}, {[]byte{23, 3, 3, 0x40}, 0}, {[]byte{0}, 0x4000 + 4096},
		{make([]byte, 0x4000), 0x4000 + 4096}, {[]byte{23, 3, 3, 0, 1, 0}, 0x4000 + 4096},
	} {
		if c.records.pass(tt.come); c.Kept() != tt.want {
			t.Errorf("behind %d octets got %d, want %d", len(tt.come), c.Kept(), tt.want)
		}
	}
}

// TestConnBarred: behind the bar nothing goes out, before the loop and on it: no handshake, no alert, no
// message, no word at the end.
func TestConnBarred(t *testing.T) {
	barred := true
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &Conn{Conn: ours, Barred: func() bool { return barred }}
	if err := tls.Client(c, &tls.Config{ServerName: "x"}).Handshake(); !errors.Is(err, ErrBarred) {
		t.Errorf("got %v of a handshake, want ErrBarred", err)
	}
	k := new(mutedSocket)
	c = &Conn{Barred: func() bool { return barred }}
	c.Attach(k)
	if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, ErrBarred) {
		t.Errorf("got %d, %v of a write, want ErrBarred", n, err)
	}
	if k.wrote > 0 {
		t.Errorf("%d octets were written", k.wrote)
	}
	barred = false
	if n, err := c.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("got %d, %v of a write that is not barred", n, err)
	}
	if err := c.Abort(); err != nil || k.aborts != 1 {
		t.Errorf("got %v, %d aborts", err, k.aborts)
	}
	c.Detach()
	if err := c.Abort(); err != nil || k.aborts != 1 {
		t.Errorf("a socket that is closed: got %v, %d aborts", err, k.aborts)
	}
}

// mutedSocket counts what is written, and Abort.
type mutedSocket struct {
	Socket
	wrote, aborts int
}

func (m *mutedSocket) Write(p []byte) (int, error) { m.wrote += len(p); return len(p), nil }
func (m *mutedSocket) Abort() error                { m.aborts++; return nil }
