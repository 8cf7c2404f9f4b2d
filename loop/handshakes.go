package loop

import (
	"net"
	"slices"
	"sync"
	"syscall"
)

// Handshakes are the handshakes of accepted connections under way, with a bound. Beyond it the oldest
// one is ended: an honest one takes milliseconds. Any goroutine may use it.
type Handshakes struct {
	Max int // at a time; immutable once it is in use

	mu      sync.Mutex
	all     []net.Conn // guarded by mu; the oldest first
	stopped bool       // guarded by mu
}

// Begin takes in a handshake, and ends the oldest one where there are too many.
func (h *Handshakes) Begin(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		nc.Close()
		return
	}
	if len(h.all) >= h.Max {
		h.all[0].Close()
		h.all = h.all[1:]
	}
	h.all = append(h.all, nc)
}

// End takes out a handshake, whether it is still in or not.
func (h *Handshakes) End(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.all, nc); i >= 0 {
		h.all = slices.Delete(h.all, i, i+1)
	}
}

// Stop ends all handshakes, and those that begin later.
func (h *Handshakes) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, nc := range h.all {
		nc.Close()
	}
}

// Hasty is a connection during its handshake. The other side may write its part of it in pieces and
// wait for the acknowledgement of each (Nagle's algorithm), so what has come is acknowledged at once.
type Hasty struct{ net.Conn }

// Read implements net.Conn. TCP_QUICKACK has no effect but on TCP, and the kernel disarms it by
// itself.
func (c Hasty) Read(p []byte) (int, error) {
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
