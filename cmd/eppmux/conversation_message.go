package main

import "eppmux/frame"

// message is one to be sent, with what the scanner says of it. Immutable.
type message struct {
	payload []byte
	kind    frame.Kind    // KindNone: the scanner refuses it; it is sent all the same
	command frame.Command // what limits know it by
	op      frame.Op
	query   bool   // a second one gives the same; a hello, too
	clTRID  string // empty: none, or not known
}

func newMessage(payload []byte) *message {
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil {
		return &message{payload: payload, command: frame.CommandOther}
	}
	return &message{payload: payload, kind: m.Kind, command: m.Command, op: m.Op,
		query: m.Query() || m.Kind == frame.KindHello, clTRID: string(m.ClTRID.Value)}
}

// named is m with another clTRID; m itself if it is no command.
func (m *message) named(id string) *message {
	parsed, err := new(frame.Scanner).Scan(m.payload)
	if err != nil || parsed.Kind != frame.KindCommand {
		return m
	}
	n := *m
	unit, _ := frame.AppendCommand(nil, parsed, []byte(id))
	n.payload, n.clTRID = unit[frame.HeaderLen:], id
	return &n
}

// answeredBy says whether a may be the answer to m: RFC 5730 section 2.5 has the server return the
// clTRID, which some leave out.
func (m *message) answeredBy(a *frame.Message) bool {
	switch m.kind {
	case frame.KindNone, frame.KindHello: // a hello may be refused, too
		return a.Kind == frame.KindResponse || a.Kind == frame.KindGreeting
	}
	return a.Kind == frame.KindResponse && (m.clTRID == "" || !a.ClTRID.Present() || string(a.ClTRID.Value) == m.clTRID)
}
