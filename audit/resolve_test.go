package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// unknownLog is a log of two processes: M1 was answered, M2 ended unknown, M3 was in flight when the
// first process died, M4 is in flight in the second; two have no place for a muxTRID.
const unknownLog = `{"time":"2026-01-01T10:00:00.000000Z","event":"start"}
{"time":"2026-01-01T10:00:01.000000Z","event":"sending","registry":"r","session":1,"command":"create","names":["a.example"],"muxtrid":"M1"}
{"time":"2026-01-01T10:00:02.000000Z","event":"end","registry":"r","session":1,"command":"create","muxtrid":"M1","code":1000,"end":"answered"}
{"time":"2026-01-01T10:00:03.000000Z","event":"sending","registry":"r","session":1,"command":"create","names":["b.example"],"muxtrid":"M2"}
{"time":"2026-01-01T10:00:04.000000Z","event":"end","registry":"r","session":1,"command":"create","muxtrid":"M2","end":"unknown"}
{"time":"2026-01-01T10:00:05.000000Z","event":"sending","registry":"r","session":2,"command":"delete","names":["c.example"],"muxtrid":"M3"}
{"time":"2026-01-01T10:00:06.000000Z","event":"sending","registry":"r","session":3,"command":"other"}
{"time":"2026-01-01T10:00:07.000000Z","event":"end","registry":"r","session":4,"command":"info","muxtrid":"Q1","end":"unknown"}
{"time":"2026-01-01T10:00:08.000000Z","event":"start"}
{"time":"2026-01-01T10:00:09.000000Z","event":"sending","registry":"r","session":1,"command":"create","names":["d.example"],"muxtrid":"M4"}
`

// collected reads the log at path and gives the ids of what is unknown and not resolved.
func collected(t *testing.T, path string) (ids []string, u *Unresolved) {
	t.Helper()
	r, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	u = new(Unresolved)
	for {
		raw, l, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		u.Add(raw, l)
	}
	for _, s := range u.Stories() {
		ids = append(ids, s.ID())
	}
	return ids, u
}

func logOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestResolve: what words were said about is unresolved no more, over a rotation and behind a torn
// line too; the first words count.
func TestResolve(t *testing.T) {
	path := logOf(t, unknownLog+`{"time":"2026-01-01T10:00:1`)
	const sent = "2026-01-01T10:00:06.000000Z"
	want := []string{"M2", "M3", sent, "M4"}
	if got, _ := collected(t, path); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	at, _ := time.Parse(time.RFC3339, sent)
	if err := Resolve(path, time.Now(), []Resolution{{Registry: "r", MuxTRID: "M2", By: "eve", Words: "done\n\x1b[2J"}, {Registry: "r", Sent: at, By: "eve", Words: "no"},
		{Registry: "other", MuxTRID: "M3", By: "eve", Words: "of another registry"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := Resolve(path, time.Now(), []Resolution{{Registry: "r", MuxTRID: "M2"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: got %v", err)
	}
	l, err := Open(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := Resolve(path, time.Now(), []Resolution{{Registry: "r", MuxTRID: "M2", By: "bob", Words: "later"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	got, u := collected(t, path)
	if want := []string{"M3", "M4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if by := u.By(u.All()[0]); by == nil || by.By != "eve" || by.Words != "done\n\x1b[2J" {
		t.Errorf("got %+v, want eve's words", by)
	}
	if raw, _ := os.ReadFile(path + ".1"); strings.Contains(string(raw), "\x1b") {
		t.Errorf("got %q, want no control characters", raw)
	}
}

// TestForeignLines: a Log writes on behind what another program has appended meanwhile, whole or
// torn.
func TestForeignLines(t *testing.T) {
	for _, foreign := range []string{"{\"time\":\"2026-01-01T10:00:00.000000Z\",\"event\":\"resolved\"}\n", `{"time":"2026-01-01T10:00:1`} {
		s := open(t, nil)
		f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(f, foreign); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if !<-s.note(sending("M1")) {
			t.Error("not recorded")
		}
		s.close()
		if got, _ := collected(t, s.path); !slices.Equal(got, []string{"M1"}) {
			t.Errorf("behind %q: got %q, want M1", foreign, got)
		}
	}
}
