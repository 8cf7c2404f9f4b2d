package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/sandbox"
)

// TestSandboxJournal: the file is made new, for its owner only, and has the messages in it before the
// program ends.
func TestSandboxJournal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(file, []byte("of an earlier run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startSandbox(t, "--plain", "--listen", "127.0.0.1:0", "--journal", file)
	to := "127.0.0.1:" + p.line("listening on tcp://127.0.0.1:")
	p.line("account demo")
	p.line("account other")
	dialogue(t, to, `<login><clID>demo</clID><pw>demo-secret</pw><options><version>1.0</version><lang>en</lang></options>`+
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.SplitAfter(text, []byte("\n"))
	if len(all) < 2 {
		t.Fatalf("got %q", text)
	}
	var opened, login sandbox.JournalLine
	if err := json.Unmarshal(all[0], &opened); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[1], &login); err != nil {
		t.Fatal(err)
	}
	if opened.Event != "open" || !strings.HasPrefix(opened.Remote, "127.0.0.1:") || login.Command != "login" || login.Code != 1000 ||
		time.Since(login.Time) > time.Hour {
		t.Errorf("got %s", text)
	}
	p.end()
}

// TestSandboxJournalFails: a file that cannot be made, or be written, is told of.
func TestSandboxJournalFails(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"sandbox", "--plain", "--listen", "127.0.0.1:0", "--journal", t.TempDir()}, nil, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "--journal: ") {
		t.Errorf("got exit %d: %s", code, errs.String())
	}
	j, err := openJournal("/dev/full")
	if err != nil {
		t.Skip(err)
	}
	_, _ = j.Write([]byte("one\n"))
	if err := j.Close(); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("got %v", err)
	}
}
