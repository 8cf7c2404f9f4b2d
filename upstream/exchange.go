package upstream

import (
	"bytes"
	"time"

	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Client submits exchanges, one at a time.
type Client interface {
	// Finish is called on the loop, once for each exchange that was not cancelled. It must not
	// block. It may submit the client's next exchange. x must not be used after it returns.
	Finish(x *Exchange, o Outcome)
}

// Originator is a Client that has a name for the audit log and the list of sessions.
type Originator interface {
	// Origin returns the listener's address, and the client's address or its user.
	Origin() (listener, client string)
}

// Outcome is how an exchange ended.
type Outcome struct {
	End   pool.End
	Cause pool.Cause // CauseNone for EndAnswered
	Code  int        // the registry's result code; EndAnswered only
	// Unit is the registry's answer as a whole data unit. Its clTRID is the client's own, or absent
	// if the client sent none or the registry left it out. EndAnswered only; borrowed until Finish
	// returns.
	Unit []byte
	// SvTRID is the content of the registry's own id in it, as written. Borrowed until Finish
	// returns.
	SvTRID []byte
}

// Exchange is one command and its one response (RFC 5734 section 3): the pool's part of it, and its
// octets. It is used on the loop of its Account. From Submit until Finish only the Account changes
// it.
type Exchange struct {
	pool.Exchange

	// Owned by the Account.
	client Client // nil: it has gone

	// buf holds the data unit (unitLen octets), then the content of the client's own clTRID
	// (clTRIDLen octets).
	buf        *bytebufferpool.ByteBuffer
	room       int // octets for which buf has been asked
	unitLen    int
	clTRIDLen  int  // 0 where the client sent no clTRID, which is never empty
	muxTRIDAt  int  // offset of the muxTRID in the unit; 0: the payload has no place for one
	muxTRIDLen int  // octets
	exposed    bool // the registry may have seen its muxTRID
	waited     bool // its wait has been counted
	recorded   bool // a note of its sending was asked for
	visiting   bool // it came on a lane, see LaneExchange
	forwarded  bool // it went over a lane last

	// held is the payload of its answer, while its session is asked whether it is logged in, and until
	// it is sent again; nil: none is held.
	held   []byte
	heldAt time.Duration // when that came

	caller *Caller       // whose it is; nil: it is of an EPP client, or came on a lane
	late   func() []byte // see Call; nil: there is none, or it was called
	object string        // namespace of the check, where there is late

	listener, from string // its client's Origin, for the audit log; empty: not asked for
}

// of returns the exchange whose pool's part is x; nil for nil.
func of(x *pool.Exchange) *Exchange {
	if x == nil {
		return nil
	}
	return x.Shell.(*Exchange)
}

// Octets returns the number of octets that the exchange's buffer takes.
func (x *Exchange) Octets() int { return cap(x.buf.B) }

// unit returns the data unit to be sent.
func (x *Exchange) unit() []byte { return x.buf.B[:x.unitLen] }

// MuxTRID returns the transaction id that the registry sees; nil where the payload has no place for
// one. Borrowed until Finish returns.
func (x *Exchange) MuxTRID() []byte {
	if x.muxTRIDAt == 0 {
		return nil
	}
	return x.buf.B[x.muxTRIDAt : x.muxTRIDAt+x.muxTRIDLen]
}

// OwnClTRID returns the content of the client's clTRID element, octet for octet; nil where the
// client sent none. Borrowed until Finish returns.
func (x *Exchange) OwnClTRID() []byte {
	if x.clTRIDLen == 0 {
		return nil
	}
	return x.buf.B[x.unitLen : x.unitLen+x.clTRIDLen]
}

// ServedAt returns when its client was served with it, which has ended now in that way: when it was sent; 0 if
// it was not. Of one that went over a lane that is now. It waited in the owner's queue behind the lane, and the
// owner's own clients, who wait for their turn before they are sent, would always be behind otherwise. One that
// the owner has not sent was no service: its client would be behind the owner's own ones for ever.
func (x *Exchange) ServedAt(end pool.End, now time.Duration) time.Duration {
	switch {
	case !x.forwarded || x.SentAt() == 0:
		return x.SentAt()
	case end == pool.EndNotSent:
		return 0
	}
	return now
}

// rtt returns the time from x's sending to its answer, which came before now where it was held.
func (x *Exchange) rtt(now time.Duration) time.Duration {
	if x.held != nil {
		now = x.heldAt
	}
	return now - x.SentAt()
}

// name notes the Origin of x's client, which cannot be asked once it has gone.
func (x *Exchange) name() {
	if o, ok := x.client.(Originator); ok && x.from == "" {
		x.listener, x.from = o.Origin()
	}
}

// Exchange returns an exchange with a copy of m's octets, with a new muxTRID in the clTRID's place.
// The exchange belongs to the caller until Submit. m may be changed after it returns.
func (a *Account) Exchange(from Sender, m *frame.Message) *Exchange {
	x := a.newExchange(roomFor(m))
	x.Command, x.Op, x.Query = m.Command, m.Op, a.Query(m)
	x.client, x.Budget, x.Weight, x.Since = from.Client, from.Budget, max(1, from.Weight), from.Since
	x.Author = a.author(&from, m)
	a.countObjects(x, m)
	var content []byte
	if m.ClTRID.Present() {
		content = m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End]
	}
	var scratch [tridMax]byte
	id := a.trids.appendMuxTRID(scratch[:0], content, m.ClTRID.Value, a.wall())
	x.buf.B, x.muxTRIDAt = frame.AppendCommand(x.buf.B[:0], m, id)
	x.unitLen = len(x.buf.B)
	if x.muxTRIDAt > 0 {
		x.muxTRIDLen = len(id)
		if !x.Query {
			a.trids.remember(id, content)
		}
	}
	x.clTRIDLen = len(content)
	x.buf.B = append(x.buf.B, content...)
	if a.cfg.Audit != nil && (a.cfg.AuditQueries || !x.Query) {
		x.name()
	}
	return x
}

// newExchange returns an exchange that was used before, or a new one, with an empty buffer that has room
// for so many octets.
func (a *Account) newExchange(room int) *Exchange {
	var x *Exchange
	if n := len(a.free); n > 0 {
		x, a.free = a.free[n-1], a.free[:n-1]
	} else {
		x = new(Exchange)
		x.Shell = x
	}
	x.buf, x.room = a.buffers.get(room), room
	return x
}

// Submit puts x into the queue. Its client's Finish is called once, possibly before Submit returns.
func (a *Account) Submit(x *Exchange) {
	a.turn(func() { a.pool.Submit(&x.Exchange, a.now()) })
}

// Cancel says that x's client has gone. Finish is not called any more, and x must not be used any
// more.
func (a *Account) Cancel(x *Exchange) {
	a.turn(func() {
		x.client = nil
		a.pool.Cancel(&x.Exchange, a.now())
	})
}

// Withdraw takes back x, which waits and was never sent, since its octets are needed for others.
// Otherwise it is Cancel.
func (a *Account) Withdraw(x *Exchange) {
	a.turn(func() {
		x.client = nil
		a.pool.Withdraw(&x.Exchange, a.now())
	})
}

// finish tells x's client how x ended, and keeps x to be used again. It is called for DoFinish
// only.
func (a *Account) finish(x *Exchange, o Outcome) {
	a.counts.finished(x, o, a.now())
	a.recordEnd(x, o)
	if o.End == pool.EndUnknown && !x.Query {
		a.log.Warn("outcome of a transform is unknown: it was sent and has no answer; look it up at the registry",
			"command", x.Command.String(), "cltrid", shown(x.OwnClTRID()), "muxtrid", string(x.MuxTRID()),
			"reason", o.Cause.String())
	}
	if x.client != nil {
		x.client.Finish(x, o)
	}
	c := x.caller
	if c != nil {
		c.left(x, o)
	}
	a.buffers.put(x.buf, x.room)
	x.Exchange.Reset()
	*x = Exchange{Exchange: x.Exchange}
	if len(a.free) < exchangesKept {
		a.free = append(a.free, x)
	}
	if c != nil {
		c.next()
	}
}

// maxShown is the longest part of a client's clTRID that the log shows, in octets.
const maxShown = 64

// shown returns the content of a client's clTRID for the log, up to the first markup in it: a
// comment, for one, is no part of the id.
func shown(clTRID []byte) string {
	if i := bytes.IndexByte(clTRID, '<'); i >= 0 {
		clTRID = append(clTRID[:i:i], "..."...)
	}
	if len(clTRID) > maxShown {
		return string(clTRID[:maxShown]) + "..."
	}
	return string(clTRID)
}

// renew puts a new muxTRID into x if the registry may have seen the present one: a registry may
// refuse a clTRID that it knows. Only our own part of it changes, so its length stays.
func (a *Account) renew(x *Exchange) {
	if !x.exposed || x.muxTRIDAt == 0 {
		return
	}
	id := x.MuxTRID()
	x.exposed = false
	content, known := a.trids.resolve(id)
	a.trids.append(id[:1], a.wall())
	if known == tridKnown {
		a.trids.remember(id, content)
	}
}
