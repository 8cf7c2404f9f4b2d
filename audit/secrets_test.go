package audit

import (
	"strings"
	"testing"
)

// TestWithoutSecrets: neither a secret of the payload nor one of the command before it is left.
func TestWithoutSecrets(t *testing.T) {
	const (
		command = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0">` +
			`<d:name>kiosk.example</d:name><d:authInfo><d:pw>sesame-17</d:pw></d:authInfo></d:create></create></command></epp>`
		answer = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="2005"><msg>sesame-17 is no good</msg></result>` +
			`<trID><svTRID>S-1</svTRID></trID></response></epp>`
	)
	got, ok := WithoutSecrets([]byte(command))
	if !ok || strings.Contains(string(got), "sesame") || !strings.Contains(string(got), "kiosk.example") {
		t.Errorf("got %s, %v", got, ok)
	}
	got, ok = WithoutSecrets([]byte(answer), []byte(command))
	if !ok || string(got) != strings.ReplaceAll(answer, "sesame-17", "***") {
		t.Errorf("got %s, %v", got, ok)
	}
	if got, ok = WithoutSecrets([]byte(answer)); !ok || string(got) != answer {
		t.Errorf("got %s, %v", got, ok)
	}
	for _, broken := range []string{"", "sesame-17", command[:len(command)-1]} {
		if got, ok := WithoutSecrets([]byte(broken)); ok || got != nil {
			t.Errorf("%q: got %q", broken, got)
		}
	}
}
