package talk

import "eppmux/frame"

// Message is a message to be sent, with what the scanner says of it. Immutable.
type Message struct {
	payload []byte
	Kind    frame.Kind    // KindNone: the scanner refuses it; it is sent all the same
	command frame.Command // by which limits count it
	op      frame.Op
	Query   bool   // sending it twice does no harm, see frame.Message.Query; a hello too
	clTRID  string // empty: it has none, or the scanner refuses the message
}

// NewMessage makes a message of its payload.
func NewMessage(payload []byte) *Message {
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil {
		return &Message{payload: payload, command: frame.CommandOther}
	}
	return &Message{payload: payload, Kind: m.Kind, command: m.Command, op: m.Op,
		Query: m.Query(nil) || m.Kind == frame.KindHello, clTRID: string(m.ClTRID.Value)}
}

// Named returns m with another clTRID, and m itself if it is not a command.
func (m *Message) Named(id string) *Message {
	parsed, err := new(frame.Scanner).Scan(m.payload)
	if err != nil || parsed.Kind != frame.KindCommand {
		return m
	}
	n := *m
	unit, _ := frame.AppendCommand(nil, parsed, []byte(id))
	n.payload, n.clTRID = unit[frame.HeaderLen:], id
	return &n
}

// In returns m, which is a message of our own, in the namespace of root.
func (m *Message) In(root frame.Root) *Message {
	n := *m
	n.payload = root.Rewrite(m.payload)
	return &n
}
