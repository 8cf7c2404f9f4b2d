//go:build unix

package sandbox

import (
	"net"
	"syscall"
)

// waiting says whether octets are in the kernel that the reader has not read yet. It looks into plain TCP only: in
// a TLS stream they need not be a message. An end of stream does not count.
func waiting(c net.Conn) bool {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, _ = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return n > 0
}
