package proxy

import (
	"sync/atomic"
	"testing"
	"time"
)

// fullStream is a stream of which the kernel seems to take nothing.
type fullStream struct {
	stream
	waits *atomic.Int64 // octets
}

func (s fullStream) unsent() int { return int(s.waits.Load()) + s.stream.unsent() }

// fill puts a fullStream under the only client.
func (f *fixture) fill() *atomic.Int64 {
	waits := new(atomic.Int64)
	changed := make(chan struct{})
	f.server.loop.Post(func() {
		c := f.server.clients
		c.stream = fullStream{c.stream, waits}
		close(changed)
	})
	<-changed
	return waits
}

// TestUnsentIsBounded: what waits for a client that does not read is bounded also where TLS itself
// has written it: a client may ask for key updates, each of which is answered (RFC 8446 section
// 4.6.3), as long as some octets of a frame come between. bench/hostile_tls: KeyUpdatesUnread does
// it in earnest.
func TestUnsentIsBounded(t *testing.T) {
	f, cfg := startTLS(t, nil)
	nc := f.dialTLS(cfg)
	p := &peer{t: t, nc: nc}
	p.read()
	f.fill().Store(unsentMax + 1)
	if _, err := nc.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	p.wantClosed()
	waitFor(t, "its count", func() bool { return f.server.Snapshot().Closes[closedNotReading] == 1 })
}

// TestSlowReader: a client that reads slowly does not count as slow in sending: of what it has sent
// nothing is looked at while too much waits for it.
func TestSlowReader(t *testing.T) {
	const within = 300 * time.Millisecond
	f, _ := startEcho(t, func(c *config) { c.FrameTimeout = within })
	p := f.dial()
	b := unit(check("slow.example", "S-1"))
	waits := f.fill()
	begun := func() bool {
		got := make(chan bool, 1)
		f.server.loop.Post(func() {
			begun := f.server.clients.partial > 0
			if begun {
				waits.Store(unsentPause)
			}
			got <- begun
		})
		return <-got
	}
	if _, err := p.nc.Write(b[:2]); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the first octets", begun)
	if _, err := p.nc.Write(b[2:]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * within) // longer than a frame may take
	waits.Store(0)
	p.want(p.read(), 1000, "S-1")
}

// TestFloodAfterTheEnd: a client that has been told of its end and goes on sending is not read for
// as long as others have to close, but ended at once.
func TestFloodAfterTheEnd(t *testing.T) {
	f, _ := startEcho(t, func(c *config) { c.MaxAhead = 300_000 })
	p := f.dial()
	p.write(command("<logout/>", "F-1"))
	var sent int
	flood := make([]byte, 100_000)
	_ = p.nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
	for begin := time.Now(); ; sent += len(flood) {
		if _, err := p.nc.Write(flood); err != nil {
			break
		}
		if time.Since(begin) > lingerTimeout/2 {
			t.Fatalf("%d octets have been taken", sent)
		}
	}
	waitFor(t, "its end", func() bool { return f.server.connections.Load() == 0 })
	if n := f.server.Snapshot().Closes[closedLogout]; n != 1 {
		t.Errorf("%d logouts are counted, want 1", n)
	}
}
