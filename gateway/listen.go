package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/gateway/carry"
	"eppmux/loop"
	"eppmux/proxy"
)

// retireGrace is how long a listener that is to be closed goes on to accept: who has connected by then waits in
// the kernel's queue, and would be reset with it.
const retireGrace = 20 * time.Millisecond

// listener is an open Listener. It implements net.Listener for http.Server, which never sees an error of the
// system: accept waits and tries again.
type listener struct {
	options  atomic.Pointer[Listener] // a reload may change all but the address
	stopping atomic.Bool              // closed by us

	// Immutable once it is open.
	ln    net.Listener
	unix  *proxy.UnixListener // nil: no file of ours
	path  string              // of a unix socket
	srv   *Server
	taken chan *conn    // accepted connections; not closed
	shut  chan struct{} // closed by close
	ended chan struct{} // closed when accept has ended
	close func()        // once
}

// listen opens l.
func (s *Server) listen(l Listener) (*listener, error) {
	scheme, rest, ok := strings.Cut(l.Address, "://")
	open := &listener{srv: s, taken: make(chan *conn), shut: make(chan struct{}), ended: make(chan struct{})}
	var err error
	switch {
	case !ok || scheme != "unix" && scheme != "tcp" && scheme != "tls":
		err = errors.New("want tcp://host:port, tls://host:port or unix:///path")
	case scheme == "tls" && l.TLS == nil:
		err = errors.New("no certificate")
	case l.Socket != nil: // opened by the process that started this one, which keeps it, and its file
		open.ln, err = net.FileListener(l.Socket)
	case scheme == "unix":
		open.unix, err = listenUnix(l, rest)
		open.ln = open.unix
	default:
		open.ln, err = net.Listen("tcp", rest)
	}
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	if scheme == "unix" {
		open.path = rest
	}
	open.options.Store(l.withHTTP2())
	open.close = sync.OnceFunc(func() {
		open.stopping.Store(true)
		close(open.shut)
		_ = open.ln.Close()
	})
	return open, nil
}

// listenUnix opens a unix socket. Nobody but our own user can connect before its group and mode are right.
func listenUnix(l Listener, path string) (*proxy.UnixListener, error) {
	ln, err := proxy.ListenUnix(path, 0o600)
	if err != nil {
		return nil, err
	}
	if err := permit(&l, path); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// permit gives a unix socket its group and mode.
func permit(l *Listener, path string) error {
	if l.Group != "" {
		gid, err := groupID(l.Group)
		if err != nil {
			return err
		}
		if err := os.Lchown(path, -1, gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, l.mode())
}

// mode is that of a unix socket.
func (l *Listener) mode() fs.FileMode {
	if l.Mode == 0 {
		return 0o660
	}
	return l.Mode
}

// groupID is the number of a group, which is given by name or number.
func groupID(name string) (int, error) {
	if gid, err := strconv.Atoi(name); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// String is the address. A port that the system chose is in it.
func (l *listener) String() string {
	scheme, _, _ := strings.Cut(l.options.Load().Address, "://")
	if l.path != "" {
		return scheme + "://" + l.path
	}
	return scheme + "://" + l.ln.Addr().String()
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.ln.Addr() }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.taken:
		if cfg := c.options.TLS; cfg != nil {
			return tls.Server(c, cfg), nil
		}
		return c, nil
	case <-l.shut:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. A unix socket's file goes too, unless another process's has taken its place.
func (l *listener) Close() error {
	l.close()
	return nil
}

// retire closes l when those that have connected to it are taken in.
func (l *listener) retire() {
	if d, ok := l.ln.(deadliner); ok && l.srv.serving {
		l.stopping.Store(true)
		_ = d.SetDeadline(time.Now())
		<-l.ended
	}
	l.close()
}

// accept takes connections on l until it is closed. It runs on a goroutine of its own; Drain and Close wait for
// it.
func (l *listener) accept() {
	defer l.srv.accepting.Done()
	defer close(l.ended)
	take := func(nc net.Conn) {
		c, ok := l.welcome(nc)
		if !ok {
			nc.Close()
			return
		}
		select {
		case l.taken <- c:
		case <-l.shut:
			c.Close()
		}
	}
	refused := func(err error, wait time.Duration) {
		l.srv.counts.acceptErrors.Add(1)
		l.srv.troubles.warn(l.srv.log, "accept failed; waiting", "listener", l.String(), "wait", wait, "err", err)
	}
	loop.Accept(l.ln, &l.stopping, take, refused) // until it is to be closed
	// Those in the kernel's queue, which is empty once nobody has come for a while. The time begins here each
	// time: on a busy machine it may be over before this goroutine runs.
	for came := true; came; {
		came = false
		if d, ok := l.ln.(deadliner); ok {
			_ = d.SetDeadline(time.Now().Add(retireGrace))
		}
		loop.Accept(l.ln, &l.stopping, func(nc net.Conn) { came = true; take(nc) }, refused)
	}
}

// deadliner is a net.Listener whose Accept can be ended, as those of the system can.
type deadliner interface{ SetDeadline(time.Time) error }

// welcome says whether a connection is taken.
func (l *listener) welcome(nc net.Conn) (*conn, bool) {
	c := &conn{Conn: nc, listener: l, options: l.options.Load()}
	if !c.allowed() {
		l.srv.counts.turnedAway.Add(1)
		return nil, false
	}
	return c, l.srv.crowd.admit(c)
}

// withHTTP2 is l with the protocols that we speak in its TLS config.
func (l Listener) withHTTP2() *Listener {
	if l.TLS != nil {
		l.TLS = l.TLS.Clone()
		l.TLS.NextProtos = []string{"h2", "http/1.1"}
	}
	return &l
}

// place is an address as the kernel knows it: the same with TLS and without.
func place(address string) string {
	if rest, ok := strings.CutPrefix(address, "tls://"); ok {
		return "tcp://" + rest
	}
	return address
}

// intact reports whether clients can find l: whether the file of a unix socket is still there.
func (l *listener) intact() bool { return l.unix == nil || l.unix.Intact() }

// become gives l the options of another Listener at the same place. After an error a unix socket keeps its old
// mode and group.
func (l *listener) become(to *Listener) error {
	now := l.options.Swap(to.withHTTP2())
	if l.unix == nil || now.mode() == to.mode() && now.Group == to.Group {
		return nil
	}
	return permit(to, l.path)
}

// conn is a connection that was accepted.
type conn struct {
	net.Conn
	// Immutable.
	listener *listener
	options  *Listener // of when it came

	asked sync.Once
	peer  string // see peerName; after asked
	known sync.Once
	user  *carry.User // see anybody; after known
	left  sync.Once
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.left.Do(func() { c.listener.srv.crowd.leave(c) })
	return c.Conn.Close()
}

// ip is the address of the other end; ok is false on a unix socket.
func (c *conn) ip() (ip netip.Addr, ok bool) {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// allowed reports whether the connection is from one of the listener's networks, or from this machine.
func (c *conn) allowed() bool {
	ip, ok := c.ip()
	if !ok || ip.IsLoopback() || len(c.options.Networks) == 0 {
		_, unix := c.Conn.(*net.UnixConn)
		return ok || unix
	}
	for _, p := range c.options.Networks {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// peerName names who is at the other end: a user of this machine, or an address; of IPv6 its network, since a host
// has a whole one. It asks the kernel the first time.
func (c *conn) peerName() string {
	c.asked.Do(func() {
		ip, ok := c.ip()
		switch uc, unix := c.Conn.(*net.UnixConn); {
		case unix:
			c.peer = loop.UserOfConn(uc).String()
		case ok && ip.IsLoopback():
			if c.peer = loop.UserOfPeer(c.Conn).String(); c.peer == "uid ?" {
				c.peer = "loopback"
			}
		case ok && ip.Is6():
			p, _ := ip.Prefix(64)
			c.peer = p.String()
		default:
			c.peer = ip.String()
		}
	})
	return c.peer
}

// anybody is who sends requests over the connection where nobody need log in.
func (c *conn) anybody() *carry.User {
	c.known.Do(func() {
		c.user = &carry.User{Name: c.peerName(), Listener: c.listener.String(), Client: c.address(), Weight: 1}
	})
	return c.user
}

// address is where the connection comes from, for the audit log: the address, or the user of a unix socket.
func (c *conn) address() string {
	if _, unix := c.Conn.(*net.UnixConn); unix {
		return c.peerName()
	}
	return c.RemoteAddr().String()
}
