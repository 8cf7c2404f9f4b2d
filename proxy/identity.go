package proxy

import (
	"net"
	"net/netip"
	"strings"
	"unicode"

	"eppmux/loop"
)

// provenance is where a connection comes from, as far as the kernel tells it.
type provenance struct {
	// from is the user of a unix socket with the socket, or the address of a TCP client. All
	// clients of one share the client-scope limits.
	from string
	// user is the id of the user at the other end: of a unix socket, or of a TCP connection of this
	// machine with itself. "?": the system does not tell; empty: it is on another machine.
	user loop.User
}

// provenanceOf says where a connection comes from. It reports false for a client from a network
// that is not allowed. It asks the kernel, so it does not belong on the loop.
func provenanceOf(ln *listener, nc net.Conn) (provenance, bool) {
	from, ok := identify(ln, nc)
	p := provenance{from: from}
	if uc, unix := nc.(*net.UnixConn); unix {
		p.user = loop.UserOfConn(uc)
	} else if from == fromLoopback {
		p.user = loop.UserOfPeer(nc)
	}
	return p, ok
}

// fromLoopback is identify's word for this machine.
const fromLoopback = "local"

// identify returns whom the client-scope limits are for, see provenance.from. It reports false for
// a client from a network that is not allowed.
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
		return fromLoopback, true
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

// identityKey tells one identity from another.
type identityKey struct {
	shareKey
	claimed string // the client id of its login; empty: it has not logged in
}

// identity is who is behind a client, as far as it is known: the client id of its login, and where
// it comes from. What a command does to others is blamed on it. All connections of one identity
// point to it, and it is gone with the last of them. Owned by the loop.
//
// Where any login is accepted, a client can call itself what it likes. So that nobody gets more
// than others by taking many names, an identity has no memory and no places of its own there: all
// names of one provenance have one share.
type identity struct {
	// Immutable.
	key   identityKey
	name  string // in logs and lists
	share *share

	connections int // those in their TLS handshake are among them
}

// join adds a connection to the identity of key.
func (s *Server) join(key identityKey) *identity {
	i := s.identities[key]
	if i == nil {
		i = &identity{key: key, name: key.String(), share: s.shareOf(key.shareKey)}
		s.identities[key] = i
	}
	i.connections++
	s.crowd(i.share, +1)
	return i
}

// leave takes a connection out of its identity.
func (s *Server) leave(i *identity) {
	s.crowd(i.share, -1)
	if i.connections--; i.connections == 0 {
		delete(s.identities, i.key)
	}
}

// newcomer is the key of a client that has just connected.
func (s *Server) newcomer(p provenance) identityKey {
	return identityKey{shareKey: shareKey{provenance: p, stranger: s.users != nil}}
}

// reidentify puts the client under the identity that it has by now. clientID is that of its login;
// empty: it has none that stands.
func (c *client) reidentify(clientID string) {
	old := c.identity
	key := identityKey{shareKey: shareKey{provenance: old.key.provenance, stranger: c.stranger()}, claimed: clientID}
	if c.as != nil {
		key.proven = clientID
	}
	if key == old.key {
		return
	}
	n := int(c.memory)
	c.account(0)
	c.identity = c.srv.join(key)
	c.account(n)
	c.srv.leave(old)
}

// Identity names who is behind the client: the client id of its login, and its user or address. It
// has no control characters and at most maxName and some more.
func (c *client) Identity() string { return c.identity.name }

// Proven implements upstream.Proven: it is Identity, without a client id that is only claimed.
func (c *client) Proven() string {
	key := c.identity.key
	if key.proven == "" {
		key.claimed = ""
	}
	return key.String()
}

// maxName is how much of a client id is shown, in characters. RFC 5730 allows 16.
const maxName = 32

// String is the identity's name.
func (k identityKey) String() string {
	where := k.from
	switch {
	case k.user != "" && k.user != "?":
		where = k.user.String()
	case k.from == fromLoopback:
		where = "loopback"
	case k.user == "?":
		where, _, _ = strings.Cut(k.from, "#")
	}
	if k.claimed == "" {
		return where
	}
	return printable(k.claimed) + " at " + where
}

// printable is a client id as it may be shown.
func printable(id string) string {
	var b strings.Builder
	n := 0
	for _, r := range id {
		if n++; n > maxName {
			b.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
