package proxy

import (
	"net"
	"net/netip"

	"eppmux/loop"
)

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

// identify returns the identity of a connection's client for client-scope limits: all clients of
// one identity share them. It is the user of a unix socket, or the address of a TCP client. It
// reports false for a client from a network that is not allowed.
func identify(ln *listener, nc net.Conn) (string, bool) {
	if uc, ok := nc.(*net.UnixConn); ok {
		return ln.path + "#" + string(loop.UserOfConn(uc)), true
	}
	ap, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return "", false
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.IsLoopback() { // a local user has millions of these addresses: they are one client
		return "local", true
	}
	networks := ln.options.Load().Networks
	allowed := len(networks) == 0
	for _, p := range networks {
		allowed = allowed || p.Contains(ip)
	}
	if ip.Is6() { // a host has a whole network of addresses
		if p, err := ip.Prefix(64); err == nil {
			return p.String(), allowed
		}
	}
	return ip.String(), allowed
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
