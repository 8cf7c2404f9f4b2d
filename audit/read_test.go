package audit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeLog writes a file of lines, each "HH:MM event muxtrid".
func writeLog(t *testing.T, path string, lines ...string) {
	t.Helper()
	var b bytes.Buffer
	for _, l := range lines {
		f := strings.Fields(l)
		fmt.Fprintf(&b, `{"time":"2026-01-01T%s:00.000000Z","event":"%s","registry":"r","command":"create","muxtrid":"%s"}`+"\n", f[0], f[1], f[2])
	}
	data := b.Bytes()
	if strings.HasSuffix(path, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data = z.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll gives the ids of all lines, and what was skipped.
func readAll(t *testing.T, r *Reader, err error) (ids, skipped []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Broken = func(file string, line int, why string) {
		skipped = append(skipped, fmt.Sprintf("%s:%d: %s", filepath.Base(file), line, why))
	}
	for {
		_, l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return ids, skipped
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, l.MuxTRID)
	}
}

// TestOrderOfFiles: by their times, whatever their names, and each once.
func TestOrderOfFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	writeLog(t, path, "09:00 sending M6")
	writeLog(t, path+".1", "07:00 sending M5")
	writeLog(t, path+".2.gz", "03:00 sending M3", "03:30 end M3")
	writeLog(t, path+"-20260101", "02:00 sending M2")
	writeLog(t, path+".20260101T000000.000000Z", "01:00 sending M1")
	writeLog(t, filepath.Join(dir, "a.jsonlx"), "01:00 sending M0")
	if err := errors.Join(os.Link(path+".1", path+".copy"), os.Mkdir(path+".d", 0o700), os.WriteFile(path+".empty", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r, err := OpenLog(path)
	ids, skipped := readAll(t, r, err)
	if want := []string{"M1", "M2", "M3", "M3", "M5", "M6"}; !slices.Equal(ids, want) || skipped != nil {
		t.Errorf("got %q, skipped %q, want %q", ids, skipped, want)
	}
	r, err = OpenFiles([]string{path, path + ".2.gz"})
	if ids, _ := readAll(t, r, err); !slices.Equal(ids, []string{"M3", "M3", "M6"}) {
		t.Errorf("got %q", ids)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r, err = OpenLog(path) // another program has just renamed it
	if ids, _ := readAll(t, r, err); len(ids) != 5 {
		t.Errorf("got %q", ids)
	}
	for _, path := range []string{filepath.Join(dir, "none"), path + ".d"} {
		if _, err := OpenLog(path); err == nil {
			t.Errorf("%s: got no error", path)
		}
	}
}

// TestBrokenLines: what is none of ours is skipped and told of, and nothing else is lost.
func TestBrokenLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	good := func(id string) string {
		return `{"time":"2026-01-01T00:00:00Z","event":"end","muxtrid":"` + id + `"}` + "\n"
	}
	text := "nonsense\n" + good("M1") + "\n" + `{"time":"2026-01-01T00:00:00Z","ev` + "\n" + good("M2") + "\x00\x00\x00\n" + "{}\n[]\n" +
		`{"event":"end","muxtrid":"M"}` + "\n" + good("M3") + strings.Repeat("x", maxLine+1) + "\n" + good("M4") + `{"time":"2026`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenFiles([]string{path})
	ids, skipped := readAll(t, r, err)
	want := []string{"a:1: not a record", "a:4: not a record", "a:6: not a record", "a:7: not a record", "a:8: not a record", "a:9: not a record",
		"a:11: too long", "a:13: cut off"}
	if !slices.Equal(ids, []string{"M1", "M2", "M3", "M4"}) || !slices.Equal(skipped, want) {
		t.Errorf("got %q, skipped %q", ids, skipped)
	}
}

// TestCutOffGzip: a file that is being compressed gives what it has.
func TestCutOffGzip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gz")
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("01:00 end M%d%s", i, strings.Repeat(fmt.Sprint(i*i), 5)))
	}
	writeLog(t, path, lines...)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	r, err := OpenFiles([]string{path})
	if ids, _ := readAll(t, r, err); len(ids) < 1000 || len(ids) == 5000 {
		t.Errorf("got %d lines", len(ids))
	}
}

// TestRotatedWhileRead: what is read is the log as it was when it was opened.
func TestRotatedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	writeLog(t, path+".1", "01:00 sending M1")
	writeLog(t, path, "02:00 sending M2")
	r, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path+".1"), os.Rename(path, path+".2")); err != nil {
		t.Fatal(err)
	}
	if ids, _ := readAll(t, r, nil); !slices.Equal(ids, []string{"M1", "M2"}) {
		t.Errorf("got %q", ids)
	}
}

func TestVisibleJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"b"}`: `{"a":"b"}`, "{\t\"a\" :\r \"\u009b\"}": `{"a":"\u009b"}`, "x\x1b": "",
	} {
		if got := string(VisibleJSON(nil, []byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
