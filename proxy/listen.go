package proxy

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// Listener is one address on which clients are taken.
type Listener struct {
	Address string      // tcp://host:port, tls://host:port or unix:///path
	TLS     *tls.Config // for tls://
	Mode    fs.FileMode // of a unix socket; 0: 0660
	Group   string      // of a unix socket; empty: the process's own
	// Socket listens at Address already: the process that started this one has opened it, and keeps
	// it open. It belongs to the caller, who closes it after the listener, or never. Nil: the
	// listener is opened here.
	Socket *os.File
	// Networks are the networks from which clients are taken; empty: all. Not for unix sockets.
	Networks []netip.Prefix
	// Commands are the commands that clients of the listener may send; nil: all. login, logout and
	// hello are always answered.
	Commands *pool.CommandSet
	// Weight is the share of each client of the listener, beside a client of weight 1, when
	// commands wait; 0: 1.
	Weight int
}

// listener is an open Listener.
type listener struct {
	options  atomic.Pointer[Listener] // a reload may change all but the address
	stopping atomic.Bool              // closed by us

	// Immutable once it is open.
	ln    net.Listener
	path  string        // of a unix socket
	file  fileID        // of path, as we made it; zero: the file is not ours
	ended chan struct{} // closed when accept has ended
}

// String is the address. A port that the system chose is in it.
func (l *listener) String() string {
	scheme, _, _ := strings.Cut(l.options.Load().Address, "://")
	if l.path != "" {
		return scheme + "://" + l.path
	}
	return scheme + "://" + l.ln.Addr().String()
}

// listen opens l.
func listen(l Listener) (*listener, error) {
	scheme, rest, ok := strings.Cut(l.Address, "://")
	switch {
	case !ok:
	case scheme == "tls" && l.TLS == nil:
		return nil, fmt.Errorf("listen %s: no certificate", l.Address)
	case l.Socket != nil:
		return adopt(l)
	case scheme == "unix":
		return listenUnix(l, rest)
	case scheme == "tcp", scheme == "tls":
		ln, err := net.Listen("tcp", rest)
		if err != nil {
			return nil, fmt.Errorf("listen %s: %w", l.Address, err)
		}
		return newListener(l, ln), nil
	}
	return nil, fmt.Errorf("listen %s: want tcp://host:port, tls://host:port or unix:///path", l.Address)
}

// newListener is l, open as ln.
func newListener(l Listener, ln net.Listener) *listener {
	open := &listener{ln: ln, ended: make(chan struct{})}
	open.options.Store(&l)
	return open
}

// close closes l and removes its unix socket, unless another process's has taken the place. Called
// again it does nothing.
func (l *listener) close() {
	if l.stopping.Swap(true) {
		return
	}
	if l.file.known() && l.intact() {
		_ = os.Remove(l.path)
	}
	_ = l.ln.Close()
}

// accept takes clients on ln until it is closed. It runs on a goroutine of its own; Refuse and
// Close wait for it. When the system fails, connected clients go on.
func (s *Server) accept(ln *listener) {
	defer s.accepting.Done()
	defer close(ln.ended)
	loop.Accept(ln.ln, &ln.stopping, func(nc net.Conn) { s.welcome(ln, nc) }, func(err error, wait time.Duration) {
		s.notTaken(err)
		s.troubles.warn("accept failed; waiting", func() []any {
			return []any{"listener", ln.String(), "wait", wait, "err", err.Error()}
		})
	})
}

// welcome hands an accepted connection to the loop.
func (s *Server) welcome(ln *listener, nc net.Conn) {
	opts := ln.options.Load()
	from, ok := provenanceOf(ln, nc)
	if !ok {
		nc.Close()
		return
	}
	if s.connections.Add(1) > s.maxClients.Load() && !s.roomFor(from) {
		s.disconnected()
		s.turnAway(ln, nc)
		return
	}
	c := &arrival{&client{srv: s, listener: ln}, from}
	if opts.TLS == nil {
		c.stream = new(plainStream)
		s.enroll(c, nc)
		return
	}
	t := newTLSStream(loop.Hasty{Conn: nc}, opts.TLS, &s.maxAhead)
	c.stream = t
	s.loop.Post(c.join)
	s.handshakes.Begin(nc)
	s.accepting.Add(1)
	go s.shakeHands(c, t, nc)
}

// roomFor asks the loop to make room for a client beyond clients.max.
func (s *Server) roomFor(from provenance) (made bool) {
	answer := make(chan bool, 1) // one answer; not closed
	if err := s.ask(func() { answer <- s.makeRoom(from) }); err != nil {
		return false
	}
	return <-answer
}

// enroll hands a client's connection over to the loop.
func (s *Server) enroll(c *arrival, nc net.Conn) {
	shareLoopback(nc.LocalAddr())
	shareLoopback(nc.RemoteAddr())
	if err := s.loop.Enroll(nc, c); err != nil {
		s.loop.Post(c.leave)
		s.disconnected()
		s.notTaken(err)
		s.troubles.warn("client could not be taken", func() []any {
			return []any{"listener", c.listener.String(), "err", err.Error()}
		})
	}
}

// turnAway refuses a client beyond clients.max. It does not block: the socket is new and has room
// for one reply.
func (s *Server) turnAway(ln *listener, nc net.Conn) {
	s.loop.Post(func() {
		s.countClose(closedTooMany)
		s.blame(ln, nc.RemoteAddr(), closedTooMany.String())
	})
	s.complain(ln, nc.RemoteAddr(), closedTooMany, nil)
	if ln.options.Load().TLS == nil {
		r, root := replyTooManyClients, frame.Root{}
		if known := s.root.Load(); known != nil {
			root = *known
		}
		_ = nc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, _ = nc.Write(root.AppendResponse(nil, int(r.code), r.code.Text(), r.reason, nil, []byte("eppmux-refused")))
	}
	nc.Close()
}
