package frame

import (
	"bytes"
	"time"
)

// LoginEvent is one event of the login security extension in the answer to a login, RFC 8807
// section 2.1: a password or a certificate is about to end, or the registry will soon refuse what
// was used. The strings are the registry's own. They may be of any length and may repeat a
// password: see Login.Hide.
type LoginEvent struct {
	Type    string    // password, certificate, cipher, tlsProtocol, newPW, stat or custom
	Name    string    // of a stat or custom event
	Level   string    // warning or error
	Expires time.Time // in UTC; zero: the event has no such date, or one that cannot be read
	Value   string    // the cipher, protocol or other value that the event is about
	Text    string    // for people
}

// maxLoginEvents is how many events of one answer are read.
const maxLoginEvents = 8

// ParseLoginEvents reads the events in the answer to a login, at most the first eight. It gives
// none if the answer has no such extension or is not well-formed. payload is a Message.Payload.
func ParseLoginEvents(payload []byte) []LoginEvent {
	if !bytes.Contains(payload, []byte("loginSecData")) {
		return nil
	}
	var d struct {
		Events []struct {
			Type    string `xml:"type,attr"`
			Name    string `xml:"name,attr"`
			Level   string `xml:"level,attr"`
			Expires string `xml:"exDate,attr"`
			Value   string `xml:"value,attr"`
			Text    string `xml:",chardata"`
		} `xml:"response>extension>loginSecData>event"`
	}
	if NewDecoder(payload).Decode(&d) != nil {
		return nil
	}
	var events []LoginEvent
	for i := range d.Events[:min(len(d.Events), maxLoginEvents)] {
		e := &d.Events[i]
		events = append(events, LoginEvent{
			Type:    token(e.Type),
			Name:    token(e.Name),
			Level:   token(e.Level),
			Expires: dateTime(token(e.Expires)),
			Value:   token(e.Value),
			Text:    token(e.Text),
		})
	}
	return events
}

// dateTime reads an xs:dateTime, or a date alone. One without a zone is taken as UTC, which RFC
// 5730 section 2.4 asks for. It is zero if s is neither.
func dateTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
