package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"eppmux/frame"
)

// Listener is one address on which clients are taken.
type Listener struct {
	Address string      // tcp://host:port, tls://host:port or unix:///path
	TLS     *tls.Config // for tls://
	Mode    fs.FileMode // of a unix socket; 0: 0660
	Group   string      // of a unix socket; empty: the process's own
	// Allow names the networks from which clients are taken; empty: any that reach the address. Not for unix sockets.
	Allow []netip.Prefix
}

const (
	// handshakeTimeout is the longest time of a client's TLS handshake, handshakesMax the number of them at a time.
	handshakeTimeout = 10 * time.Second
	handshakesMax    = 256

	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// listener is an open Listener.
type listener struct {
	Listener
	ln       net.Listener
	path     string      // of a unix socket
	inode    uint64      // of its file, while it is ours
	stopping atomic.Bool // closed by us
}

// String is the address, with the port that was given by the system.
func (l *listener) String() string {
	scheme, _, _ := strings.Cut(l.Address, "://")
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
	case scheme == "unix":
		return listenUnix(l, rest)
	case scheme == "tls" && l.TLS == nil:
		return nil, fmt.Errorf("listen %s: no certificate", l.Address)
	case scheme == "tcp", scheme == "tls":
		ln, err := net.Listen("tcp", rest)
		if err != nil {
			return nil, fmt.Errorf("listen %s: %w", l.Address, err)
		}
		return &listener{Listener: l, ln: ln}, nil
	}
	return nil, fmt.Errorf("listen %s: want tcp://host:port, tls://host:port or unix:///path", l.Address)
}

// listenUnix makes a unix socket: under a name of its own first, so that nobody can connect before its mode and group
// are right, then renamed to its place. A socket that stands there is replaced if nobody answers on it; anything else
// that stands there is left alone.
func listenUnix(l Listener, path string) (*listener, error) {
	if err := vacant(path); err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".eppmux-")
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	ln.SetUnlinkOnClose(false)
	if err := place(l, temp, path); err != nil {
		ln.Close()
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	return &listener{Listener: l, ln: ln, path: path, inode: inode(path)}, nil
}

// vacant says whether a unix socket may be made at path.
func vacant(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something else than a socket; remove it or choose another path")
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return errors.New("another process listens there")
	}
	return nil
}

func place(l Listener, temp, path string) error {
	if l.Group != "" {
		gid, err := groupID(l.Group)
		if err != nil {
			return err
		}
		if err := os.Chown(temp, -1, gid); err != nil {
			return err
		}
	}
	mode := l.Mode
	if mode == 0 {
		mode = 0o660
	}
	if err := os.Chmod(temp, mode); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

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

func inode(path string) uint64 {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return 0
	}
	return st.Ino
}

// close closes l. Its unix socket goes too, unless somebody else's has taken its place.
func (l *listener) close() {
	if l.stopping.Swap(true) {
		return
	}
	if l.path != "" && l.inode != 0 && inode(l.path) == l.inode {
		_ = os.Remove(l.path)
	}
	_ = l.ln.Close()
}

// accept takes clients on ln until it is closed. It runs on a goroutine of its own; Close waits for it. An error of the
// system, such as no descriptor being left, is waited out: whoever is connected goes on.
func (s *Server) accept(ln *listener) {
	defer s.accepting.Done()
	handshakes := make(chan struct{}, handshakesMax) // holds a token for each handshake under way
	pause := acceptBackoffMin
	for {
		nc, err := ln.ln.Accept()
		if ln.stopping.Load() {
			if err == nil {
				nc.Close()
			}
			return
		}
		if err != nil {
			s.log.Warn("accept failed; waiting", "listener", ln.String(), "wait", pause, "err", err.Error())
			time.Sleep(pause)
			pause = min(2*pause, acceptBackoffMax)
			continue
		}
		pause = acceptBackoffMin
		s.welcome(ln, nc, handshakes)
	}
}

// welcome hands an accepted connection to the loop.
func (s *Server) welcome(ln *listener, nc net.Conn, handshakes chan struct{}) {
	identity, ok := identify(ln, nc)
	if !ok {
		nc.Close()
		return
	}
	if s.connections.Add(1) > int64(s.cfg.MaxClients) {
		s.connections.Add(-1)
		s.turnAway(ln, nc)
		return
	}
	c := &client{srv: s, listener: ln, identity: identity}
	if ln.TLS == nil {
		c.stream = new(plainStream)
		s.enroll(c, nc)
		return
	}
	t := newTLSStream(nc, ln.TLS, s.cfg.MaxAhead)
	c.stream = t
	handshakes <- struct{}{}
	s.accepting.Add(1)
	go s.shakeHands(c, t, nc, handshakes)
}

// shakeHands does the TLS handshake of a client. It runs on a goroutine of its own, for handshakeTimeout at most; Close
// waits for it.
func (s *Server) shakeHands(c *client, t *tlsStream, nc net.Conn, handshakes chan struct{}) {
	defer s.accepting.Done()
	defer func() { <-handshakes }()
	_ = nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := t.conn.Handshake(); err != nil {
		nc.Close()
		s.connections.Add(-1)
		s.log.Debug("tls handshake failed", "listener", c.listener.String(), "err", err.Error())
		return
	}
	_ = nc.SetDeadline(time.Time{})
	s.enroll(c, nc)
}

func (s *Server) enroll(c *client, nc net.Conn) {
	if err := s.loop.Enroll(nc, c); err != nil {
		s.connections.Add(-1)
		s.log.Warn("client could not be taken", "listener", c.listener.String(), "err", err.Error())
	}
}

// turnAway refuses a client beyond clients.max, without blocking: its socket is new and has room for one reply.
func (s *Server) turnAway(ln *listener, nc net.Conn) {
	s.loop.Post(func() { s.closed(closedTooMany) })
	if ln.TLS == nil {
		r := replyTooManyClients
		_ = nc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, _ = nc.Write(frame.AppendResponse(nil, r.code, r.text, r.reason, nil, []byte("eppmux-refused")))
	}
	nc.Close()
}

// identify says whose commands the connection's count as, for client-scope limits: a unix socket's user, a TCP client's
// address. It is false for a client from a network that is not allowed.
func identify(ln *listener, nc net.Conn) (string, bool) {
	if uc, ok := nc.(*net.UnixConn); ok {
		return ln.path + "#" + peerUser(uc), true
	}
	ap, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return "", false
	}
	ip := ap.Addr().Unmap().WithZone("")
	if len(ln.Allow) == 0 || ip.IsLoopback() {
		return ip.String(), true
	}
	for _, p := range ln.Allow {
		if p.Contains(ip) {
			return ip.String(), true
		}
	}
	return "", false
}

func peerUser(uc *net.UnixConn) string {
	raw, err := uc.SyscallConn()
	if err != nil {
		return "?"
	}
	user := "?"
	_ = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			user = strconv.Itoa(int(cred.Uid))
		}
	})
	return user
}
