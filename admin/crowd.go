package admin

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections is how many there may be at a time: anybody on the host can connect here, and must
// not use up the open files that sessions and clients need.
const maxConnections = 32

// crowd are the connections there are. Where there are too many, the one goes that has not begun a
// request for the longest time: it waits, or is slower than any scraper.
type crowd struct {
	mu  sync.Mutex
	all []net.Conn // guarded by mu; the one that began a request last, or came last, is the last
}

// note is http.Server's ConnState.
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
