package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// auditLine is what these tests read of the audit log, by themselves.
type auditLine struct {
	Event   string
	Command string
	Names   []string
	End     string
}

// auditLines reads what the program prints: the whole log, or what is unknown. Exit code 3 says
// that something is.
func auditLines(t *testing.T, bin, config string, args ...string) []auditLine {
	t.Helper()
	cmd := exec.Command(bin, append([]string{"audit", "--json", "--config", config}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 3 && out.Len() > 0) {
		t.Fatalf("audit: %v\n%s", err, errs.String())
	}
	var lines []auditLine
	for sc := bufio.NewScanner(&out); sc.Scan(); {
		var l auditLine
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		lines = append(lines, l)
	}
	return lines
}

// TestAuditKilled: eppmux is killed at random moments under creates. Nothing is carried out that
// the log has not announced, and what its --unknown lists is what clients were not told the end of:
// no less, and no more than those whose end had not reached the file at a kill (faults.md rows 27
// and 34, threat T21).
func TestAuditKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	c := newChaos(t, 30, "close-after:p=0.01")
	text, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("limit: 100,"), []byte("limit: 1000,"), 1)
	text = append(text, "audit: {file: audit.jsonl, on_error: block, rotate: {max_size: 65536, keep: 0}}\n"...)
	if err := os.WriteFile(c.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	// Some kills must have met a create under way.
	kills := 0
	for ; kills < 6 || kills < 60 && len(auditLines(t, c.bin, c.config, "--unknown")) == 0; kills += 2 {
		c.kill(2, time.Second)
	}
	m := launch(t, c.bin, "serve", "--config", c.config)
	m.find(`(session opened)`)
	waitUntil(t, "the log to be rotated", func() bool {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(c.config), "audit.jsonl*"))
		return err == nil && len(files) > 2
	})
	c.judge()
	m.signal(os.Interrupt)
	m.end()

	sent, ended, unknown := map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, l := range auditLines(t, c.bin, c.config, "--command", "create") {
		switch l.Event {
		case "sending":
			sent[l.Names[0]] = true
		case "end":
			ended[l.Names[0]] = l.End
		}
	}
	for _, l := range auditLines(t, c.bin, c.config, "--unknown") {
		if l.Command != "create" || len(l.Names) != 1 || unknown[l.Names[0]] {
			t.Errorf("unknown: got %+v", l)
			continue
		}
		unknown[l.Names[0]] = true
	}
	executed := c.executed()
	for name, n := range executed {
		if verb, object, _ := bytes.Cut([]byte(name), []byte(" ")); string(verb) == "create" && n > 0 && !sent[string(object)] {
			t.Errorf("create of %s was carried out, and the log does not have it", object)
		}
	}
	toldAndOpen, open, endless := 0, 0, 0
	for name := range unknown {
		if ended[name] == "" {
			endless++
		}
	}
	for _, cl := range c.clients {
		for name, e := range cl.creates {
			switch {
			case e == closed && sent[name] && !unknown[name] && ended[name] != "answered" && ended[name] != "not_sent":
				t.Errorf("create of %s: nobody knows, and it is not listed", name)
			case e == closed && unknown[name]:
				open++
			case unknown[name] && ended[name] == "":
				// its client has the answer, and the process was killed before the line was written
				toldAndOpen++
			case unknown[name]:
				t.Errorf("create of %s is listed: its client saw %d, the log has %q", name, e, ended[name])
			}
		}
	}
	t.Logf("%d creates sent, %d listed whose clients know nothing, %d whose clients do, %d without an end", len(sent), open,
		toldAndOpen, endless)
	if open == 0 || len(sent) < 100 {
		t.Errorf("too little happened")
	}
	// Lines come into the file in the order in which they are given to the log, so at a kill it is
	// cut at one moment. A session holds its command from before the line about its sending is
	// given until that about its end is, which is before the client is answered and before the
	// session takes the next: at any moment each session has at most one command with the first
	// line and without the second, however far the file is behind. What a session lost before it
	// was sent waits for another one, for milliseconds; a session that has a query just then makes
	// up for it many times.
	if most := kills * chaosSessions; endless > most {
		t.Errorf("%d are listed without an end, want %d at the most", endless, most)
	}
}
