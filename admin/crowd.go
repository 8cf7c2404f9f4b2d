package admin

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections is how many connections there may be at a time. Anybody on the host can connect
// here and must not use up the open files that sessions and clients need.
const maxConnections = 32

// crowd holds the open connections. Where there are too many, it closes the one that has not begun
// a request for the longest time: that one idles, or it is slower than any scraper.
type crowd struct {
	mu  sync.Mutex
	all []net.Conn // guarded by mu; last stands the one that began a request last, or came last
}

// note is the ConnState of an http.Server. It may be called from any goroutine.
func (c *crowd) note(nc net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateIdle {
		return
	}
	if i := slices.Index(c.all, nc); i >= 0 {
		c.all = slices.Delete(c.all, i, i+1)
	} else if state != http.StateNew {
		return // it had to go
	}
	if state != http.StateNew && state != http.StateActive {
		return
	}
	if c.all = append(c.all, nc); len(c.all) > maxConnections {
		c.all[0].Close()
		c.all = slices.Delete(c.all, 0, 1)
	}
}
