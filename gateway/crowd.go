package gateway

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxConnections is how many connections there may be at a time. Each takes an open file, which the sessions and
// the EPP clients need too.
const maxConnections = 4096

// crowd bounds the connections. Where there are too many, the one that idles for the longest makes room.
type crowd struct {
	max int // 0: maxConnections

	mu  sync.Mutex
	all map[*conn]time.Time // since when it idles; zero: it does not. Guarded by mu.
}

// admit takes c in; false: there is no room.
func (c *crowd) admit(nc *conn) bool {
	c.mu.Lock()
	var idler *conn
	if c.all == nil {
		c.all = make(map[*conn]time.Time)
	}
	limit := c.max
	if limit == 0 {
		limit = maxConnections
	}
	if len(c.all) >= limit {
		for other, since := range c.all {
			if !since.IsZero() && (idler == nil || since.Before(c.all[idler])) {
				idler = other
			}
		}
		if idler == nil {
			c.mu.Unlock()
			return false
		}
		delete(c.all, idler)
	}
	c.all[nc] = time.Now() // it has not asked yet
	c.mu.Unlock()
	if idler != nil {
		idler.Close()
	}
	return true
}

// leave takes nc out.
func (c *crowd) leave(nc *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, nc)
}

// note is http.Server.ConnState.
func (c *crowd) note(nc net.Conn, state http.ConnState) {
	cn := connOf(nc)
	if state != http.StateActive && state != http.StateIdle {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, in := c.all[cn]; !in {
		return
	}
	since := time.Time{}
	if state == http.StateIdle {
		since = time.Now()
	}
	c.all[cn] = since
}

// len is how many there are.
func (c *crowd) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// underWay counts the requests that are being answered.
type underWay struct {
	mu    sync.Mutex
	n     int           // guarded by mu
	empty chan struct{} // closed when n gets 0; nil: nobody waits. Guarded by mu.
}

func (u *underWay) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
}

func (u *underWay) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.empty != nil {
		close(u.empty)
		u.empty = nil
	}
}

func (u *underWay) len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n
}

// none returns a channel that is closed once there is none under way.
func (u *underWay) none() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.empty == nil {
		empty := make(chan struct{})
		if u.n == 0 {
			close(empty)
			return empty
		}
		u.empty = empty
	}
	return u.empty
}

// troublePause is the time between two lines of a kind of trouble.
const troublePause = 10 * time.Second

// troubles logs what goes wrong with the system, not more often than each troublePause.
type troubles struct{ last atomic.Int64 }

func (t *troubles) warn(log *slog.Logger, msg string, args ...any) {
	now := time.Now().UnixNano()
	if last := t.last.Load(); now-last >= int64(troublePause) && t.last.CompareAndSwap(last, now) {
		log.Warn(msg, args...)
	}
}
