package gateway

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/gateway/share"
)

const (
	// maxConnections is how many connections there may be at a time. Each takes an open file, which the sessions
	// and the EPP clients need too.
	maxConnections = 4096
	// placesMultiple is the multiple of what is free that one peer may have of connections, and one user of
	// requests: one alone gets seven eighths, see package share.
	placesMultiple = 7
)

// crowd bounds the connections, of all and of each peer. Where a peer has as many as it may, the one that idles for
// the longest makes room: one of its own, or one of a peer that has more.
type crowd struct {
	max int // 0: maxConnections

	mu    sync.Mutex
	n     int                 // of all; guarded by mu
	peers map[string]*peerage // each has one at least; guarded by mu
}

// peerage are the connections of a peer. Guarded by crowd.mu.
type peerage struct {
	n       int
	idle    list.List               // of *conn, the one that idles for the longest first
	idlers  map[*conn]*list.Element // in idle
	members map[*conn]struct{}
}

// idler is what is in peerage.idle.
type idler struct {
	*conn
	since time.Time
}

// admit takes nc in; false: there is no room.
func (c *crowd) admit(nc *conn) bool {
	peer := nc.peerName()
	c.mu.Lock()
	limit := c.max
	if limit == 0 {
		limit = maxConnections
	}
	if c.peers == nil {
		c.peers = make(map[string]*peerage)
	}
	own := 0
	if p := c.peers[peer]; p != nil {
		own = p.n
	}
	var gone *conn
	if !share.Fits(own, c.n, 1, limit, placesMultiple) {
		if gone = c.longest(peer, own); gone == nil {
			c.mu.Unlock()
			return false
		}
		c.remove(gone)
	}
	p := c.peers[peer]
	if p == nil {
		p = &peerage{idlers: make(map[*conn]*list.Element), members: make(map[*conn]struct{})}
		c.peers[peer] = p
	}
	c.n++
	p.n++
	p.members[nc] = struct{}{}
	p.rest(nc) // it has not asked yet
	c.mu.Unlock()
	if gone != nil {
		gone.Close()
	}
	return true
}

// longest is the connection that makes room for one of a peer that has own; nil: there is none. The caller holds mu.
func (c *crowd) longest(peer string, own int) *conn {
	if p := c.peers[peer]; p != nil && p.idle.Len() > 0 {
		return p.idle.Front().Value.(idler).conn
	}
	var found *idler
	for _, p := range c.peers {
		if p.n <= own+1 || p.idle.Len() == 0 {
			continue
		}
		if first := p.idle.Front().Value.(idler); found == nil || first.since.Before(found.since) {
			found = &first
		}
	}
	if found == nil {
		return nil
	}
	return found.conn
}

// rest notes that nc idles from now on.
func (p *peerage) rest(nc *conn) {
	p.rise(nc)
	p.idlers[nc] = p.idle.PushBack(idler{nc, time.Now()})
}

// rise notes that nc does not idle any more.
func (p *peerage) rise(nc *conn) {
	if e := p.idlers[nc]; e != nil {
		p.idle.Remove(e)
		delete(p.idlers, nc)
	}
}

// leave takes nc out.
func (c *crowd) leave(nc *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(nc)
}

// remove is leave under mu.
func (c *crowd) remove(nc *conn) {
	p := c.peers[nc.peer]
	if p == nil {
		return
	}
	if _, in := p.members[nc]; !in {
		return
	}
	p.rise(nc)
	delete(p.members, nc)
	c.n--
	if p.n--; p.n == 0 {
		delete(c.peers, nc.peer)
	}
}

// note is http.Server.ConnState.
func (c *crowd) note(nc net.Conn, state http.ConnState) {
	if state != http.StateActive && state != http.StateIdle {
		return
	}
	cn := connOf(nc)
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[cn.peer]
	if p == nil {
		return
	}
	if _, in := p.members[cn]; !in {
		return
	}
	if state == http.StateIdle {
		p.rest(cn)
	} else {
		p.rise(cn)
	}
}

// len is how many there are.
func (c *crowd) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
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
