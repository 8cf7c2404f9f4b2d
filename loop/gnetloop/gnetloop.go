// Package gnetloop implements loop.Loop with gnet. Nothing else imports gnet.
//
//	l, err := gnetloop.New(log)
//	l.Post(f)
//	err = l.Enroll(nc, handler)
//	err = l.Stop()
package gnetloop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"eppmux/loop"
)

// Loop implements loop.Loop. It is one event loop of gnet, without listeners: sockets come to it by
// Enroll.
//
// After a socket is closed, a gnet.Conn still acts on the number of its descriptor, which may be
// another's by then. So nothing here keeps a gnet.Conn past OnClose: a socket forgets it there.
type Loop struct {
	gnet.BuiltinEventEngine

	// Immutable after New.
	client *gnet.Client
	el     gnet.EventLoop
	stop   func() error // end, once

	// Owned by the loop.
	spare []func() // memory for posted

	enrolls sync.WaitGroup // calls of Enroll under way

	mu     sync.Mutex
	ended  bool     // by Stop; guarded by mu
	posted []func() // not run yet, in order; guarded by mu
}

// New starts a loop. Its goroutine ends with Stop. gnet's warnings and errors go to log.
func New(log *slog.Logger) (*Loop, error) {
	l := &Loop{}
	l.stop = sync.OnceValue(l.end)
	c, err := gnet.NewClient(l, gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithWriteBufferCap(1), gnet.WithLogger(gnetLogger{log}), gnet.WithLogLevel(logging.ErrorLevel))
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

// findLoop sets l.el. gnet gives the handle of a loop to connections only, so findLoop enrolls one
// end of a socket pair.
func (l *Loop) findLoop() error {
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

func (probe) Opened(loop.Socket) {}
func (probe) Readable()          {}
func (probe) Closed(error)       {}

// Post implements loop.Loop. gnet has two queues of tasks and lets one overtake another once a
// thousand wait, so the order is kept here: gnet gets one task for all functions that wait.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	if l.posted = append(l.posted, f); len(l.posted) == 1 {
		_ = l.el.Execute(context.Background(), batch{l})
	}
}

// batch implements gnet.Runnable: it runs the posted functions.
type batch struct{ l *Loop }

// spareMax is the largest number of functions for which memory is kept.
const spareMax = 1 << 10

// Run implements gnet.Runnable. Functions that are posted meanwhile run in the next batch.
func (b batch) Run(context.Context) error {
	l := b.l
	l.mu.Lock()
	fs := l.posted
	l.posted = l.spare[:0]
	l.mu.Unlock()
	for i, f := range fs {
		fs[i] = nil
		f()
	}
	if l.spare = fs; cap(fs) > spareMax {
		l.spare = nil
	}
	return nil
}

// errLoopEnded is returned by Enroll after Stop.
var errLoopEnded = errors.New("event loop has ended")

// Enroll implements loop.Loop.
func (l *Loop) Enroll(nc net.Conn, h loop.Handler) error {
	l.mu.Lock()
	ended := l.ended
	if !ended {
		l.enrolls.Add(1)
	}
	l.mu.Unlock()
	if ended {
		nc.Close()
		return errLoopEnded
	}
	defer l.enrolls.Done()
	_, err := l.client.EnrollContext(nc, h)
	return err
}

// Stop closes all sockets, ends the loop and waits for its end. The loop itself must not call it.
// Once it has begun, nothing more reaches the loop: gnet would wait for ever for a socket that is
// enrolled after its end, and a task would make it write to a closed descriptor. Called again, it
// waits for the first call and returns the same: gnet would close its descriptors a second time.
func (l *Loop) Stop() error { return l.stop() }

func (l *Loop) end() error {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.enrolls.Wait()
	return l.client.Stop()
}

// OnOpen implements gnet.EventHandler.
func (l *Loop) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	h := c.Context().(loop.Handler)
	s := &socket{conn: c, handler: h}
	c.SetContext(s)
	c.SetSafeContext(nil) // it is h
	h.Opened(s)
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (l *Loop) OnTraffic(c gnet.Conn) gnet.Action {
	if s, ok := c.Context().(*socket); ok {
		s.handler.Readable()
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (l *Loop) OnClose(c gnet.Conn, err error) gnet.Action {
	if s, ok := c.Context().(*socket); ok {
		s.conn = nil
		s.handler.Closed(err)
	}
	return gnet.None
}

// staleEvent is what gnet says when two sockets have events at once, and the handler of the first one
// closes the other. It happens when a registry or a client ends, and is no trouble.
const staleEvent = "received event[fd=%d|ev=%d|flags=%d] of a stale connection from event-loop(%d)"

// gnetLogger implements logging.Logger: gnet's few messages go to our log.
type gnetLogger struct{ log *slog.Logger }

func (g gnetLogger) Debugf(string, ...any) {}
func (g gnetLogger) Infof(string, ...any)  {}
func (g gnetLogger) Warnf(f string, a ...any) {
	level := slog.LevelWarn
	if f == staleEvent {
		level = slog.LevelDebug
	}
	g.log.Log(context.Background(), level, "event loop", "err", fmt.Sprintf(f, a...))
}
func (g gnetLogger) Errorf(f string, a ...any) {
	g.log.Error("event loop", "err", fmt.Sprintf(f, a...))
}
func (g gnetLogger) Fatalf(f string, a ...any) {
	g.log.Error("event loop", "err", fmt.Sprintf(f, a...))
}
