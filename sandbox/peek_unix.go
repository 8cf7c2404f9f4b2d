//go:build unix

package sandbox

import (
	"net"
	"syscall"
)

// peeker returns a function that says whether octets are in the kernel that nobody has read yet. It
// looks into plain TCP only: in a TLS stream they need not be a message. An end of stream does not
// count.
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
