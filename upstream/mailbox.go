package upstream

import (
	"bytes"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// mailbox is what answers have said of the registry's message queue for the account (RFC 5730 section
// 2.9.2.3), whoever asked. Owned by the loop.
type mailbox struct {
	known bool // an answer has said how long the queue is
	count uint64
	head  string        // id of the message at the head; empty: not known
	since time.Time     // when that came into the queue; zero: not known
	look  time.Duration // when an answer to another command than a poll is looked at again
}

// mailboxLook is the time between two looks at answers to other commands than polls. Some registries say
// on each answer how long the queue is.
const mailboxLook = time.Second

// msgQ is how the element begins, or it has a prefix.
var msgQ = []byte("msgQ")

// hear takes what m, the answer to the command in flight, says of the queue. x is the exchange of a
// client's command; nil for one of our own.
func (b *mailbox) hear(m *frame.Message, x *Exchange, in pool.InFlight, now time.Duration) {
	poll, ack := in == pool.PollInFlight, false
	if x != nil {
		poll, ack = x.Command == frame.CommandPoll, x.Command == frame.CommandPoll && x.Op == frame.OpAck
	}
	switch {
	case m.Code == 1300 && poll:
		b.set(frame.MessageQueue{})
		return
	case !poll && now < b.look, !bytes.Contains(m.Payload, msgQ):
		return
	}
	b.look = now + mailboxLook
	q, ok := frame.ParseMessageQueue(m.Payload)
	if !ok {
		return
	}
	if ack { // which message is the next one, it does not say
		q.ID, q.Date = "", time.Time{}
	}
	b.set(q)
}

// set takes over q. When the head came is still known where q only names it.
func (b *mailbox) set(q frame.MessageQueue) {
	if q.Date.IsZero() && q.ID == b.head && q.ID != "" {
		q.Date = b.since
	}
	b.known, b.count, b.head, b.since = true, q.Count, q.ID, q.Date
}

// MessageQueue is how many messages wait at the registry, as an answer said last.
type MessageQueue struct {
	Known bool // an answer has said so
	Count uint64
	// Age is how long the message at the head has been in the queue, by the registry's clock and ours,
	// above 0; 0 where that is not known.
	Age time.Duration
}

// snapshot returns b as it is at the instant wall.
func (b *mailbox) snapshot(wall time.Time) MessageQueue {
	q := MessageQueue{Known: b.known, Count: b.count}
	if !b.since.IsZero() {
		q.Age = max(1, wall.Sub(b.since))
	}
	return q
}
