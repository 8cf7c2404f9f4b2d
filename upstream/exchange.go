package upstream

import (
	"time"

	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
)

// Client is the one who submits exchanges. Finish is called once for each, on the loop, and must
// not block; the exchange may not be touched after it returns. Finish may submit the client's next
// exchange. It is not called for an exchange that was cancelled.
type Client interface {
	Finish(x *Exchange, o Outcome)
}

// Outcome is what the client of an exchange is told.
type Outcome struct {
	End   End
	Cause Cause // CauseNone for EndAnswered
	Code  int   // the registry's result code; EndAnswered only
	// Unit is the registry's answer as a whole data unit, with the client's own clTRID in it, or
	// none if it sent none. EndAnswered only; borrowed until Finish returns.
	Unit []byte
	// SvTRID is the content of the registry's own id in it, as written; borrowed as Unit.
	SvTRID []byte
}

// Exchange is one command and its one response (RFC 5734 section 3). It belongs to the loop of its
// Account; between Submit and Finish nobody else may change it.
type Exchange struct {
	Command frame.Command
	Op      frame.Op
	Query   bool // only reads: may be repeated once on another session

	client Client
	budget *Budget // client-scope limits; nil where there are none

	// The octets: buf holds the data unit (unit octets), then the client's own clTRID content (own
	// octets).
	buf    *bytebufferpool.ByteBuffer
	unit   int
	own    int  // 0 where the client sent no clTRID, which is never empty
	tridAt int  // offset of the muxTRID in the unit; 0: the payload has no place for one
	trid   int  // its length in octets
	sent   bool // its muxTRID has been seen by the registry, or may have been
	waited bool // its wait has been counted
	orphan bool // the client has gone: the answer is read, recorded and dropped

	// For the audit log.
	announced      bool
	listener, from string // whose it is; empty: not looked at

	// Owned by the Pool.
	state    exchangeState
	kind     kind
	weight   uint8         // of its client, 1 at the least
	seq      uint64        // rises with each
	since    time.Duration // when its client was served last, or came
	tries    uint8         // times it was handed to a session
	charges  charges
	session  *Session
	carrier  uint64 // id of the session that it was handed to last
	queuedAt time.Duration
	sentAt   time.Duration
	deadline time.Duration // while it waits
	lostAt   time.Duration // when a session answered that it is not logged in; 0: none did
	rejected bool          // the registry said that it had not executed it
	lane     *poolLane     // in which it waits; nil: in list
	index    int           // in lane
	// the one that inList hangs in: of those to be sent again, or held back by a Budget
	list     *list
	inList   links
	waitList *list // the one that inWait hangs in: all that wait, by deadline
	inWait   links
}

// SentAt is when the exchange was handed to a session last, by Account.Now; 0 if it was not.
func (x *Exchange) SentAt() time.Duration { return x.sentAt }

// InFlight says whether the exchange has been handed to a session and written there.
func (x *Exchange) InFlight() bool { return x.state == exchangeInFlight && !x.session.announcing }

// Announcing says whether a session has the exchange and waits until it is announced; nothing of it
// is sent yet.
func (x *Exchange) Announcing() bool { return x.state == exchangeInFlight && x.session.announcing }

// Waited is the time since it was submitted, now by Account.Now.
func (x *Exchange) Waited(now time.Duration) time.Duration { return now - x.queuedAt }

// Rejected says whether the registry has said of the exchange that it did not execute it.
func (x *Exchange) Rejected() bool { return x.rejected }

// Octets is how many octets the exchange holds.
func (x *Exchange) Octets() int { return len(x.buf.B) }

// MuxTRID is the transaction id that the registry sees; empty where the payload has no place for
// one. Borrowed until Finish returns.
func (x *Exchange) MuxTRID() []byte {
	if x.tridAt == 0 {
		return nil
	}
	return x.buf.B[x.tridAt : x.tridAt+x.trid]
}

// OwnClTRID is the content of the client's clTRID element, octet for octet; nil where it sent none.
// Borrowed until Finish returns.
func (x *Exchange) OwnClTRID() []byte {
	if x.own == 0 {
		return nil
	}
	return x.buf.B[x.unit : x.unit+x.own]
}

type exchangeState uint8

const (
	exchangeFree     exchangeState = iota
	exchangeHeld                   // waits for a client-scope limit
	exchangeQueued                 // waits in a lane
	exchangeInFlight               // handed to a session
)

// links are the neighbours of an exchange in one list.
type links struct{ prev, next *Exchange }

// other picks the links by which an exchange hangs in a list beside the lanes, wait those by which
// it hangs in a wait list.
func other(x *Exchange) *links { return &x.inList }
func wait(x *Exchange) *links  { return &x.inWait }

// list holds exchanges, first in first out, without allocating. Its links say which pair of an
// exchange's it uses, so that an exchange can be in one list of either kind at a time.
type list struct {
	head, tail *Exchange
	n          int
	links      func(*Exchange) *links
}

func (l *list) pushBack(x *Exchange) {
	k := l.links(x)
	k.prev, k.next = l.tail, nil
	if l.tail != nil {
		l.links(l.tail).next = x
	} else {
		l.head = x
	}
	l.tail = x
	l.n++
}

// insert puts x behind the last that may stand before it. It looks from the end: what comes usually
// belongs there.
func (l *list) insert(x *Exchange, before func(*Exchange) bool) {
	y := l.tail
	for y != nil && !before(y) {
		y = l.links(y).prev
	}
	if y == l.tail {
		l.pushBack(x)
		return
	}
	if y == nil {
		l.pushFront(x)
		return
	}
	k := l.links(x)
	k.prev, k.next = y, l.links(y).next
	l.links(y).next = x
	l.links(k.next).prev = x
	l.n++
}

func (l *list) pushFront(x *Exchange) {
	k := l.links(x)
	k.prev, k.next = nil, l.head
	if l.head != nil {
		l.links(l.head).prev = x
	} else {
		l.tail = x
	}
	l.head = x
	l.n++
}

func (l *list) remove(x *Exchange) {
	k := l.links(x)
	if k.prev != nil {
		l.links(k.prev).next = k.next
	} else {
		l.head = k.next
	}
	if k.next != nil {
		l.links(k.next).prev = k.prev
	} else {
		l.tail = k.prev
	}
	*k = links{}
	l.n--
}
