package proxy

import (
	"strings"
	"testing"
)

// TestExtendedQueries: a query whose session ends is asked once more, unless an extension of it might
// change something. Then its client is told as of a transform.
func TestExtendedQueries(t *testing.T) {
	const (
		info  = `<info><domain:info xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:info></info>`
		query = `<transfer op="query"><domain:transfer xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:transfer></transfer>`

		asks    = `<launch:info xmlns:launch="urn:ietf:params:xml:ns:launch-1.0"><launch:phase>sunrise</launch:phase></launch:info>`
		changes = `<a:info xmlns:a="urn:example:ns:new-auth-info-1.0"><a:request/></a:info>`
	)
	for _, tt := range []struct {
		name, inner string
		mode        byte
		reached     int // how often the registry sees it
		code        int // 0: the connection ends
	}{
		{"no extension", info, 0, 2, 1000},
		{"one that asks", info + "<extension>" + asks + "</extension>", 0, 2, 1000},
		{"one that might change", info + "<extension>" + changes + "</extension>", 0, 1, 0},
		{"both", info + "<extension>" + asks + changes + "</extension>", 0, 1, 0},
		{"both, told by a code", info + "<extension>" + asks + changes + "</extension>", modeFail, 1, 2400},
		{"one that asks of another command", query + "<extension>" + asks + "</extension>", 0, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			octets := unit(command(tt.inner, "Q-1"))
			acts := []byte{actClose, actAnswer}
			h := talk(t, tt.mode, octets, nil, acts)
			if len(h.passed) != tt.reached || h.open != (tt.code != 0) || tt.code == 0 && h.reason != closedUnknownOutcome {
				t.Errorf("got %q at the registry, open %v, %v", h.passed, h.open, h.reason)
			}
			if last := h.answers[len(h.answers)-1]; tt.code == 0 && len(h.answers) != 1 ||
				tt.code == 2400 && !strings.Contains(last, "outcome unknown") {
				t.Errorf("got %q", h.answers)
			}
			m := model{t: t, talked: h, mode: tt.mode, acts: acts}
			m.hold(octets)
		})
	}
}
