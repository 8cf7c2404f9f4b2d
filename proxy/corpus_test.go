package proxy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
)

// corpusDir is beside the repository; tests that need it are skipped where it is not.
var corpusDir = filepath.Join("..", "..", "shared", "corpus")

// corpusTable reads a tab-separated table with a line of column names.
func corpusTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, name))
	if err != nil {
		t.Skipf("no corpus: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		r := map[string]string{}
		for i, v := range strings.Split(line, "\t") {
			r[columns[i]] = v
		}
		rows = append(rows, r)
	}
	return rows
}

func corpusFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// refused are the requests of the corpus that are no command: each with the reason.
var refused = map[string]string{
	"requests/pyepp-test-base-command-l18.xml":      "a command without a verb",
	"requests/pyepp-val1-test-base-command-l58.xml": "two verbs",
}

// TestCorpusThrough sends every request of the corpus through: the registry's side receives it
// octet for octet but for the clTRID, and the clTRID comes back octet for octet.
func TestCorpusThrough(t *testing.T) {
	rows := corpusTable(t, "MANIFEST.tsv")
	f, r := startEcho(t, nil)
	through := 0
	for _, row := range rows {
		if !strings.HasPrefix(row["path"], "requests/") {
			continue
		}
		payload := corpusFile(t, row["path"])
		p := f.dial()
		if _, err := p.nc.Write(unit(string(payload))); err != nil {
			t.Fatal(err)
		}
		answer := p.read()
		p.nc.Close()
		got := r.take()
		switch local := row["verb"] == "login" || row["verb"] == "logout" || row["kind"] == "hello" || row["verb"] == "hello"; {
		case row["well_formed"] != "yes" || row["kind"] == "other" || refused[row["path"]] != "":
			if len(got) > 0 || !strings.Contains(answer, `code="2001"`) {
				t.Errorf("%s: got %s and %q at the registry, want 2001 and nothing", row["path"], answer, got)
			}
		case local:
			if len(got) > 0 || !strings.Contains(answer, "<greeting>") && !strings.Contains(answer, "code=") {
				t.Errorf("%s: got %s and %q at the registry, want an answer of our own", row["path"], answer, got)
			}
		default:
			through++
			if err := unchanged(payload, got, answer); err != nil {
				t.Errorf("%s: %v", row["path"], err)
			}
		}
	}
	if through < 300 {
		t.Errorf("only %d requests went through", through)
	}
}

// unchanged compares what a client sent with what the registry received and the client got back.
func unchanged(sent []byte, received [][]byte, answer string) error {
	if len(received) != 1 {
		return fmt.Errorf("the registry received %d payloads; the answer is %s", len(received), answer)
	}
	got := received[0]
	id := muxForm.FindIndex(got)
	own := ""
	if id != nil {
		// What stands around the muxTRID is the client's, or else the element was put there whole.
		before, after := got[:id[0]], got[id[1]:]
		switch {
		case bytes.HasPrefix(sent, before) && bytes.HasSuffix(sent, after) && len(before)+len(after) <= len(sent):
			own = string(sent[len(before) : len(sent)-len(after)])
		default:
			i := bytes.LastIndexByte(before, '<')
			j := bytes.IndexByte(after, '>') + 1
			if !bytes.Equal(slices.Concat(before[:i], after[j:]), sent) {
				return fmt.Errorf("sent %q\nreceived %q", sent, got)
			}
		}
	} else if !bytes.Equal(got, sent) {
		return fmt.Errorf("sent %q\nreceived %q", sent, got)
	}
	if own == "" && strings.Contains(answer, "clTRID") || own != "" && !strings.Contains(answer, "<clTRID>"+own+"</clTRID>") {
		return fmt.Errorf("the client's clTRID is %q, the answer %s", own, answer)
	}
	return nil
}

// TestHostileThrough sends every hostile payload: each gets a wanted answer, and what is refused
// does not reach the registry.
func TestHostileThrough(t *testing.T) {
	rows := corpusTable(t, filepath.Join("hostile", "EXPECTED.tsv"))
	f, r := startEcho(t, nil)
	for _, row := range rows {
		if row["stored"] != "yes" {
			continue
		}
		p := f.dial()
		if _, err := p.nc.Write(unit(string(corpusFile(t, filepath.Join("hostile", row["file"]))))); err != nil {
			t.Fatal(err)
		}
		answer := p.read()
		p.nc.Close()
		reached := len(r.take()) > 0
		outcome := "pass"
		for _, code := range []string{"2000", "2001", "2005"} {
			if strings.Contains(answer, `code="`+code+`"`) {
				outcome = code
			}
		}
		want := append([]string{row["answer"]}, strings.Split(row["also_seen"], ", ")...)
		if !slices.Contains(want, outcome) || outcome != "pass" && reached {
			t.Errorf("%s: got %s (at the registry: %v), want one of %v: %s", row["file"], answer, reached, want, row["reason"])
		}
	}
}

// TestUTF16Through: the registry gets UTF-8.
func TestUTF16Through(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	text := strings.Replace(check("zoë.example", "U-1"), "UTF-8", "UTF-16", 1)
	b := []byte{0xfe, 0xff}
	for _, c := range text {
		b = append(b, byte(c>>8), byte(c))
	}
	p.want(p.ask(string(b)), 1000, "U-1")
	got := r.take()
	if len(got) != 1 || !bytes.Contains(got[0], []byte("zoë.example")) || bytes.Contains(got[0], []byte("UTF-16")) {
		t.Errorf("got %q", got)
	}
	var s frame.Scanner
	if _, err := s.Scan(got[0]); err != nil {
		t.Error(err)
	}
}
