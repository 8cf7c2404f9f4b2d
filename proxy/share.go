package proxy

import (
	"slices"
	"time"

	"eppmux/upstream/pool"
)

// What all clients share is memory and places. As long as there is enough, nobody counts what is
// whose. Where there is not, the share that has most of it gives way, and of that share the
// connection that has most. So a client can only do harm to its own.

// shareKey tells one share from another. proven is the client id of a login that was verified;
// others can be made up.
type shareKey struct {
	provenance
	proven   string
	stranger bool
}

// share is what all clients of one provenance have of what is shared, or all that have logged in
// there with one client id, where logins are verified. Owned by the loop.
type share struct {
	// Immutable.
	key    shareKey
	budget *pool.Budget // for client-scope limits; by the provenance's from alone
	ledger *ledger

	connections int                // those in their TLS handshake are among them
	memory      int                // octets of all its clients
	held        int                // octets of those in holders
	holders     pool.Heap[*client] // that hold more than the ledger's reserve; the one with most first
	byMemory    pool.Place         // in ledger.shares
	byCrowd     pool.Place         // in srv.crowds
}

// most orders a Heap by n, the greatest first, and among equals by seq.
func most(n int, seq uint64) pool.Key { return pool.Key{At: time.Duration(-n), Seq: seq} }

// shareOf returns the share of key. One without connections is not kept: crowd must be told of one
// at once.
func (s *Server) shareOf(key shareKey) *share {
	if h := s.shares[key]; h != nil {
		return h
	}
	h := &share{key: key, budget: s.account.Budget(key.from), ledger: &s.known}
	if key.stranger {
		h.ledger = &s.strangers
	}
	s.shares[key] = h
	return h
}

// crowd notes that h has got a connection more, or has lost one.
func (s *Server) crowd(h *share, by int) {
	switch h.connections += by; {
	case h.connections == 0:
		s.crowds.Remove(h.byCrowd)
		delete(s.shares, h.key)
	case h.byCrowd.In():
		s.crowds.Move(h.byCrowd, most(h.connections, 0))
	default:
		s.crowds.Push(h, &h.byCrowd, most(h.connections, 0))
	}
}

// ledger is the memory of clients under one bound: of all that are known, or of all strangers.
// Strangers have one of their own, so that they never count against others. Owned by the loop.
type ledger struct {
	bound   int               // octets
	reserve int               // octets that each client has to itself
	memory  int               // octets of all its clients
	shares  pool.Heap[*share] // those with holders; the one that holds most first
}

const (
	// heldOf is the part of MaxMemory that octets may take. The rest is for what they take on their
	// way, and for the runtime: it lets the heap grow by a quarter (gcPercent of package serve) and
	// keeps a tenth more from the system. Measured by TestHoard of package bench.
	heldOf = 2.0 / 3
	// strangersOf is the strangers' part of what known clients may take.
	strangersOf = 1.0 / 8
	// reserveMax is the most that each client has to itself, in octets: a small command.
	reserveMax = 8 << 10
)

// setBounds sets the ledgers' bounds by the config.
//
// A client that holds no more than the reserve never gives way. Nobody has to: if all clients that
// may connect hold that much, the bound is just reached.
func (s *Server) setBounds() {
	s.known.bound = int(float64(s.cfg.MaxMemory) * heldOf)
	s.strangers.bound = int(float64(s.known.bound) * strangersOf)
	for _, l := range []*ledger{&s.known, &s.strangers} {
		l.reserve = min(reserveMax, l.bound/s.cfg.MaxClients)
	}
}

// account sets the octets that are held for the client to n.
func (c *client) account(n int) {
	h, by := c.identity.share, n-int(c.memory)
	if by == 0 {
		return
	}
	c.memory = int32(n)
	c.srv.memory += by
	h.memory += by
	h.ledger.memory += by
	if holds := n > h.ledger.reserve; holds || c.holder.In() {
		h.note(c, holds)
	}
}

// note puts c into h's books, or takes it out.
func (h *share) note(c *client, holds bool) {
	n := int(c.memory)
	switch in := c.holder.In(); {
	case in && holds:
		h.held += n + int(h.holders.Key(c.holder).At)
		h.holders.Move(c.holder, most(n, c.id))
	case in:
		h.held += int(h.holders.Key(c.holder).At)
		h.holders.Remove(c.holder)
	case holds:
		h.held += n
		h.holders.Push(c, &c.holder, most(n, c.id))
	}
	shares := &h.ledger.shares
	switch in := h.byMemory.In(); {
	case h.holders.Len() == 0 && in:
		shares.Remove(h.byMemory)
	case h.holders.Len() == 0:
	case in:
		shares.Move(h.byMemory, most(h.held, 0))
	default:
		shares.Push(h, &h.byMemory, most(h.held, 0))
	}
}

// tight reports whether more is held than may be.
func (s *Server) tight() bool {
	return s.known.memory > s.known.bound || s.strangers.memory > s.strangers.bound
}

// relieve has clients give way until no more is held than may be. It runs when no client is being
// handled.
func (s *Server) relieve() {
	s.handling++ // giving way must not begin this anew
	s.known.relieve()
	s.strangers.relieve()
	s.handling--
}

func (l *ledger) relieve() {
	var spared []*client
	for l.memory > l.bound {
		h, _, ok := l.shares.First()
		if !ok {
			break
		}
		c, _, _ := h.holders.First()
		if c.spared() {
			spared = append(spared, c)
			h.note(c, false)
			continue
		}
		c.giveWay()
	}
	for _, c := range spared {
		h := c.identity.share
		h.note(c, int(c.memory) > l.reserve) // it may have gone meanwhile
	}
}

// spared reports whether it would be of no use that the client gives way: nearly all it holds is a
// command that has been sent, whose octets stay until its end. There are as many as sessions.
func (c *client) spared() bool {
	return c.x != nil && c.x.Sent() && int(c.memory)-c.x.Octets() <= c.identity.share.ledger.reserve
}

// giveWay frees what the client holds most of: answers that it does not take, a command that waits,
// or octets that came and are no whole command yet.
func (c *client) giveWay() {
	c.handle(func() {
		switch {
		case c.state >= clientLingering || 2*c.stream.unsent() > int(c.memory):
			c.close(closedMemory)
		case c.x != nil && c.x.SentAt() == 0 && !c.x.Recording() && 2*c.x.Octets() > int(c.memory):
			c.withdraw()
		default:
			c.evict(replyNoMemory, closedMemory)
		}
	})
}

// withdraw answers a command that waits as not sent. Then the client is served on.
func (c *client) withdraw() {
	x := c.x
	c.x = nil
	a := c.reply(replyNoRoom, x.OwnClTRID())
	c.srv.polls.takenBack(x)
	c.srv.account.Withdraw(x)
	c.do(a)
	c.touch()
	c.parse()
}

// makeRoom frees a place for a client that comes while all are taken. A share that would still have
// fewer than another gets one of those of the share with most: that of the connection that has been
// idle longest. It reports whether there is room.
func (s *Server) makeRoom(p provenance) bool {
	if s.connections.Load() <= s.maxClients.Load() {
		return true
	}
	own := 0
	if h := s.shares[s.newcomer(p).shareKey]; h != nil {
		own = h.connections
	}
	h, _, ok := s.crowds.First()
	if !ok || own+2 > h.connections { // with one more it would have more: a place would never rest
		return false
	}
	c := s.idlers.next(s, h)
	if c == nil {
		return false
	}
	s.complaints.warn("clients.max is reached; an idle client makes room for one of somebody who has fewer",
		func() []any {
			return []any{"listener", c.listener.String(), "client", whence(c.stream.from())}
		})
	c.close(closedDisplaced)
	return true
}

// idlersMax is how many clients are looked for at a time: to look at all takes milliseconds.
const idlersMax = 64

// idlers are clients of one share that have been idle longest, as found some time ago; the longest
// last.
type idlers struct {
	of  *share
	all []idler
}

type idler struct {
	c     *client
	since time.Duration // its served
}

// next takes out the client of h that has been idle longest; nil: none is idle.
func (l *idlers) next(s *Server, h *share) *client {
	for again := l.of != h; ; again = true {
		if again {
			l.find(s, h)
		}
		for n := len(l.all) - 1; n >= 0; n-- {
			i := l.all[n]
			l.all = l.all[:n]
			if i.c.idle() && i.c.identity.share == h && i.c.served == i.since {
				return i.c
			}
		}
		if again {
			return nil
		}
	}
}

// find looks at all clients.
func (l *idlers) find(s *Server, h *share) {
	l.of, l.all = h, l.all[:0]
	for c := s.clients; c != nil; c = c.next {
		if c.identity.share != h || !c.idle() || len(l.all) == idlersMax && c.served >= l.all[0].since {
			continue
		}
		if len(l.all) == idlersMax {
			l.all = slices.Delete(l.all, 0, 1)
		}
		at := len(l.all)
		for at > 0 && l.all[at-1].since < c.served {
			at--
		}
		l.all = slices.Insert(l.all, at, idler{c, c.served})
	}
}

// idle reports whether nothing of the client's is under way, neither from it nor to it.
func (c *client) idle() bool {
	return c.state == clientServed && !c.busy() && c.stream.buffered() == 0 && c.stream.unsent() == 0
}
