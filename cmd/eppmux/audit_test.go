package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// auditText is a log with one command of each fate.
const auditText = `{"time":"2026-01-01T10:00:00.000000Z","event":"start"}
{"time":"2026-01-01T10:00:01.000000Z","event":"sending","registry":"r","client":"127.0.0.1:5000","session":1,"command":"create","object":"domain","names":["a.example"],"cltrid":"C-1","muxtrid":"M1"}
{"time":"2026-01-01T10:00:02.000000Z","event":"end","registry":"r","client":"127.0.0.1:5000","session":1,"command":"create","object":"domain","names":["a.example"],"cltrid":"C-1","muxtrid":"M1","svtrid":"S-1","code":1000,"end":"answered","orphan":true,"rtt":0.5}
{"time":"2026-01-01T10:00:03.000000Z","event":"sending","registry":"r","session":1,"command":"delete","names":["b\n\u001b[2J.example"],"muxtrid":"M2"}
{"time":"2026-01-01T10:00:04.000000Z","event":"end","registry":"r","session":1,"command":"delete","names":["b\n\u001b[2J.example"],"muxtrid":"M2","end":"unknown","cause":"registry_closed"}
{"time":"2026-01-01T10:00:05.000000Z","event":"end","registry":"r","command":"info","muxtrid":"M3","end":"unknown","cause":"command_timeout"}
{"time":"2026-01-01T10:00:06.000000Z","event":"sending","registry":"r","session":1,"command":"renew","names":["c.example"],"muxtrid":"M4"}
half a li
{"time":"2026-01-01T10:00:07.000000Z","event":"start"}
{"time":"2026-01-01T10:00:08.000000Z","event":"sending","registry":"r","session":1,"command":"transfer","op":"request","names":["d.example"],"muxtrid":"M5"}
{"time":"2026-01-01T10:00:09.000000Z","event":"rejected","registry":"r","session":1,"command":"transfer","op":"request","names":["d.example"],"muxtrid":"M5","code":2002}
{"time":"2026-01-01T10:00:09.000000Z","event":"lost","lost":7}
{"time":"2026-01-01T10:00:10.000000Z","event":"sending","registry":"r","session":1,"command":"transfer","op":"request","names":["d.example"],"muxtrid":"M6"}
`

// TestAudit: what it prints, by what is asked for.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	file := clitest.WriteFile(t, dir, "audit.jsonl", auditText, 0o600)
	config := clitest.WriteFile(t, dir, "c.yaml", "audit: {file: audit.jsonl}\nregistries:\n"+
		"  - {name: a, address: epp.example:700, listen: ['tcp://127.0.0.1:7000'], login: {client_id: x, password_file: out-of-reach}}\n", 0o600)
	none := clitest.WriteFile(t, dir, "none.yaml", clitest.SandboxYAML(), 0o600)
	for _, tt := range []struct {
		args []string
		code int
		want []string // words of the lines, in their order
		errs string
	}{
		{nil, 0, []string{"a.example answered 1000 orphan 0.500s 127.0.0.1:5000 C-1 M1", "unknown registry_closed", "unknown command_timeout", "rejected 2002", "cut off", "no end"}, "7 lines could not be written"},
		{[]string{"--unknown"}, exitFound, []string{"delete b\\u000a\\u001b[2J.example unknown", "renew c.example cut off", "transfer:request d.example no end"}, ":8: skipped: not a record"},
		{[]string{"--unknown", "--object", "*.EXAMPLE", "--command", "renew"}, exitFound, []string{"M4"}, ""},
		{[]string{"--unknown", "--since", "2026-01-01T10:00:09Z"}, exitFound, []string{"M6"}, ""},
		{[]string{"--unknown", "--until", "2026-01-01T10:00:02Z"}, cli.ExitFailed, nil, "found nothing, but lines are missing"},
		{[]string{"--unknown", "--end", "unknown"}, exitFound, []string{"M2"}, ""},
		{[]string{"--since", "1h"}, 0, nil, ""},
		{[]string{"--code", "1xxx", "--client", "127.0.0.1", "--registry", "r", "--cltrid", "C-1", "--svtrid", "S-1"}, 0, []string{"M1"}, ""},
		{[]string{"--json", "--muxtrid", "M1"}, 0, []string{`"event":"sending"`, `"event":"end"`}, ""},
		{[]string{"--json", "--unknown"}, exitFound, []string{`"event":"end"`, `"muxtrid":"M4"`, `"muxtrid":"M6"`}, ""},
		{[]string{"--code", "2"}, cli.ExitUsage, nil, "no code"},
		{[]string{"--since", "yesterday"}, cli.ExitUsage, nil, "no time"},
		{[]string{"--end", "lost"}, cli.ExitUsage, nil, "is not answered"},
	} {
		for _, source := range [][]string{{file}, {"--config", config}} {
			got := eppmux(t, append(append([]string{"audit"}, tt.args...), source...)...)
			lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
			if strings.HasPrefix(lines[0], "SENT") || got.out == "" {
				lines = lines[1:]
			}
			ok := got.code == tt.code && len(lines) == len(tt.want) && strings.Contains(got.errs, tt.errs)
			for i := 0; ok && i < len(lines); i++ {
				ok = strings.Contains(strings.Join(strings.Fields(lines[i]), " "), tt.want[i])
			}
			if !ok {
				t.Errorf("%q: got %d\n%s%swant %d, %q, %q", tt.args, got.code, got.out, got.errs, tt.code, tt.want, tt.errs)
			}
		}
	}
	for _, args := range [][]string{{filepath.Join(dir, "missing")}, {"--config", none}, {"--config", filepath.Join(dir, "missing")}, {dir}} {
		if got := eppmux(t, append([]string{"audit"}, args...)...); got.code != cli.ExitFailed || got.errs == "" {
			t.Errorf("%q: got %+v", args, got)
		}
	}
}

func TestInstant(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "2h": now.Add(-2 * time.Hour), "2026-01-01": now.Truncate(24 * time.Hour).Add(-24 * time.Hour),
		"2026-01-02T04:04:05+01:00": now,
	} {
		if got, err := instant(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-2h", "now", "2026-01-02T04:04:05", "2026"} {
		if got, err := instant(text, now); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// TestServeWithoutAuditFile: what cannot be recorded from the start is not served.
func TestServeWithoutAuditFile(t *testing.T) {
	dir := t.TempDir()
	file := clitest.WriteFile(t, dir, "c.yaml", "audit: {file: "+strings.Repeat("x", 300)+"}\n"+clitest.SandboxYAML(), 0o600)
	if got := eppmux(t, "serve", "--config", file); got.code != cli.ExitFailed || !strings.Contains(got.errs, "audit log: ") {
		t.Errorf("got %+v", got)
	}
}
