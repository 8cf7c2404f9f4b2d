package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"eppmux/upstream"
)

// loop is one event loop of gnet, without listeners: sockets come to it by Enroll. It is an
// upstream.Loop.
//
// What gnet does with a socket after its close is the caller's business (it acts on the bare number
// of the descriptor), so nothing here keeps a gnet.Conn past OnClose: a socket lets go of it there.
type loop struct {
	gnet.BuiltinEventEngine

	// Immutable after newLoop.
	client *gnet.Client
	el     gnet.EventLoop

	mu      sync.RWMutex // held for reading while something is posted, which does not block
	ended   bool         // guarded by mu
	enrolls sync.WaitGroup
}

// newLoop starts a loop.
func newLoop(log *slog.Logger) (*loop, error) {
	l := &loop{}
	c, err := gnet.NewClient(l, gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(gnetLogger{log}), gnet.WithLogLevel(logging.ErrorLevel))
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	l.client = c
	if err := l.findLoop(); err != nil {
		_ = c.Stop()
		return nil, err
	}
	return l, nil
}

// findLoop learns the handle of the loop, which gnet gives to a connection's owner only: a socket
// pair serves for one.
func (l *loop) findLoop() error {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	other := os.NewFile(uintptr(fds[1]), "")
	defer other.Close()
	f := os.NewFile(uintptr(fds[0]), "")
	nc, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return err
	}
	var h probe
	gc, err := l.client.EnrollContext(nc, &h)
	if err != nil {
		return err
	}
	l.el = gc.EventLoop()
	return nil
}

// probe is the handler of a socket that carries nothing.
type probe struct{}

func (probe) Opened(upstream.Socket) {}
func (probe) Readable()              {}
func (probe) Closed(error)           {}

// Post is upstream.Loop's.
func (l *loop) Post(f func()) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.ended {
		_ = l.el.Execute(context.Background(), task(f))
	}
}

type task func()

// Run is gnet.Runnable's.
func (f task) Run(context.Context) error { f(); return nil }

// errLoopEnded is what Enroll returns when the loop does not run any more.
var errLoopEnded = errors.New("event loop has ended")

// Enroll is upstream.Loop's.
func (l *loop) Enroll(nc net.Conn, h upstream.Handler) error {
	l.mu.RLock()
	ended := l.ended
	if !ended {
		l.enrolls.Add(1)
	}
	l.mu.RUnlock()
	if ended {
		nc.Close()
		return errLoopEnded
	}
	defer l.enrolls.Done()
	_, err := l.client.EnrollContext(nc, h)
	return err
}

// stop closes all sockets and ends the loop. The loop itself must not call it. Once it begins,
// nothing more reaches the loop: gnet would wait for ever for a socket enrolled after its end, and
// write to a descriptor that is closed for a task.
func (l *loop) stop() error {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.enrolls.Wait()
	return l.client.Stop()
}

// OnOpen is gnet.EventHandler's.
func (l *loop) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	h := c.Context().(upstream.Handler)
	s := &socket{conn: c, handler: h}
	c.SetContext(s)
	c.SetSafeContext(nil) // it is h
	h.Opened(s)
	return nil, gnet.None
}

// OnTraffic is gnet.EventHandler's.
func (l *loop) OnTraffic(c gnet.Conn) gnet.Action {
	if s, ok := c.Context().(*socket); ok {
		s.handler.Readable()
	}
	return gnet.None
}

// OnClose is gnet.EventHandler's.
func (l *loop) OnClose(c gnet.Conn, err error) gnet.Action {
	if s, ok := c.Context().(*socket); ok {
		s.conn = nil
		s.handler.Closed(err)
	}
	return gnet.None
}

// socket is an upstream.Socket, with what clients need beyond it. Owned by the loop.
type socket struct {
	conn    gnet.Conn // nil once closed
	handler upstream.Handler
}

// Read is upstream.Socket's.
func (s *socket) Read(p []byte) (int, error) {
	if s.conn == nil {
		return 0, net.ErrClosed
	}
	n, err := s.conn.Read(p)
	if n == 0 && errors.Is(err, io.ErrShortBuffer) {
		err = nil
	}
	return n, err
}

// Write is upstream.Socket's. What the kernel takes at once, nearly always all, does not go through
// gnet, and the scheduler of the runtime is not told of the call: the socket does not block. What
// it leaves, and its errors, are gnet's.
func (s *socket) Write(p []byte) (int, error) {
	if s.conn == nil {
		return 0, net.ErrClosed
	}
	sent := 0
	if len(p) > 0 && s.conn.OutboundBuffered() == 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(s.conn.Fd()), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno == 0 {
			if sent = int(n); sent == len(p) {
				return sent, nil
			}
		}
	}
	n, err := s.conn.Write(p[sent:])
	return sent + n, err
}

// Pending is upstream.Socket's.
func (s *socket) Pending() bool {
	if s.conn == nil || s.conn.InboundBuffered() > 0 {
		return true
	}
	var one [1]byte
	_, _, err := syscall.Recvfrom(s.conn.Fd(), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err != syscall.EAGAIN && err != syscall.EINTR
}

// Close is upstream.Socket's.
func (s *socket) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.EventLoop().Close(s.conn)
}

// gnetLogger takes gnet's few messages into our log.
type gnetLogger struct{ log *slog.Logger }

func (g gnetLogger) Debugf(string, ...any) {}
func (g gnetLogger) Infof(string, ...any)  {}
func (g gnetLogger) Warnf(f string, a ...any) {
	g.log.Warn("event loop", "err", fmt.Sprintf(f, a...))
}
func (g gnetLogger) Errorf(f string, a ...any) {
	g.log.Error("event loop", "err", fmt.Sprintf(f, a...))
}
func (g gnetLogger) Fatalf(f string, a ...any) {
	g.log.Error("event loop", "err", fmt.Sprintf(f, a...))
}
