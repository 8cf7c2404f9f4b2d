package peer

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"

	"eppmux/proxy"
	"eppmux/upstream"
)

// exchanger repeats one command on nc without allocating.
func exchanger(t testing.TB, nc net.Conn, octets []byte) func() {
	buf := make([]byte, 1<<16)
	return func() {
		if _, err := nc.Write(octets); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(nc, buf[:4]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(nc, buf[4:binary.BigEndian.Uint32(buf)]); err != nil {
			t.Fatal(err)
		}
	}
}

func leanFixture(t testing.TB) *fixture {
	f := start(t, nil)
	f.registry.quiet = true
	return f
}

// local is a plain client of the same account, on a listener of proxy.
func local(t testing.TB, f *fixture) net.Conn {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	s := proxy.New(proxy.Config{Listeners: []proxy.Listener{{Address: "tcp://" + address, Socket: socket}}}, f.account)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	ln.Close()
	t.Cleanup(func() { s.Close(); socket.Close() })
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	buf := make([]byte, 1<<16)
	if _, err := io.ReadAtLeast(nc, buf, len(greeting)/2); err != nil {
		t.Fatal(err)
	}
	return nc
}

// TestLaneAllocs: a command on a lane allocates nothing of ours in the steady state. What is left is an
// object that crypto/tls makes for each read that finds a record: one on the loop, one in the follower of
// this test, which is in the same process.
func TestLaneAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := leanFixture(t)
	exchange := exchanger(t, f.open().conn, command(check(muxID(1))))
	for range 1000 {
		exchange()
	}
	if n := testing.AllocsPerRun(2000, exchange); n > 2 {
		t.Errorf("got %v allocations per command, want 2 at most", n)
	}
}

// BenchmarkCommand is one command at a time: on a lane, by TLS, and of a plain client of the same host.
func BenchmarkCommand(b *testing.B) {
	f := leanFixture(b)
	b.Run("lane", func(b *testing.B) {
		exchange := exchanger(b, f.open().conn, command(check(muxID(1))))
		b.ReportAllocs()
		for b.Loop() {
			exchange()
		}
	})
	b.Run("local", func(b *testing.B) {
		exchange := exchanger(b, local(b, f), unit(check("CLIENT-1")))
		b.ReportAllocs()
		for b.Loop() {
			exchange()
		}
	})
}

// BenchmarkIdleLane measures what an idle lane costs in memory, with the follower's end, which is in the
// same process and is about as large.
func BenchmarkIdleLane(b *testing.B) {
	f := start(b, func(c *Config, _ *upstream.Config) { c.Lanes = 1 << 20 })
	f.open()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := heap()
	guests := make([]*guest, 0, b.N)
	for range b.N {
		g := f.open()
		g.buf = nil
		guests = append(guests, g)
	}
	f.wait("the goroutines to end", func() bool { return f.lanes().Open == b.N+1 })
	b.ReportMetric(float64(heap()-before)/float64(b.N), "octets/pair")
	runtime.KeepAlive(guests)
}
