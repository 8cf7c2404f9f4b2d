package frame

// enterProtocol gives an element its role that is inside epp/extension, at any depth (RFC 5730
// section 2.7.1).
func (s *Scanner) enterProtocol(e, parent *element, local []byte) {
	e.role = roleProtocol
	parent.fault = ElementInClTRID // nobody asks unless parent is a clTRID
	if s.depth == 2 && s.msg.Verb == (Span{}) {
		s.msg.Verb = Span{e.local, e.end}
		s.msg.Object = s.binding[e.ns].uri
	}
	if string(local) != "clTRID" {
		return
	}
	// A clTRID in a trID or paTRID names another transaction.
	switch string(s.p[parent.local:parent.end]) {
	case "trID", "paTRID":
		return
	}
	e.role = roleProtocolClTRID
	e.fault = s.clTRIDAttributes()
}

// finishProtocol takes the clTRID that was found, by the rules for the clTRID of a command, save
// that an empty one counts as none.
func (s *Scanner) finishProtocol() {
	c, r := s.message.protocol, s.message.protocolFault
	if !c.Present() {
		return
	}
	if r == ReasonNone {
		c.Value, r = s.value(c.Content)
	}
	switch r {
	case ReasonNone:
		s.msg.ClTRID = c
	case EmptyClTRID:
	default:
		s.refuse(r, c.Element.Start)
	}
}
