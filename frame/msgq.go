package frame

import (
	"bytes"
	"strconv"
	"time"
)

// MessageQueue is what a response says of the registry's message queue for the account, in its element
// msgQ (RFC 5730 section 2.6).
type MessageQueue struct {
	Count uint64 // messages in the queue
	// ID names the message at the head of the queue; in the answer to an acknowledgement the one that was
	// taken off (erratum 240).
	ID string
	// Date is when the message came into the queue; zero where the response does not say, as only those
	// to poll requests do.
	Date time.Time
}

// GleanMessageID reads the id in msgQ of a response that Glean has read. It is empty where there is none, or
// none that is beyond doubt: one msgQ with one id of printable ASCII, without references.
func GleanMessageID(m *Message) string {
	w := NewWalker(m.Payload[:m.MsgQ.End])
	if m.MsgQ.Len() == 0 || w.start(m.MsgQ.Start) == TokenNone {
		return ""
	}
	var id []byte
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if string(Local(name)) != "id" {
			continue
		}
		value = bytes.Trim(value, " \t\r\n")
		if len(name) != len("id") || id != nil || !isPlain(value) {
			return ""
		}
		id = value
	}
	return string(id)
}

// ParseMessageQueue reads msgQ of a response that Scan has accepted. ok is false where there is none, or
// its count is no number.
func ParseMessageQueue(payload []byte) (q MessageQueue, ok bool) {
	w := NewWalker(payload)
	if !w.Root() || w.Child("response") != TokenStart {
		return q, false
	}
	tag := w.Child("msgQ")
	if tag == TokenNone {
		return q, false
	}
	for name, value, more := w.Attribute(); more; name, value, more = w.Attribute() {
		text := string(collapseFrom(AppendAttribute(nil, value), 0))
		switch string(name) {
		case "count":
			n, err := strconv.ParseUint(text, 10, 64)
			q.Count, ok = n, err == nil
		case "id":
			q.ID = text
		}
	}
	if ok && tag == TokenStart && w.Child("qDate") == TokenStart {
		q.Date = dateTime(string(w.AppendContent(nil)))
	}
	return q, ok
}
