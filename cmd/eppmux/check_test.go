package main

import (
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestCheckWarns: what is no fault goes to standard error, beside "ok".
func TestCheckWarns(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "c.yaml", clitest.SandboxYAML("profile: ee", "sessions: {max: 5}"), 0o600)
	got := eppmux(t, "check", "--config", file)
	if want := file + ":4: registries[0].sessions.max: warning: 5, but ee allows 4 ("; got.code != 0 || got.out != "ok\n" ||
		!strings.HasPrefix(got.errs, want) || strings.Count(got.errs, "\n") != 1 {
		t.Errorf("got %+v, want %q and ok", got, want)
	}
}
