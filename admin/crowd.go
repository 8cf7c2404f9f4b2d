package admin

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxConnections is how many connections there may be at a time. Anybody on the host can connect
// here and must not use up the open files that sessions and clients need.
const maxConnections = 32

// crowd is a listener with a bound on the open connections. Where there are too many, a further one
// waits until one ends by itself or may be closed: first one that idles, then one whose request is
// not whole, then one whose answer is not taken; the one that has been so the longest.
type crowd struct {
	// Immutable after newCrowd.
	net.Listener
	ended chan struct{} // closed by Close
	close func() error  // once
	// changed has one word when a connection has ended, or idles. It is not closed.
	changed chan struct{}

	mu  sync.Mutex
	all []visitor // guarded by mu; in the order in which their states began
}

// visitor is a connection with its state.
type visitor struct {
	net.Conn
	state visit
	since time.Time
}

// visit is what a connection does. Those of a lower one are closed first.
type visit uint8

const (
	idles      visit = iota // has had an answer
	asks                    // has come, or begun a further request
	isAnswered              // its request is whole
)

// patience is how long a connection is safe from being closed in favour of another. An honest
// request is whole, and an answer written, within milliseconds.
var patience = [...]time.Duration{asks: 500 * time.Millisecond, isAnswered: time.Second}

func newCrowd(ln net.Listener) *crowd {
	c := &crowd{Listener: ln, ended: make(chan struct{}), changed: make(chan struct{}, 1)}
	c.close = sync.OnceValue(func() error {
		close(c.ended)
		return ln.Close()
	})
	return c
}

// Close implements net.Listener. It ends an Accept under way.
func (c *crowd) Close() error { return c.close() }

// Accept implements net.Listener. It returns once there is room.
func (c *crowd) Accept() (net.Conn, error) {
	nc, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for {
		wait := c.admit(nc, time.Now())
		if wait <= 0 {
			return nc, nil
		}
		select {
		case <-c.changed:
		case <-time.After(wait):
		case <-c.ended:
			nc.Close()
			return nil, net.ErrClosed
		}
	}
}

// admit takes nc in if there is room or one that may be closed. Otherwise it returns how long it is
// until one may be.
func (c *crowd) admit(nc net.Conn, now time.Time) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= maxConnections {
		victim := -1
		for i, v := range c.all {
			left := v.since.Add(patience[v.state]).Sub(now)
			switch {
			case left > 0 && (wait == 0 || left < wait):
				wait = left
			case left <= 0 && (victim < 0 || v.state < c.all[victim].state):
				victim = i
			}
		}
		if victim < 0 {
			return wait
		}
		c.all[victim].Close()
		c.all = slices.Delete(c.all, victim, victim+1)
	}
	c.all = append(c.all, visitor{nc, asks, now})
	return 0
}

// note is the ConnState of an http.Server. It may be called from any goroutine.
func (c *crowd) note(nc net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		c.enter(nc, asks)
	case http.StateIdle:
		c.enter(nc, idles)
		c.wake()
	case http.StateClosed, http.StateHijacked:
		c.remove(nc)
		c.wake()
	}
}

// enter notes what nc does from now on. The first request of a connection began when it came.
func (c *crowd) enter(nc net.Conn, state visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.index(nc)
	if i < 0 || c.all[i].state == state { // the first: it had to go
		return
	}
	c.all = append(slices.Delete(c.all, i, i+1), visitor{nc, state, time.Now()})
}

func (c *crowd) remove(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.index(nc); i >= 0 {
		c.all = slices.Delete(c.all, i, i+1)
	}
}

// index is where nc stands in all; less than 0: nowhere. The caller holds mu.
func (c *crowd) index(nc net.Conn) int {
	return slices.IndexFunc(c.all, func(v visitor) bool { return v.Conn == nc })
}

// wake has a connection that waits look for room again.
func (c *crowd) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// withConn is the ConnContext of an http.Server.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, nc)
}

// whole notes that a request is whole before next answers it.
func (c *crowd) whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if nc, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			c.enter(nc, isAnswered)
		}
		next.ServeHTTP(w, r)
	})
}
