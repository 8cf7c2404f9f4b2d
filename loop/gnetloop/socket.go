package gnetloop

import (
	"cmp"
	"errors"
	"io"
	"net"
	"syscall"
	"unsafe"

	"github.com/panjf2000/gnet/v2"

	"eppmux/loop"
)

// socket implements loop.Socket. Owned by the loop.
type socket struct {
	conn    gnet.Conn // nil once closed
	handler loop.Handler
}

// pieceMax is how many octets that wait are in one piece at most. From the second on, gnet gives a
// piece its own memory, no more than it needs. The first one goes into a buffer that may have been
// another connection's, with all that it had grown to: so that must not be much either, see New.
const pieceMax = 4 << 10

// Read implements loop.Socket.
func (s *socket) Read(p []byte) (int, error) {
	if s.conn == nil {
		return 0, net.ErrClosed
	}
	n, err := s.conn.Read(p)
	if n == 0 && errors.Is(err, io.ErrShortBuffer) {
		err = nil
	}
	return n, err
}

// ReadRest implements loop.Socket.
func (s *socket) ReadRest(p []byte) (int, error) {
	if s.conn == nil || s.conn.InboundBuffered() > 0 {
		return s.Read(p)
	}
	n, err := syscall.Read(s.conn.Fd(), p)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements loop.Socket. It offers the octets to the kernel first, which nearly always takes
// all of them. The call bypasses the runtime's scheduler, since the socket does not block. The
// octets that the kernel does not take, and its errors, go through gnet.
func (s *socket) Write(p []byte) (int, error) {
	if s.conn == nil {
		return 0, net.ErrClosed
	}
	sent := 0
	if len(p) > 0 && s.conn.OutboundBuffered() == 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(s.conn.Fd()),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno == 0 {
			if sent = int(n); sent == len(p) {
				return sent, nil
			}
		}
	}
	// gnet keeps each piece that waits in memory of its own until the last octet of it is sent.
	for sent < len(p) {
		n, err := s.conn.Write(p[sent:min(len(p), sent+pieceMax)])
		if sent += n; err != nil || s.conn == nil {
			return sent, cmp.Or(err, net.ErrClosed)
		}
	}
	return sent, nil
}

// Pending implements loop.Socket.
func (s *socket) Pending() bool {
	if s.conn == nil || s.conn.InboundBuffered() > 0 {
		return true
	}
	var one [1]byte
	_, _, err := syscall.Recvfrom(s.conn.Fd(), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err != syscall.EAGAIN && err != syscall.EINTR
}

// Close implements loop.Socket.
func (s *socket) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.EventLoop().Close(s.conn)
}

// Abort implements loop.Socket. At a close gnet offers to the kernel once more what waits, and the kernel
// sends what it has: the one finds the way shut, the other finds no time to linger.
func (s *socket) Abort() error {
	if s.conn == nil {
		return nil
	}
	fd := s.conn.Fd()
	_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	_ = syscall.Shutdown(fd, syscall.SHUT_WR)
	return s.Close()
}

// SetHandler implements loop.Socket.
func (s *socket) SetHandler(h loop.Handler) { s.handler = h }

// Buffered implements loop.Socket.
func (s *socket) Buffered() int {
	if s.conn == nil {
		return 0
	}
	return s.conn.InboundBuffered()
}

// Peek implements loop.Socket.
func (s *socket) Peek(n int) []byte {
	if n <= 0 { // gnet takes that for "everything"
		panic("BUG: peek at nothing")
	}
	b, err := s.conn.Peek(n)
	if err != nil {
		panic("BUG: peek: " + err.Error())
	}
	return b
}

// Discard implements loop.Socket.
func (s *socket) Discard(n int) {
	if n <= 0 || n > s.conn.InboundBuffered() { // gnet takes both for "everything"
		panic("BUG: discard of more than there is, or of nothing")
	}
	_, _ = s.conn.Discard(n)
}

// Unsent implements loop.Socket.
func (s *socket) Unsent() int {
	if s.conn == nil {
		return 0
	}
	return s.conn.OutboundBuffered()
}

// Acknowledge implements loop.Socket by TCP_QUICKACK, which the kernel disarms by itself; a unix
// socket does not know it and needs none.
func (s *socket) Acknowledge() {
	if s.conn != nil {
		_ = syscall.SetsockoptInt(s.conn.Fd(), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}
}

// CloseWrite implements loop.Socket.
func (s *socket) CloseWrite() {
	if s.conn != nil {
		_ = syscall.Shutdown(s.conn.Fd(), syscall.SHUT_WR)
	}
}

// From implements loop.Socket.
func (s *socket) From() net.Addr {
	if s.conn == nil {
		return nil
	}
	if addr, ok := s.conn.RemoteAddr().(*net.TCPAddr); ok {
		return addr
	}
	return loop.UserOf(s.conn.Fd())
}
