package proxy

import "net"

// origin is where a client comes from.
type origin struct{ listener, peer string }

// Origin implements upstream.Originator: the listener, and the client's address or, on a unix
// socket, its user. It is kept, since the audit log asks with each command.
func (c *client) Origin() (listener, peer string) {
	if c.named == nil {
		o := c.whereFrom()
		if o.peer == "" { // the client has gone
			return o.listener, o.peer
		}
		c.named = &o
	}
	return c.named.listener, c.named.peer
}

// whereFrom is Origin, not kept. Most clients are idle, and need no memory for it.
func (c *client) whereFrom() origin {
	o := origin{listener: c.listener.String()}
	if from := c.stream.from(); from != nil {
		o.peer = from.String()
	}
	return o
}

// whence is where a client connects from, as the log shows it. The other end of a unix socket has
// no address.
func whence(from net.Addr) string {
	if from == nil || from.String() == "" {
		return "local"
	}
	return from.String()
}

// loopback is the address of most clients.
var loopback = net.IPv4(127, 0, 0, 1)

// shareLoopback lets all loopback addresses share the octets of one. Package net keeps the buffer
// of each accepted connection's address alive; with 15,000 idle clients that was a tenth of their
// memory. Sharing is safe: nobody writes to it.
func shareLoopback(a net.Addr) {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.Equal(loopback) {
		t.IP = loopback
	}
}
