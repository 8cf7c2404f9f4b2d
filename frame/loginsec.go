package frame

import (
	"bytes"
	"encoding/xml"
	"time"
)

// LoginEvent is what a registry says about the security of a login in its answer, RFC 8807 section
// 2.1: a password or a certificate that ends, or something that it will not accept any more. All
// strings are the registry's, of any length, and may repeat a password: see Login.Hide.
type LoginEvent struct {
	Type    string    // password, certificate, cipher, tlsProtocol, newPW, stat or custom
	Name    string    // of a stat or custom event
	Level   string    // warning or error
	Expires time.Time // zero: not said
	Value   string
	Text    string
}

const maxLoginEvents = 8 // read of one answer

// ParseLoginEvents reads the events of a login's answer; none where it has no such extension.
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
	if xml.Unmarshal(payload, &d) != nil {
		return nil
	}
	var events []LoginEvent
	for i := range d.Events[:min(len(d.Events), maxLoginEvents)] {
		e := &d.Events[i]
		events = append(events, LoginEvent{Type: token(e.Type), Name: token(e.Name), Level: token(e.Level), Expires: dateTime(token(e.Expires)),
			Value: token(e.Value), Text: token(e.Text)})
	}
	return events
}

// dateTime reads an xs:dateTime; one without a zone is taken as UTC, as RFC 5730 section 2.4 wants
// times, and what is none as zero.
func dateTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
