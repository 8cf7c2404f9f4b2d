package main

import (
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestLookUpFails: what cannot be asked is said at its command, with the cause, and is a failure.
// What is no object of RFC 5731 to 5733 is said to be none.
func TestLookUpFails(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "audit.jsonl", `{"time":"2026-01-01T10:00:01.000000Z","event":"end","registry":"a","command":"create","object":"domain","names":["a.example"],"muxtrid":"M1","end":"unknown"}
{"time":"2026-01-01T10:00:02.000000Z","event":"end","registry":"gone","command":"create","object":"host","names":["ns.a.example"],"muxtrid":"M2","end":"unknown"}
{"time":"2026-01-01T10:00:03.000000Z","event":"end","registry":"a","command":"create","object":"nsset","names":["n"],"muxtrid":"M3","end":"unknown"}
`, 0o600)
	file := clitest.WriteFile(t, dir, "c.yaml", "audit: {file: audit.jsonl}\nregistries: [{name: a, address: sandbox, listen: ['unix://"+dir+"/none']}]\n", 0o600)
	got := eppmux(t, "audit", "--config", file, "--unknown", "--look-up")
	for _, want := range []string{"cannot be looked up: connect: dial unix " + dir + "/none", `has no registry "gone"`, "cannot be looked up: not a domain, host or contact"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	if got.code != cli.ExitFailed || !strings.Contains(got.errs, "not all could be looked up") {
		t.Errorf("got %+v", got)
	}
	if got := eppmux(t, "audit", "--config", file, "--look-up"); got.code != cli.ExitUsage {
		t.Errorf("without --unknown: got %+v", got)
	}
}

// TestObjectWords: of an info only what tells what became of a command is shown.
func TestObjectWords(t *testing.T) {
	payload := `<epp><response><resData><d:infData xmlns:d="u"><d:name>a.example</d:name><d:status s="ok"/><d:status s="pendingDelete">soon</d:status>` +
		`<d:clID>me</d:clID><d:crDate>2026-01-01T00:00:00Z</d:crDate><d:exDate>2027-01-01T00:00:00Z</d:exDate>` +
		`<d:authInfo><d:pw>` + clitest.Canary + `</d:pw></d:authInfo></d:infData></resData></response></epp>`
	const want = "exists, created 2026-01-01T00:00:00Z, expires 2027-01-01T00:00:00Z, sponsor me, status ok pendingDelete"
	if got := objectWords([]byte(payload)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// Of an answer that is no good XML it is what stands before the fault.
	broken := strings.Replace(payload, "<d:exDate>", "<d:note>R&D</d:note><d:exDate>", 1)
	if got, want := objectWords([]byte(broken)), "exists, created 2026-01-01T00:00:00Z, sponsor me, status ok pendingDelete"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
