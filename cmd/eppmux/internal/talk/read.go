package talk

import (
	"bytes"
	"strings"

	"eppmux/frame"
)

// read reads the answer to m. One that breaks rules of XML is read where it answers m beyond doubt, with
// its clTRID or none, see frame.Scanner.Glean; a greeting for an answer may be mended. odd says which
// rule that is.
func (d *Conversation) read(m *Message, payload []byte) (a *frame.Message, odd frame.Reason, err error) {
	a, err = d.scanner.Scan(payload)
	if err == nil {
		return a, frame.ReasonNone, nil
	}
	why := *err.(*frame.Fault) // the next Scan ends it
	if a, ok := d.scanner.Glean(payload); ok && m.answeredBy(a) && m.namedOrNot(a) {
		return a, why.Reason, nil
	}
	if a, _, err := d.scanner.ScanGreeting(payload); err == nil && m.answeredBy(a) {
		return a, why.Reason, nil
	}
	return nil, frame.ReasonNone, &why
}

// greeting reads the greeting that Open has kept.
func (d *Conversation) greeting() (*frame.Message, error) {
	m, _, err := d.scanner.ScanGreeting(d.first)
	return m, err
}

// idHead is how all clTRIDs begin that NewClTRID makes.
const idHead = "eppmux-"

// answeredBy reports whether a may be the answer to m. RFC 5730 section 2.5: the server returns the
// clTRID. Some servers leave it out, cut it or make one up, and no other answer is owed. But one that
// may be that of an earlier message is not m's.
func (m *Message) answeredBy(a *frame.Message) bool {
	switch m.Kind {
	case frame.KindNone, frame.KindHello: // a hello may be refused, too
		return a.Kind == frame.KindResponse || a.Kind == frame.KindGreeting
	}
	return a.Kind == frame.KindResponse && (m.namedOrNot(a) || !maybeOurs(a.ClTRID.Value))
}

// namedOrNot reports whether a has the clTRID of m, where both have one.
func (m *Message) namedOrNot(a *frame.Message) bool {
	return m.clTRID == "" || !a.ClTRID.Present() || m.named(a)
}

// named reports whether a has the clTRID of m, in whatever case, or so much of it that no other of ours
// begins so.
func (m *Message) named(a *frame.Message) bool {
	id := string(a.ClTRID.Value)
	unique := min(len(m.clTRID), strings.LastIndexByte(m.clTRID, '-')+1+8)
	return len(id) >= unique && len(id) <= len(m.clTRID) && strings.EqualFold(id, m.clTRID[:len(id)])
}

// maybeOurs reports whether id may come from a clTRID that NewClTRID has made, whole, cut or in another
// case.
func maybeOurs(id []byte) bool {
	n := min(len(id), len(idHead))
	return bytes.EqualFold(id[:n], []byte(idHead[:n]))
}
