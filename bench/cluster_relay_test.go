package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// direction is a way on which nothing comes through.
type direction uint8

const (
	forth direction = 1 << iota // from who connects to who listens
	back
	both = forth | back
)

// relay stands before a listener and passes connections on. It can cut them, as a network does: the
// kernel then drops what comes in, and acknowledges nothing of it, so that either end sees what it
// would see of packets that are lost. Who connects is told apart by of.
type relay struct {
	t  *testing.T
	ln net.Listener
	of func(net.Conn) string // names the one who connects; nil: nobody has a name

	mu    sync.Mutex
	to    string               // host:port; guarded by mu
	cuts  map[string]direction // by name, "" for all; guarded by mu
	links map[*link]struct{}   // guarded by mu
	named bool                 // somebody was cut or reset by name; guarded by mu
	wg    sync.WaitGroup
}

// link is one connection through a relay.
type link struct {
	from       string       // empty until it is needed; guarded by the relay's mu
	near, away *net.TCPConn // away is nil until it is connected; guarded by the relay's mu
}

// newRelay starts one that lasts for the test.
func newRelay(t *testing.T, to string, of func(net.Conn) string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, ln: ln, to: to, of: of, cuts: map[string]direction{}, links: map[*link]struct{}{}}
	r.wg.Go(r.accept)
	t.Cleanup(func() {
		ln.Close()
		r.reset("")
		r.wg.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.ln.Addr().String() }

// accept ends when the listener is closed.
func (r *relay) accept() {
	for {
		c, err := r.ln.Accept()
		if err != nil {
			return
		}
		l := &link{near: c.(*net.TCPConn)}
		r.mu.Lock()
		r.links[l] = struct{}{}
		if r.named {
			r.name(l)
		}
		r.apply(l)
		r.mu.Unlock()
		r.wg.Go(func() { r.carry(l) })
	}
}

// names finds out who has all the connections that there are. Before anybody is cut by name nobody asks:
// it takes a while, as long as a handshake may on a busy machine. The caller holds mu.
func (r *relay) names() {
	r.named = true
	for l := range r.links {
		r.name(l)
	}
}

func (r *relay) name(l *link) {
	if l.from == "" && r.of != nil {
		l.from = r.of(l.near)
	}
}

// carry passes octets both ways, and ends with the connection.
func (r *relay) carry(l *link) {
	defer r.drop(l)
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	c, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		return
	}
	r.mu.Lock()
	if _, there := r.links[l]; !there {
		r.mu.Unlock()
		c.Close()
		return
	}
	l.away = c.(*net.TCPConn)
	r.apply(l)
	r.mu.Unlock()
	var wg sync.WaitGroup
	pass := func(dst, src *net.TCPConn) {
		_, err := io.Copy(struct{ io.Writer }{dst}, struct{ io.Reader }{src})
		if err == nil {
			_ = dst.CloseWrite()
			return
		}
		if errors.Is(err, syscall.ECONNRESET) {
			_ = dst.SetLinger(0)
		}
		src.Close()
		dst.Close()
	}
	wg.Go(func() { pass(l.away, l.near) })
	wg.Go(func() { pass(l.near, l.away) })
	wg.Wait()
}

func (r *relay) drop(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, l)
	l.near.Close()
	if l.away != nil {
		l.away.Close()
	}
}

// cut lets nothing through in a direction: of all connections of one who connects, "" for everybody,
// also of those that come later.
func (r *relay) cut(from string, d direction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from != "" {
		r.names()
	}
	r.cuts[from] = d
	for l := range r.links {
		r.apply(l)
	}
}

// move sends those who connect from now on elsewhere, and ends the connections that there are.
func (r *relay) move(to string) {
	r.mu.Lock()
	r.to = to
	r.mu.Unlock()
	r.reset("")
}

// heal ends all cuts. What is lost is sent again by the kernels of both ends.
func (r *relay) heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.cuts)
	for l := range r.links {
		r.apply(l)
	}
}

// reset ends connections as a firewall that forgets does, by RST to both ends.
func (r *relay) reset(from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from != "" {
		r.names()
	}
	for l := range r.links {
		if from != "" && l.from != from {
			continue
		}
		delete(r.links, l)
		// Both before one is closed: carry then closes the other.
		for _, c := range []*net.TCPConn{l.near, l.away} {
			if c != nil {
				deafen(c, false)
				_ = c.SetLinger(0)
			}
		}
		l.near.Close()
		if l.away != nil {
			l.away.Close()
		}
	}
}

// apply makes a link as the cuts want it. The caller holds mu. One whose name is not known is cut
// where anybody is.
func (r *relay) apply(l *link) {
	d := r.cuts[""] | r.cuts[l.from]
	if l.from == "" {
		for _, other := range r.cuts {
			d |= other
		}
	}
	deafen(l.near, d&forth != 0)
	if l.away != nil {
		deafen(l.away, d&back != 0)
	}
}

// deafen makes the kernel drop all segments that come in at a socket, or ends that.
func deafen(c *net.TCPConn, on bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return // closed
	}
	_ = raw.Control(func(fd uintptr) {
		if on {
			none := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K} // keep so many octets
			_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &none})
		} else {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) // fails where there is none
		}
	})
}

// TestRelay: what a cut does, in each direction, and that all comes through when it is over.
func TestRelay(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := newRelay(t, ln.Addr().String(), nil)
	near, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	away, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	says := func(from, to net.Conn, text string, comes bool) {
		t.Helper()
		if text != "" {
			if _, err := from.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		wait := 10 * time.Second
		if !comes {
			wait = 300 * time.Millisecond
		}
		_ = to.SetReadDeadline(time.Now().Add(wait))
		b := make([]byte, 64)
		n, err := to.Read(b)
		if comes && err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !comes && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%q: got %q, %v, want silence", text, bytes.TrimSpace(b[:n]), err)
		}
	}
	says(near, away, "one", true)
	says(away, near, "two", true)
	r.cut("", forth)
	says(near, away, "three", false)
	says(away, near, "four", true)
	r.cut("", both)
	says(away, near, "five", false)
	r.heal()
	says(near, away, "", true) // three, sent again
	says(away, near, "", true)
	r.cut("", back)
	says(near, away, "six", true)
	says(away, near, "seven", false)
	r.reset("")
	for i, c := range []net.Conn{near, away} {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 64)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("behind a reset, end %d: got %v", i, err)
		}
	}
}

// TestRelayUnacknowledged: an end that minds what is not acknowledged learns of a cut.
func TestRelayUnacknowledged(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := newRelay(t, ln.Addr().String(), nil)
	near, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	raw, err := near.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		const userTimeout = 18 // TCP_USER_TIMEOUT, in milliseconds
		if err := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, 500); err != nil {
			t.Error(err)
		}
	})
	r.cut("", both)
	if _, err := near.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	_ = near.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("got %v, want a timeout of the connection", err)
	}
}
