package status

import (
	"strings"
	"testing"
)

// TestTable: it says the same as the page, and nothing in it moves a cursor, wherever it came from.
func TestTable(t *testing.T) {
	s := evilStatus()
	s.Registries[0].Findings[0].Text, s.Registries[0].Sessions.List[0].Client, s.Host = evil, evil, evil
	var b strings.Builder
	if err := WriteTable(&b, s); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.ContainsAny(got, "\x1b\x07\u202e\r") {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{"The registry needs a look", "look   a         <script>", "sessions        3 of 3 logged in", "7        busy", "create", "5 per 1m", "50 %",
		"the-second", "shadow, exceeded 4 times", "1000", "4 days", "(3 times)"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in\n%s", want, got)
		}
	}
	if err := WriteTable(&b, &Status{Registries: []Registry{{}}}); err != nil {
		t.Errorf("a foreign status: %v", err)
	}
}
