package proxy

import (
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// handshakeTimeout is the longest time of a client's TLS handshake.
	handshakeTimeout = 10 * time.Second
	// handshakesMax is how many TLS handshakes of clients may be under way at a time.
	handshakesMax = 256
)

// shakeHands does the TLS handshake of a client. It runs on a goroutine of its own, for
// handshakeTimeout at most; Close waits for it.
func (s *Server) shakeHands(c *arrival, t *tlsStream, nc net.Conn) {
	defer s.accepting.Done()
	defer s.handshakes.end(nc)
	_ = nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := t.conn.Handshake(); err != nil {
		nc.Close()
		s.loop.Post(c.leave)
		s.disconnected()
		s.notShaken(c.listener, nc, err)
		return
	}
	_ = nc.SetDeadline(time.Time{})
	s.enroll(c, nc)
}

// hastyConn is a connection during its handshake. A client may write its part of it in pieces, so
// what has come is acknowledged at once, as client.incomplete does later.
type hastyConn struct{ net.Conn }

// Read implements net.Conn. TCP_QUICKACK has no effect but on TCP, and the kernel disarms it by
// itself.
func (c hastyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if sc, ok := c.Conn.(syscall.Conn); ok && n > 0 {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
			})
		}
	}
	return n, err
}

// notShaken counts a client that has come no further than the TLS handshake.
func (s *Server) notShaken(ln *listener, nc net.Conn, err error) {
	why := handshakeReason(err)
	blames := why.blames() && !ln.stopping.Load()
	s.loop.Post(func() {
		s.countClose(why)
		if blames {
			s.blame(ln, nc.RemoteAddr(), why.String())
		}
	})
	if blames {
		s.complain(ln, nc.RemoteAddr(), why, err)
	}
}

// handshakes are the TLS handshakes of clients under way, with a bound. Beyond it the oldest one is
// ended: an honest one takes milliseconds.
type handshakes struct {
	mu      sync.Mutex
	all     []net.Conn // guarded by mu; the oldest first
	stopped bool       // guarded by mu
}

// begin takes in a handshake.
func (h *handshakes) begin(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		nc.Close()
		return
	}
	if len(h.all) >= handshakesMax {
		h.all[0].Close()
		h.all = h.all[1:]
	}
	h.all = append(h.all, nc)
}

// end takes out a handshake, whether it is still in or not.
func (h *handshakes) end(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.all, nc); i >= 0 {
		h.all = slices.Delete(h.all, i, i+1)
	}
}

// stop ends all handshakes, and those that begin later.
func (h *handshakes) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, nc := range h.all {
		nc.Close()
	}
}
