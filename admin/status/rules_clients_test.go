package status

import (
	"cmp"
	"strings"
	"testing"

	"eppmux/proxy"
	"eppmux/upstream/pool"
)

// TestBlameWords: there are words for every fault of a client.
func TestBlameWords(t *testing.T) {
	for _, reason := range proxy.BlameReasons() {
		if faults[reason] == "" {
			t.Errorf("got no words for %s", reason)
		}
	}
	if faults[proxy.FaultyFrame] == "" {
		t.Errorf("got no words for %s", proxy.FaultyFrame)
	}
	if len(faults) != len(proxy.BlameReasons()) {
		t.Errorf("got words for %d, want for %d", len(faults), len(proxy.BlameReasons()))
	}
}

// TestEndsSessionsWords: who, by what is known of it; how the session ended; and what of it may be our
// own config's doing.
func TestEndsSessionsWords(t *testing.T) {
	const like = `3 sessions in a row ended on commands like "create contact-1.0"`
	for _, tt := range []struct {
		name     string
		change   func(*Culprit)
		text, do string // the end of do
	}{
		{"on a unix socket", func(c *Culprit) { c.Client, c.Listener = "uid 1000", "unix:///s" }, like + ` of client uid 1000 on unix:///s, the last 5 s ago: `, ""},
		{"with a client id", func(c *Culprit) { c.Client, c.Identity = "uid 1000", "web at uid 1000" }, like + ` of client web at uid 1000 on tcp:`, ""},
		{"from another host", func(c *Culprit) { c.Client, c.Identity = "192.0.2.7:4711", "192.0.2.7" }, like + ` of client 192.0.2.7:4711 on tcp:`, ""},
		{"no identity", func(c *Culprit) { c.Identity = "" }, like + ` of client 127.0.0.1:4711 on tcp://10.0.0.1:700, the last`, ""},
		{"it has left", func(c *Culprit) { c.Client = "" }, like + ` of client uid 1000 on tcp://10.0.0.1:700, the last`, ""},
		{"nothing is known", func(c *Culprit) { c.Client, c.Identity, c.Listener = "", "", "" }, like + `, the last`, ""},
		{"it need not wait", func(c *Culprit) { c.WaitSeconds = 0 }, "; such commands are sent one at a time", ""},
		{"one that had no answer in time", func(c *Culprit) { c.Ends = 1 }, `1 session ended on commands like "create contact-1.0" of client`, ""},
		{"an answer", func(c *Culprit) { c.Reason = "code_closes" }, ": the registry ended it by an answer x5xx;", "; or compare rate_limits with what it allows"},
	} {
		c := culprit(3, "registry_closed")
		tt.change(&c)
		f := endsSessions(&Registry{Culprits: []Culprit{c}})
		if f == nil || !strings.Contains(f.Text, tt.text) || !strings.HasSuffix(f.Do, tt.do) {
			t.Errorf("%s: got %+v, want %s, %s", tt.name, f, tt.text, tt.do)
		}
	}
	// A registry may close at what it dislikes; it has to answer all the same, and with EPP.
	whose := map[pool.Cause]string{pool.CauseRegistryClosed: whoseClients, pool.CauseCodeCloses: whoseClients}
	for _, cause := range pool.BlameCauses {
		want := cmp.Or(whose[cause], whoseRegistry)
		f := endsSessions(&Registry{Culprits: []Culprit{culprit(2, cause.String())}})
		if howEnded[cause.String()] == "" || f.Whose != want || f.Do == "" {
			t.Errorf("%v: got %+v, want %s", cause, f, want)
		}
	}
	if len(howEnded) != len(pool.BlameCauses) {
		t.Errorf("got words for %d causes, want for %d", len(howEnded), len(pool.BlameCauses))
	}
	// The one with the most ends is named, of several the last.
	r := Registry{Culprits: []Culprit{culprit(2, "frame"), culprit(5, "frame"), culprit(5, "mismatch"), culprit(1, "frame")}}
	if f := endsSessions(&r); !strings.HasPrefix(f.Text, "5 sessions ") || !strings.Contains(f.Text, howEnded["frame"]) || !strings.HasSuffix(f.Text, "; 2 other clients do the same") {
		t.Errorf("got %+v", f)
	}
	r.Culprits = r.Culprits[:2]
	if f := endsSessions(&r); !strings.HasSuffix(f.Text, "; 1 other client does the same") {
		t.Errorf("got %+v", f)
	}
}
