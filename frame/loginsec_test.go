package frame

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// loginAnswer is an answer to a login with the given extension.
func loginAnswer(extension string) []byte {
	return []byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>Ready</msg></result>` + extension +
		`<trID><svTRID>S-1</svTRID></trID></response></epp>`)
}

func TestParseLoginEvents(t *testing.T) {
	spring := time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, tt := range []struct {
		name, extension string
		want            []LoginEvent
	}{
		{"none", "", nil},
		{"other extension", `<extension><x:loginSecData xmlns:x="urn:x"/></extension>`, nil},
		{"password and certificate", `<extension><loginSec:loginSecData xmlns:loginSec="urn:ietf:params:xml:ns:epp:loginSec-1.0">` +
			`<loginSec:event type="password" level="warning" exDate="2027-03-04T05:06:07Z" lang="en">Password ends soon</loginSec:event>` +
			`<loginSec:event level="error" exDate="2027-03-04T07:06:07+02:00" type="certificate">` + "\n  Certificate \n ends</loginSec:event>" +
			`</loginSec:loginSecData></extension>`,
			[]LoginEvent{{Type: "password", Level: "warning", Expires: spring, Text: "Password ends soon"},
				{Type: "certificate", Level: "error", Expires: spring, Text: "Certificate ends"}}},
		{"other prefix, single quotes, references", `<extension><s:loginSecData xmlns:s='urn:ietf:params:xml:ns:epp:loginSec-1.0'>` +
			`<s:event exDate='2027-03-04T05:06:07.0Z' value='TLS &lt;1.2' name='n' level='error' type='custom'/></s:loginSecData></extension>`,
			[]LoginEvent{{Type: "custom", Name: "n", Level: "error", Expires: spring, Value: "TLS <1.2"}}},
		{"default namespace, no zone", `<extension><loginSecData xmlns="urn:ietf:params:xml:ns:epp:loginSec-1.0"><event type="password" level="warning" exDate="2027-03-04T05:06:07"/></loginSecData></extension>`,
			[]LoginEvent{{Type: "password", Level: "warning", Expires: spring}}},
		{"no date", `<extension><a:loginSecData xmlns:a="urn:a"><a:event type="password" level="error" exDate="soon"/></a:loginSecData></extension>`,
			[]LoginEvent{{Type: "password", Level: "error"}}},
	} {
		payload := loginAnswer(tt.extension)
		if _, err := new(Scanner).Scan(payload); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := ParseLoginEvents(payload); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestLoginEventsAreBounded: the registry does not decide how many are kept.
func TestLoginEventsAreBounded(t *testing.T) {
	one := `<a:event type="password" level="warning">soon</a:event>`
	got := ParseLoginEvents(loginAnswer(`<extension><a:loginSecData xmlns:a="urn:a">` + strings.Repeat(one, 100) + `</a:loginSecData></extension>`))
	if len(got) != maxLoginEvents {
		t.Errorf("got %d events, want %d", len(got), maxLoginEvents)
	}
	if got := ParseLoginEvents([]byte("<loginSecData")); got != nil {
		t.Errorf("got %+v of what is no XML", got)
	}
}
