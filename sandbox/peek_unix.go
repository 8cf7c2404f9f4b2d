//go:build unix

package sandbox

import (
	"net"
	"syscall"
)

// peeker returns a function that reports whether the kernel holds octets that nobody has read yet.
// It looks into plain TCP only: octets of a TLS stream need not belong to a message. An end of
// stream does not count.
func peeker(c net.Conn) func() bool {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return func() bool { return false }
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	n := 0
	var b [1]byte
	peek := func(fd uintptr) {
		n, _, _ = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return func() bool {
		n = 0
		raw.Control(peek)
		return n > 0
	}
}
