package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// heldMax is how much memory may be taken for the octets of all clients together: what the config
// has, which says nothing of it.
const heldMax = 256 << 20

// bigRegistry answers each command 1000 at once, and one that names big.example with nearly 4 MiB.
type bigRegistry struct {
	ln  net.Listener
	cfg *tls.Config
}

func newBigRegistry(t *testing.T, dir string) *bigRegistry {
	t.Helper()
	cfg, err := serverTLS(dir, "server")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	b := &bigRegistry{ln, cfg}
	go b.accept()
	return b
}

// accept ends with the listener.
func (b *bigRegistry) accept() {
	for {
		nc, err := b.ln.Accept()
		if err != nil {
			return
		}
		go b.session(nc)
	}
}

// session ends with its connection.
func (b *bigRegistry) session(nc net.Conn) {
	defer nc.Close()
	tc := tls.Server(nc, b.cfg)
	if _, err := tc.Write(unit(greetingPayload("big"))); err != nil {
		return
	}
	filler := "</result><extension><x xmlns='urn:x'>" + strings.Repeat("x", 4<<20-4000) + "</x></extension>"
	var head [4]byte
	for {
		if _, err := io.ReadFull(tc, head[:]); err != nil {
			return
		}
		p := make([]byte, binary.BigEndian.Uint32(head[:])-4)
		if _, err := io.ReadFull(tc, p); err != nil {
			return
		}
		id := ""
		if m := clTRIDForm.FindSubmatch(p); m != nil {
			id = string(m[1])
		}
		a := answerPayload(id, "")
		if bytes.Contains(p, []byte("big.example")) {
			a = strings.Replace(a, "</result>", filler, 1)
		}
		if _, err := tc.Write(unit(a)); err != nil {
			return
		}
	}
}

// hoarder is a client that takes memory; it has the greeting. It works until its connection ends.
type hoarder func(nc net.Conn)

// askUnread is a command for big.example of whose answer nobody reads more than an octet.
func askUnread(nc net.Conn) {
	_, _ = nc.Write(unit(checkPayload("big.example", "B-1")))
	_, _ = io.CopyN(io.Discard, nc, 1)
}

// askSlowly reads the answer but for its end.
func askSlowly(nc net.Conn) {
	askUnread(nc)
	_, _ = io.CopyN(io.Discard, nc, 4<<20-5000-400<<10)
}

// part is a frame but for its last octet, as long as clients.max_frame lets it be.
func part(nc net.Conn) {
	b := unit(checkPayload(strings.Repeat("x", 261_000), "P-1"))
	_, _ = nc.Write(b[:len(b)-1])
}

// parts finishes its frame, and leaves the beginning of another.
func parts(nc net.Conn) {
	b := unit(checkPayload(strings.Repeat("x", 261_000), "P-1"))
	_, _ = nc.Write(b[:len(b)-1])
	time.Sleep(20 * time.Millisecond)
	_, _ = nc.Write(append(b[len(b)-1:], b[:10]...))
}

// TestHoard: whatever clients hoard, an honest one with the same user, address, and no login is
// served, and eppmux stays within its memory.
func TestHoard(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	bin := build(t)
	for _, tt := range []struct {
		name    string
		hoarder hoarder
		n       int
	}{
		{"parts of frames", part, 1500},
		{"frames, and the beginnings of others", parts, 1500},
		{"answers unread", askUnread, 150},
		{"ends of answers unread", askSlowly, 150},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, bin, nil, "sessions: {min: 3, max: 3}\n    rate_limits: []", "")
			big := newBigRegistry(t, r.dir)
			text := regexp.MustCompile(`address: \S+`).ReplaceAllString(r.text(r.file), "address: "+big.ln.Addr().String())
			r.write(r.file, text)
			r.serve(bin, "")
			r.hoarded(tt.hoarder, tt.n)
		})
	}
}

// hoarded lets n hoarders come, thirty at a time, beside an honest client.
func (r *rig) hoarded(h hoarder, n int) {
	base := r.resident()
	var peak atomic.Int64
	var over atomic.Bool
	var wg, all sync.WaitGroup
	wg.Go(func() { // until over
		for ; !over.Load(); time.Sleep(20 * time.Millisecond) {
			peak.Store(max(peak.Load(), int64(r.resident())))
		}
	})
	served, asked := 0, 0
	wg.Go(func() { // until over
		nc, err := net.Dial("tcp", r.plain)
		if err != nil {
			r.t.Error(err)
			return
		}
		defer nc.Close()
		_, _ = readUnit(nc)
		for ; !over.Load(); time.Sleep(2 * time.Millisecond) {
			b := unit(checkPayload("honest.example", fmt.Sprintf("H-%d", asked)))
			asked++
			_, _ = nc.Write(b[:100])
			time.Sleep(time.Millisecond)
			_, _ = nc.Write(b[100:])
			a, err := readUnit(nc)
			if err != nil {
				r.t.Errorf("honest command %d: %v", asked, err)
				return
			}
			if bytes.Contains(a, []byte(`code="1000"`)) {
				served++
			}
		}
	})
	conns := make(chan net.Conn, n)   // the hoarders'; not closed
	places := make(chan struct{}, 30) // taken by those that work
	for range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			nc, err := net.Dial("unix", r.socket)
			if err != nil {
				r.t.Error(err)
				return
			}
			conns <- nc
			_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = readUnit(nc)
			h(nc)
		})
	}
	all.Wait()
	time.Sleep(500 * time.Millisecond)
	closed := r.scrape().closes()["memory"]
	over.Store(true)
	wg.Wait()
	for range len(conns) {
		(<-conns).Close()
	}
	most := base + heldMax*12/10
	r.t.Logf("%d of %d honest commands served; resident %d MiB at the start, %d at the peak, %d may be; %d hoarders gave way",
		served, asked, base>>20, peak.Load()>>20, most>>20, closed)
	if asked < 3 || served < asked*99/100 { // a loaded machine is slow with the hoarders' connections
		r.t.Errorf("%d of %d honest commands are served", served, asked)
	}
	if int(peak.Load()) > most {
		r.t.Errorf("%d MiB are resident, want %d at the most", peak.Load()>>20, most>>20)
	}
}
