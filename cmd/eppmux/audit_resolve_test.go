package main

import (
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestAuditResolve: words tick off, one by one or several; nothing else does, and a wrong id spoils
// all. The log of auditText lacks lines, so that --unknown fails once all is resolved.
func TestAuditResolve(t *testing.T) {
	dir := t.TempDir()
	whole := strings.ReplaceAll(strings.ReplaceAll(auditText, "half a li\n", ""), `{"time":"2026-01-01T10:00:09.000000Z","event":"lost","lost":7}`+"\n", "")
	clitest.WriteFile(t, dir, "audit.jsonl", whole, 0o600)
	config := clitest.WriteFile(t, dir, "c.yaml", "audit: {file: audit.jsonl}\n"+clitest.SandboxYAML(), 0o600)
	for _, tt := range []struct {
		args      []string
		code      int
		out, errs string
	}{
		{[]string{"--unknown"}, exitFound, "M2", ""},
		{[]string{"--resolve", "M2"}, cli.ExitUsage, "", "say what you found out"},
		{[]string{"--resolve", "M2", "done", "really"}, cli.ExitUsage, "", "in quotes"},
		{[]string{"--resolve", "M2", "--unknown", "done"}, cli.ExitUsage, "", "goes with --config only"},
		{[]string{"--resolve", "M2", "--registry", "r", "done"}, cli.ExitUsage, "", "goes with --config only"},
		{[]string{"--resolve", "M2,nonsense", "done"}, cli.ExitFailed, "", "\"nonsense\": the log has no command of unknown outcome with that id"},
		{[]string{"--resolve", "M1", "done"}, cli.ExitFailed, "", "\"M1\": the log has no command of unknown outcome"},
		{[]string{"--resolve", "M2", "done, ticket 4711"}, 0, "M2: resolved", ""},
		{[]string{"--resolve", "M2", "again"}, cli.ExitFailed, "", "M2 is resolved already, by " + who() + " on 20"},
		{[]string{"--resolve", "M2", "again"}, cli.ExitFailed, "", "done, ticket 4711"},
		{[]string{"--unknown"}, exitFound, "M4", ""},
		{[]string{"--resolve", "M4", "--resolve", "M6", "never sent"}, 0, "M4: resolved\nM6: resolved", ""},
		{[]string{"--unknown"}, 0, "", ""},
		{[]string{"--json", "--muxtrid", "M6"}, 0, `"words":"never sent"`, ""},
	} {
		got := eppmux(t, append([]string{"audit", "--config", config}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%q: got %+v, want %d, %q, %q", tt.args, got, tt.code, tt.out, tt.errs)
		}
	}
}
