package pool

import (
	"time"

	"eppmux/frame"
)

// Exchange is what a Pool knows of one command and its one response (RFC 5734 section 3). The
// octets are the shell's: its own exchange embeds this one, and Shell leads back to it.
type Exchange struct {
	// Set by the shell before Submit; not changed until DoFinish or Cancel.
	Command frame.Command
	Op      frame.Op
	Query   bool          // only reads: may be repeated once on another session
	Weight  uint8         // of its client, 1 at the least: its share when commands wait
	Since   time.Duration // when its client was served last, or came
	Budget  *Budget       // client-scope limits of its client's identity; nil: none
	Author  Author
	Flow    *Flow         // of a client that may have several exchanges at a time; nil: it has one
	Asked   time.Duration // when its client asked for it, where that is before Submit; 0: at Submit
	Shell   any           // the shell's; the Pool does not look at it, and Reset keeps it

	// Owned by the Pool.
	state    exchangeState
	kind     kind
	standing standing
	orphan   bool          // the client has gone: the answer is read, recorded and dropped
	rejected bool          // the registry answered that it had not executed the command
	tries    uint8         // times it was handed to a session
	seq      uint64        // rises with each Submit
	charges  charges       // client-scope and shadow slots
	session  *Session      // that it was handed to; nil: it waits or has ended
	sentOn   uint64        // ID of the session that it was handed to last
	queuedAt time.Duration // when it was asked for
	sentAt   time.Duration // when it was handed to a session last; 0: it was not
	deadline time.Duration // while it waits
	lostAt   time.Duration // when a session answered that it is not logged in; 0: none did
	row      *row          // in which it waits; nil: in list
	place    Place         // in row
	gate     *gate         // at which it waits; nil: at none
	// An exchange can be in two lists at once.
	list          *list // in a row's stead: queue.again, a Budget's or a gate's; nil: in none
	rowLinks      links // in list
	waitList      *list // of the queue, by deadline; nil: it does not wait
	deadlineLinks links // in waitList
}

// Reset makes a finished exchange ready for another Submit. It keeps Shell and the memory of the
// charges.
func (x *Exchange) Reset() { *x = Exchange{Shell: x.Shell, charges: x.charges} }

// SentAt returns when the exchange was handed to a session last; 0 if it was not.
func (x *Exchange) SentAt() time.Duration { return x.sentAt }

// SentOn returns the ID of the session that the exchange was handed to last; 0 if it was not.
func (x *Exchange) SentOn() uint64 { return x.sentOn }

// Sent reports whether the exchange has been handed to a session and is written there.
func (x *Exchange) Sent() bool {
	return x.state == exchangeInFlight && !x.session.recording || x.state == exchangeDoubted
}

// Recording reports whether the exchange has a session and waits there for its record; nothing of
// it is sent yet.
func (x *Exchange) Recording() bool { return x.state == exchangeInFlight && x.session.recording }

// HeldBack reports whether the exchange waits since sessions ended behind commands like it: at a
// gate, or behind all others for a session.
func (x *Exchange) HeldBack() bool {
	return x.state == exchangeGated || x.state == exchangeQueued && x.standing == standingSuspect
}

// Waits reports whether the exchange waits to be handed to a session, for the first time or again.
func (x *Exchange) Waits() bool {
	return x.state == exchangeQueued || x.state == exchangeHeld || x.state == exchangeGated
}

// Suspect reports whether the exchange has passed a gate, see Blame: it may end its session.
func (x *Exchange) Suspect() bool { return x.standing == standingSuspect }

// Waited returns the time since the exchange was asked for.
func (x *Exchange) Waited(now time.Duration) time.Duration { return now - x.queuedAt }

// Wait returns the time from when the exchange was asked for until it was handed to a session; 0 if it was
// not.
func (x *Exchange) Wait() time.Duration {
	if x.sentAt == 0 {
		return 0
	}
	return x.sentAt - x.queuedAt
}

// EndNow returns how the exchange would end at this moment without an answer: EndNotSent or
// EndUnknown.
func (x *Exchange) EndNow() End {
	if x.tries == 0 || x.tries == 1 && x.Recording() {
		return EndNotSent
	}
	return EndUnknown
}

// Rejected reports whether the registry has answered that it did not execute the command.
func (x *Exchange) Rejected() bool { return x.rejected }

// LoginLost reports whether a session has refused the exchange as not logged in.
func (x *Exchange) LoginLost() bool { return x.lostAt > 0 }

// Orphan reports whether the client has gone while the exchange was in flight.
func (x *Exchange) Orphan() bool { return x.orphan }

type exchangeState uint8

const (
	exchangeFree     exchangeState = iota
	exchangeHeld                   // a client-scope limit holds it
	exchangeGated                  // waits at a gate
	exchangeQueued                 // waits in a row
	exchangeInFlight               // handed to a session
	exchangeDoubted                // answered; its session is asked whether it is logged in
)

// links are the neighbours of an exchange in one list.
type links struct{ prev, next *Exchange }

// rowLinks and deadlineLinks are the values of list.links.
func rowLinks(x *Exchange) *links      { return &x.rowLinks }
func deadlineLinks(x *Exchange) *links { return &x.deadlineLinks }

// list is a linked list of exchanges, through links that the exchanges hold themselves: it does not
// allocate.
type list struct {
	head, tail *Exchange
	n          int
	links      func(*Exchange) *links // returns the links that this list uses
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

// insert puts x behind the last exchange y for which before(y) holds. It looks from the tail, where
// nearly every new one belongs.
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
