package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	// Socket listens at Address already: whoever started the process has opened it, and keeps it
	// open. It stays the caller's, who closes it when the listener has been closed, or never. Nil:
	// the listener is opened here.
	Socket *os.File
	// Networks are those from which clients are taken; empty: any that reach the address. Not for
	// unix sockets.
	Networks []netip.Prefix
	// Commands are those that its clients may send; nil: all. login, logout and hello are always
	// answered.
	Commands *pool.CommandSet
	// Weight is the share of each of its clients against one of weight 1 when commands wait; 0: 1.
	Weight int
}

const (
	// handshakeTimeout is the longest time of a client's TLS handshake, handshakesMax the number of
	// them at a time.
	handshakeTimeout = 10 * time.Second
	handshakesMax    = 256

	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// listener is an open Listener.
type listener struct {
	options  atomic.Pointer[Listener] // a reload may change what is not about the address
	ln       net.Listener
	path     string        // of a unix socket
	inode    uint64        // of its file, while it is ours; 0 where it is not
	stopping atomic.Bool   // closed by us
	ended    chan struct{} // closed when accept has ended
}

// String is the address, with the port that was given by the system.
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

// listenUnix makes a unix socket: under a name of its own first, so that nobody can connect before
// its mode and group are right, then renamed to its place. A socket that stands there is replaced
// if nobody answers on it; anything else that stands there is left alone.
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
	err = permit(l, temp)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	open := newListener(l, ln)
	open.path, open.inode = path, inode(path)
	return open, nil
}

func newListener(l Listener, ln net.Listener) *listener {
	open := &listener{ln: ln, ended: make(chan struct{})}
	open.options.Store(&l)
	return open
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

// permit gives a unix socket its mode and group.
func permit(l Listener, path string) error {
	if l.Group != "" {
		gid, err := groupID(l.Group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return err
		}
	}
	mode := l.Mode
	if mode == 0 {
		mode = 0o660
	}
	return os.Chmod(path, mode)
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

// accept takes clients on ln until it is closed. It runs on a goroutine of its own; Drain and Close
// wait for it. An error of the system, such as no descriptor being left, is waited out: whoever is
// connected goes on.
func (s *Server) accept(ln *listener) {
	defer s.accepting.Done()
	defer close(ln.ended)
	pause := acceptBackoffMin
	for {
		nc, err := ln.ln.Accept()
		if err == nil {
			pause = acceptBackoffMin
			s.welcome(ln, nc) // the last one too, accepted while ln was being closed: it has connected
		}
		if ln.stopping.Load() {
			return
		}
		if err != nil {
			s.notTaken(err)
			s.troubles.warn("accept failed; waiting", func() []any {
				return []any{"listener", ln.String(), "wait", pause, "err", err.Error()}
			})
			time.Sleep(pause)
			pause = min(2*pause, acceptBackoffMax)
		}
	}
}

// welcome hands an accepted connection to the loop.
func (s *Server) welcome(ln *listener, nc net.Conn) {
	opts := ln.options.Load()
	identity, ok := identify(ln, nc)
	if !ok {
		nc.Close()
		return
	}
	if s.connections.Add(1) > s.maxClients.Load() {
		s.disconnected()
		s.turnAway(ln, nc)
		return
	}
	c := &arrival{&client{srv: s, listener: ln}, identity}
	if opts.TLS == nil {
		c.stream = new(plainStream)
		s.enroll(c, nc)
		return
	}
	t := newTLSStream(nc, opts.TLS, &s.maxAhead)
	c.stream = t
	s.handshakes.begin(nc)
	s.accepting.Add(1)
	go s.shakeHands(c, t, nc)
}

// shakeHands does the TLS handshake of a client. It runs on a goroutine of its own, for
// handshakeTimeout at most; Close waits for it.
func (s *Server) shakeHands(c *arrival, t *tlsStream, nc net.Conn) {
	defer s.accepting.Done()
	defer s.handshakes.end(nc)
	_ = nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := t.conn.Handshake(); err != nil {
		nc.Close()
		s.disconnected()
		s.notShaken(c.listener, nc, err)
		return
	}
	_ = nc.SetDeadline(time.Time{})
	s.enroll(c, nc)
}

// notShaken counts a client that has come no further than the TLS handshake. One that left by
// itself is not at fault: so do those that only look whether somebody listens.
func (s *Server) notShaken(ln *listener, nc net.Conn, err error) {
	why := closedHandshake
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		why = closedByClient
	}
	blames := why.blames() && !ln.stopping.Load()
	s.loop.Post(func() {
		s.countClose(why)
		if blames {
			s.blame(ln, nc.RemoteAddr(), why.String())
		}
	})
	if blames {
		s.complain(ln, nc.RemoteAddr(), why, err)
	}
}

// handshakes are the TLS handshakes of clients under way. Where there are too many, the oldest must
// go: an honest one takes milliseconds.
type handshakes struct {
	mu      sync.Mutex
	all     []net.Conn // guarded by mu; the oldest first
	stopped bool       // guarded by mu
}

func (h *handshakes) begin(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		nc.Close()
		return
	}
	if len(h.all) >= handshakesMax {
		h.all[0].Close()
		h.all = h.all[1:]
	}
	h.all = append(h.all, nc)
}

func (h *handshakes) end(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.all, nc); i >= 0 {
		h.all = slices.Delete(h.all, i, i+1)
	}
}

// stop ends all, and those that begin later.
func (h *handshakes) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, nc := range h.all {
		nc.Close()
	}
}

// loopback is the address of most clients.
var loopback = net.IPv4(127, 0, 0, 1)

// shareLoopback lets all addresses that are loopback share its octets: those of an accepted
// connection hold on to what the system has told, which with fifteen thousand idle clients is a
// tenth of all their memory. Nobody else has the address.
func shareLoopback(a net.Addr) {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.Equal(loopback) {
		t.IP = loopback
	}
}

func (s *Server) enroll(c *arrival, nc net.Conn) {
	shareLoopback(nc.LocalAddr())
	shareLoopback(nc.RemoteAddr())
	if err := s.loop.Enroll(nc, c); err != nil {
		s.disconnected()
		s.notTaken(err)
		s.troubles.warn("client could not be taken", func() []any {
			return []any{"listener", c.listener.String(), "err", err.Error()}
		})
	}
}

// turnAway refuses a client beyond clients.max, without blocking: its socket is new and has room
// for one reply.
func (s *Server) turnAway(ln *listener, nc net.Conn) {
	s.loop.Post(func() {
		s.countClose(closedTooMany)
		s.blame(ln, nc.RemoteAddr(), closedTooMany.String())
	})
	s.complain(ln, nc.RemoteAddr(), closedTooMany, nil)
	if ln.options.Load().TLS == nil {
		r := replyTooManyClients
		_ = nc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, _ = nc.Write(frame.AppendResponse(nil, r.code, r.text, r.reason, nil, []byte("eppmux-refused")))
	}
	nc.Close()
}

// identify says whose commands the connection's count as, for client-scope limits: a unix socket's
// user, a TCP client's address. It is false for a client from a network that is not allowed.
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
