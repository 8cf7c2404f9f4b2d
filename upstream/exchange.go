package upstream

import (
	"bytes"

	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Client submits exchanges, one at a time.
type Client interface {
	// Finish is called once for each exchange that was not cancelled, on the loop, and must not
	// block. It may submit the client's next exchange. x may not be touched after it returns.
	Finish(x *Exchange, o Outcome)
}

// Originator is a Client that can be named in the record.
type Originator interface {
	// Origin is the listener's address and the client's, or its user.
	Origin() (listener, client string)
}

// Outcome is how an exchange ended, as its client is told.
type Outcome struct {
	End   pool.End
	Cause pool.Cause // CauseNone for EndAnswered
	Code  int        // the registry's result code; EndAnswered only
	// Unit is the registry's answer as a whole data unit, with the client's own clTRID in it, or
	// none if the client sent none. EndAnswered only; borrowed until Finish returns.
	Unit []byte
	// SvTRID is the content of the registry's own id in it, as written; borrowed as Unit.
	SvTRID []byte
}

// Exchange is one command and its one response (RFC 5734 section 3): what the pool knows of it, and
// its octets. It belongs to the loop of its Account. Between Submit and Finish nobody else may
// change it.
type Exchange struct {
	pool.Exchange

	// Owned by the Account.
	client Client // nil: it has gone

	// buf holds the data unit (unitLen octets), then the content of the client's own clTRID
	// (clTRIDLen octets).
	buf        *bytebufferpool.ByteBuffer
	unitLen    int
	clTRIDLen  int  // 0 where the client sent no clTRID, which is never empty
	muxTRIDAt  int  // offset of the muxTRID in the unit; 0: the payload has no place for one
	muxTRIDLen int  // octets
	exposed    bool // the registry has seen its muxTRID, or may have
	waited     bool // its wait has been counted
	recorded   bool // a note of its sending has been kept

	listener, from string // whose it is, for the audit log; empty: not looked at
}

// of is the exchange whose pool's part is x.
func of(x *pool.Exchange) *Exchange {
	if x == nil {
		return nil
	}
	return x.Shell.(*Exchange)
}

// Octets is how many octets the exchange holds.
func (x *Exchange) Octets() int { return len(x.buf.B) }

// unit is the data unit to be sent.
func (x *Exchange) unit() []byte { return x.buf.B[:x.unitLen] }

// MuxTRID is the transaction id that the registry sees; empty where the payload has no place for
// one. Borrowed until Finish returns.
func (x *Exchange) MuxTRID() []byte {
	if x.muxTRIDAt == 0 {
		return nil
	}
	return x.buf.B[x.muxTRIDAt : x.muxTRIDAt+x.muxTRIDLen]
}

// OwnClTRID is the content of the client's clTRID element, octet for octet; nil where it sent none.
// Borrowed until Finish returns.
func (x *Exchange) OwnClTRID() []byte {
	if x.clTRIDLen == 0 {
		return nil
	}
	return x.buf.B[x.unitLen : x.unitLen+x.clTRIDLen]
}

// name notes whose x is, while its client is there: one that has gone cannot be asked.
func (x *Exchange) name() {
	if o, ok := x.client.(Originator); ok && x.from == "" {
		x.listener, x.from = o.Origin()
	}
}

// Exchange returns an exchange that holds m's octets with a new muxTRID in the clTRID's place. m is
// not used after it returns. The exchange is the caller's until Submit. On the loop.
func (a *Account) Exchange(from Sender, m *frame.Message) *Exchange {
	x := a.newExchange()
	x.Command, x.Op, x.Query = m.Command, m.Op, m.Query()
	x.client, x.Budget, x.Weight, x.Since = from.Client, from.Budget, max(1, from.Weight), from.Since
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
	}
	x.clTRIDLen = len(content)
	x.buf.B = append(x.buf.B, content...)
	if a.cfg.Audit != nil && (a.cfg.AuditQueries || !x.Query) {
		x.name()
	}
	return x
}

func (a *Account) newExchange() *Exchange {
	var x *Exchange
	if n := len(a.free); n > 0 {
		x, a.free = a.free[n-1], a.free[:n-1]
	} else {
		x = new(Exchange)
		x.Shell = x
	}
	x.buf = a.buffers.Get()
	return x
}

// Submit puts x into the queue; its client's Finish is called once. On the loop.
func (a *Account) Submit(x *Exchange) {
	a.turn(func() { a.pool.Submit(&x.Exchange, a.now()) })
}

// Cancel says that x's client has gone. Finish is not called any more, and x may not be touched. On
// the loop.
func (a *Account) Cancel(x *Exchange) {
	a.turn(func() {
		x.client = nil
		a.pool.Cancel(&x.Exchange, a.now())
	})
}

// finish gives x back to its client and takes it out of use. It is called for DoFinish only.
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
	a.buffers.Put(x.buf)
	x.Exchange.Reset()
	*x = Exchange{Exchange: x.Exchange}
	if len(a.free) < exchangesKept {
		a.free = append(a.free, x)
	}
}

// maxShown is how much of a client's clTRID the log shows, in octets.
const maxShown = 64

// shown is the content of a client's clTRID for the log, as far as it is text: anything else that a
// client has put there, such as a comment, is not its id.
func shown(clTRID []byte) string {
	if i := bytes.IndexByte(clTRID, '<'); i >= 0 {
		clTRID = append(clTRID[:i:i], "..."...)
	}
	if len(clTRID) > maxShown {
		return string(clTRID[:maxShown]) + "..."
	}
	return string(clTRID)
}

// renew puts a new muxTRID into x if the registry may have seen the one it has: a registry may
// refuse a clTRID that it knows. Only the part that is ours changes, so its length stays.
func (a *Account) renew(x *Exchange) {
	if !x.exposed || x.muxTRIDAt == 0 {
		return
	}
	id := x.MuxTRID()
	x.exposed = false
	content, known := a.trids.resolve(id)
	a.trids.append(id[:1], a.wall())
	if known == tridKnown && len(id) == tridHead+1 {
		a.trids.kept.Add(string(id[:tridHead]), content)
	}
}
