package upstream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"eppmux/upstream/pool"
)

// goodbye is a response that answers nothing.
func goodbye(code int, clTRID string) string {
	return strings.Replace(response(code, clTRID), "<msg>m<", "<msg>too long idle<", 1)
}

// TestResponseInPlaceOfGreeting: many registries say there why they do not serve us. Log and verdict
// have code and words, and 2502 is the ceiling, as at the login.
func TestResponseInPlaceOfGreeting(t *testing.T) {
	for code, want := range map[int]pool.Cause{2502: pool.CauseTooManySessions, 2500: pool.CauseGreeting, 2400: pool.CauseGreeting,
		2200: pool.CauseGreeting, 2501: pool.CauseGreeting, 1000: pool.CauseGreeting} {
		inPlay(t, nil, func(p *play) {
			r := p.accept()
			r.send(goodbye(code, ""))
			r.wantEnd()
			synctest.Wait()
			var cause pool.Cause
			p.on(func() { cause = p.account.cause })
			words := fmt.Sprintf(`greeting: got a response in its place: result code %d: "too long idle"`, code)
			if log := strings.ReplaceAll(p.logged(), `\"`, `"`); cause != want || strings.Count(log, words) != 2 {
				t.Errorf("%d: %v, want %v, and %s in log and status: %s", code, cause, want, words, log)
			}
			p.session() // it is tried again, be it after the pause of the ceiling
		})
	}
}
