package main

import (
	"os"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestHelpTexts holds what --help prints against golden files: the texts are read by people and
// copied into pages. -update writes them anew.
func TestHelpTexts(t *testing.T) {
	for _, name := range []string{"check", "send", "sandbox", "passwd", "audit", "serve", "ctl", "status", "cert", "hash", "version"} {
		golden := "testdata/help-" + name + ".golden"
		got := eppmux(t, name, "--help").out
		if *clitest.Update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
	}
}
