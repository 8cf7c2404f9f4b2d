package proxy

import (
	"net/netip"
	"syscall"
)

// Origin is upstream.Originator's: the listener, and the client's address or, on a unix socket, its user.
func (c *client) Origin() (listener, peer string) {
	return c.listener.String(), c.stream.peer()
}

// peer is the address of the other side, or "uid N" on a unix socket. It asks the kernel: idle clients keep no words.
func (s *socket) peer() string {
	if s.conn == nil {
		return ""
	}
	sa, err := syscall.Getpeername(s.conn.Fd())
	if err != nil {
		return ""
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)).String()
	}
	return "uid " + userOf(s.conn.Fd())
}
