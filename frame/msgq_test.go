package frame

import (
	"testing"
	"time"
)

func TestParseMessageQueue(t *testing.T) {
	date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, c := range []struct {
		name, inner string
		want        MessageQueue
		ok          bool
	}{
		{"answer to a request", `<msgQ count="5" id="12345"><qDate>2026-03-04T05:06:07.0Z</qDate><msg>Transfer requested.</msg></msgQ>`,
			MessageQueue{5, "12345", date}, true},
		{"answer to an acknowledgement", `<msgQ count="4" id="12345"/>`, MessageQueue{4, "12345", time.Time{}}, true},
		{"white space, references and order", "<msgQ\n id=' &#49;2 ' count=' 3 ' >\n<msg lang=\"en\">x</msg><qDate>\n2026-03-04T07:06:07+02:00 </qDate></msgQ>",
			MessageQueue{3, "12", date}, true},
		{"date without a zone", `<msgQ count="1" id="1"><qDate>2026-03-04T05:06:07</qDate></msgQ>`, MessageQueue{1, "1", date}, true},
		{"date that is none", `<msgQ count="1" id="1"><qDate>yesterday</qDate></msgQ>`, MessageQueue{1, "1", time.Time{}}, true},
		{"none", ``, MessageQueue{}, false},
		{"no number", `<msgQ count="many" id="1"/>`, MessageQueue{ID: "1"}, false},
		{"no count", `<msgQ id="1"/>`, MessageQueue{ID: "1"}, false},
		{"in the data", `<resData><x:msgQ xmlns:x="urn:x" count="9" id="9"/></resData>`, MessageQueue{}, false},
	} {
		payload := []byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1301"><msg>m</msg></result>` + c.inner +
			`<trID><svTRID>s</svTRID></trID></response></epp>`)
		m, err := new(Scanner).Scan(payload)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, ok := ParseMessageQueue(m.Payload)
		if ok != c.ok || got.Count != c.want.Count || got.ID != c.want.ID || !got.Date.Equal(c.want.Date) {
			t.Errorf("%s: got %+v, %v, want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// TestGleanMessageID: of an answer that is no good XML, an id is found where it is beyond doubt.
func TestGleanMessageID(t *testing.T) {
	const text = `<qDate>2000-01-01T00:00:00Z</qDate><msg>R&D</msg></msgQ>`
	for queue, want := range map[string]string{
		`<msgQ count="1" id="7">` + text:                        "7",
		`<msgQ id=' a-1 ' count='x'/>&`:                         "a-1",
		`<msgQ count="1" id="7">` + text + `<resData>a<b`:       "",
		`<msgQ count="1">` + text:                               "",
		`<msgQ count="1" id="">` + text:                         "",
		`<msgQ count="1" id="a&amp;b">` + text:                  "",
		`<msgQ count="1" id="a&b"/>`:                            "",
		`<msgQ count="1" id="a b"/>&`:                           "",
		"<msgQ count='1' id='a\xE9'/>":                          "",
		`<msgQ count="1" id="7" id="8"/>`:                       "",
		`<msgQ count="1" id="7" x:id="8"/>`:                     "",
		`<msgQ count="1" id="7"/><msgQ count="1" id="7"/>&`:     "",
		`<x:msgQ count="1" id="7"/>`:                            "",
		`<msgQ xmlns="urn:x" count="1" id="7"/>&`:               "",
		`<resData><msgQ count="1" id="7"/>&</resData>`:          "",
		`<!-- <msgQ count="1" id="7"/> --><resData>&</resData>`: "",
		`<resData a='<msgQ count="1" id="7"/>'>&</resData>`:     "",
		`&`: "",
	} {
		payload := answered(good + queue)
		if _, err := NewScanner().Scan([]byte(payload)); err == nil {
			payload = "&" + payload
		}
		got := ""
		if m, ok := NewScanner().Glean([]byte(payload)); ok {
			got = GleanMessageID(m)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", queue, got, want)
		}
	}
}
