package proxy

import (
	"net"
	"strconv"
	"syscall"
)

// origin is where a client comes from.
type origin struct{ listener, peer string }

// Origin is upstream.Originator's: the listener, and the client's address or, on a unix socket, its
// user. It is kept, since the audit log asks with each command.
func (c *client) Origin() (listener, peer string) {
	if c.named == nil {
		listener, peer = c.origin()
		if peer == "" { // it has gone
			return listener, peer
		}
		c.named = &origin{listener, peer}
	}
	return c.named.listener, c.named.peer
}

// origin is Origin, not kept.
func (c *client) origin() (listener, peer string) {
	if from := c.stream.from(); from != nil {
		peer = from.String()
	}
	return c.listener.String(), peer
}

// userID is the address of a unix socket's other end: the numeric id of its user.
type userID string

func (u userID) Network() string { return "unix" }
func (u userID) String() string  { return "uid " + string(u) }

// userOf asks the system who is at the other end of a unix socket; "?" where it does not tell.
func userOf(fd int) userID {
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return "?"
	}
	return userID(strconv.Itoa(int(cred.Uid)))
}

// from is the address of the other end; nil when the socket is closed.
func (s *socket) from() net.Addr {
	if s.conn == nil {
		return nil
	}
	if addr, ok := s.conn.RemoteAddr().(*net.TCPAddr); ok {
		return addr
	}
	return userOf(s.conn.Fd())
}
