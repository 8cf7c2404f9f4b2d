package upstream

import (
	"bytes"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Oddity is what an answer has that none should have, though it answers the command in flight.
type Oddity uint8

// The oddities: six of XML, then six of the clTRID.
const (
	OddNone        Oddity = iota
	OddCharacter          // an octet that is not UTF-8, or a character that XML does not have
	OddReference          // an entity that nobody declares, or a bare "&"
	OddDeclaration        // the XML declaration, its encoding, or a DOCTYPE
	OddNamespace          // a prefix that is not declared
	OddOutside            // something before or behind the root element
	OddMarkup             // tags, attributes and whatever else
	OddIDEmpty            // nothing
	OddIDCut              // the beginning of the command's
	OddIDCase             // the command's, with letters of another case
	OddIDChanged          // begins as the command's
	OddIDOwn              // the client's own
	OddIDForeign          // of nobody
	numOddities
)

var oddityNames = [numOddities]string{"none", "character", "reference", "declaration", "namespace", "outside", "markup",
	"cltrid_empty", "cltrid_cut", "cltrid_case", "cltrid_changed", "cltrid_own", "cltrid_foreign"}

func (o Oddity) String() string { return oddityNames[o] }

// oddityOf sorts the faults of XML.
func oddityOf(r frame.Reason) Oddity {
	switch r {
	case frame.BadUTF8, frame.BadCharacter:
		return OddCharacter
	case frame.BadReference:
		return OddReference
	case frame.BadDeclaration, frame.LateDeclaration, frame.BadEncoding, frame.DocType,
		frame.OctetBeyondASCII, frame.BadOctet, frame.WrongEncoding:
		return OddDeclaration
	case frame.UnboundPrefix, frame.BadNamespace:
		return OddNamespace
	case frame.TextOutsideRoot:
		return OddOutside
	}
	return OddMarkup
}

// readAnswer reads the answer to the command whose muxTRID is id, nil for one that had no place for
// it. An answer that breaks rules of XML is read where its code and its clTRID are beyond doubt: the
// command was carried out, or refused, whatever stands in the words. Then its clTRID must be id, or
// be left out. An error is a *frame.Fault that is valid until s is used again.
func readAnswer(s *frame.Scanner, payload, id []byte) (*frame.Message, Oddity, error) {
	m, err := s.Scan(payload)
	if err == nil {
		return m, OddNone, nil
	}
	why := *err.(*frame.Fault) // Glean ends it
	m, ok := s.Glean(payload)
	if !ok || m.ClTRID.Present() && id != nil && !bytes.Equal(m.ClTRID.Value, id) {
		return nil, OddNone, &why
	}
	return m, oddityOf(why.Reason), nil
}

// readGreeting reads a greeting. One that breaks rules of XML is mended, see frame.Scanner.ScanGreeting:
// without a greeting nobody is served, and what is in it is for us to say to clients. An error is as that
// of readAnswer.
func readGreeting(s *frame.Scanner, payload []byte) (*frame.Message, Oddity, error) {
	m, mended, err := s.ScanGreeting(payload)
	if mended == frame.ReasonNone {
		return m, OddNone, err
	}
	return m, oddityOf(mended), nil
}

// read reads the message that should answer the command in flight, and that came together with end.
// Only an answer with nothing behind it may be odd.
func (s *session) read(payload []byte, end pool.Cause) (*frame.Message, Oddity, error) {
	switch {
	case end != pool.CauseNone && end != pool.CauseRegistryClosed:
		m, err := s.a.scanner.Scan(payload)
		return m, OddNone, err
	case s.s.InFlight() == pool.HelloInFlight:
		return readGreeting(&s.a.scanner, payload)
	}
	return readAnswer(&s.a.scanner, payload, s.sentID())
}

// sentID returns the muxTRID of the command in flight; nil where it had no place for one.
func (s *session) sentID() []byte {
	if x := of(s.s.Exchange()); x != nil {
		return x.MuxTRID()
	}
	return s.muxTRID
}

// tridNear is the number of characters at the front that all muxTRIDs of more than a year share.
const tridNear = 3

// answersID says what is odd about the clTRID of an answer to the command whose muxTRID is id, nil for
// one without, and whose client's clTRID is own. It is false for what may be the muxTRID of another
// command, whole, cut or in another case. Everything else belongs to the one command that is in
// flight: a registry that has made it up, or has changed it, has not got it from anywhere else.
func answersID(value, id, own []byte) (Oddity, bool) {
	if bytes.Equal(value, id) {
		return OddNone, true
	}
	begins := len(value) >= tridHead && len(id) >= tridHead && bytes.EqualFold(value[:tridHead], id[:tridHead])
	switch {
	case len(own) > 0 && bytes.Equal(value, own):
		return OddIDOwn, true
	case bytes.EqualFold(value, id):
		return OddIDCase, true
	case len(value) < len(id) && bytes.EqualFold(value, id[:len(value)]):
		return OddIDCut, true
	case begins:
		return OddIDChanged, true
	}
	return OddIDForeign, !maybeMuxTRID(value, id)
}

// maybeMuxTRID reports whether value may come from a muxTRID, whole, cut or in another case. One that
// has lost its end counts where it is near id in time, as all of one session's are.
func maybeMuxTRID(value, id []byte) bool {
	head := value[:min(len(value), tridHead)]
	for i, c := range bytes.ToUpper(head) {
		if i == 0 && c != 'M' || i > 0 && bytes.IndexByte([]byte(crockford), c) < 0 {
			return false
		}
	}
	if len(value) == tridHead || len(value) > tridHead && value[tridHead] == '-' {
		return true
	}
	return len(id) >= tridNear && len(value) >= tridNear && bytes.EqualFold(value[:tridNear], id[:tridNear])
}

// fill adds an edit that puts the clTRID of x's client into the empty one of m; where the client sent
// none, the element is left out. It returns by how many octets the payload grows.
func (a *Account) fill(m *frame.Message, x *Exchange) int {
	e := m.EmptyID.Remove()
	if x.clTRIDLen > 0 {
		e = m.Fill(x.OwnClTRID())
	}
	a.edits = append(a.edits, e)
	return len(e.With) - e.Span.Len()
}

// countOdd counts an odd answer. The log names a kind once a session, so the budget of logins bounds
// its lines; nothing of the answer is in them.
func (s *session) countOdd(o Oddity) {
	if o == OddNone {
		return
	}
	s.a.counts.Odd[o]++
	s.warnOdd(1<<o, o, "registry sends odd answers; the client gets them as they are")
}

// countOddGreeting counts a greeting that was mended. The log says so once a session.
func (s *session) countOddGreeting(o Oddity) {
	if o == OddNone {
		return
	}
	s.a.counts.Odd[o]++
	s.warnOdd(1<<numOddities, o, "registry's greeting is no good XML; clients get it without what is wrong")
}

// warnOdd logs what of the oddity o, unless the session has the bit of s.odd.
func (s *session) warnOdd(bit uint16, o Oddity, what string) {
	if s.odd&bit == 0 {
		s.odd |= bit
		s.a.log.Warn(what, "session", s.s.ID, "reason", o.String())
	}
}
