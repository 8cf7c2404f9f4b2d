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

// gzipped is data compressed.
func gzipped(t *testing.T, data string) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// lineAt is a line of that time, with that id.
func lineAt(clock, id string) string {
	return `{"time":"2026-01-01T` + clock + `:00.000000Z","event":"end","registry":"r","command":"create","muxtrid":"` + id + `"}` + "\n"
}

// TestDamagedGzip: a header that is none fails the opening, damage behind it fails where it stands;
// what was before it is read, and the error names the file.
func TestDamagedGzip(t *testing.T) {
	dir := t.TempDir()
	path := func(name string, data []byte) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if _, err := OpenFiles([]string{path("header.gz", []byte{0x1f, 0x8b, 0xff, 0, 0, 0, 0, 0, 0, 0})}); err == nil || !strings.Contains(err.Error(), "header.gz") {
		t.Errorf("a header that is none: got %v", err)
	}
	if _, err := OpenFiles([]string{path("short.gz", []byte{0x1f, 0x8b})}); err == nil || !strings.Contains(err.Error(), "short.gz") {
		t.Errorf("a header that is cut off: got %v", err)
	}

	whole := gzipped(t, lineAt("01:00", "M1")+lineAt("02:00", "M2"))
	sum := bytes.Clone(whole)
	sum[len(sum)-8] ^= 0xff // the checksum
	good := path("good.gz", whole)
	r, err := OpenFiles([]string{path("sum.gz", sum)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var ids []string
	for {
		_, l, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "sum.gz") || !errors.Is(err, gzip.ErrChecksum) {
				t.Errorf("got %v, want the checksum of sum.gz", err)
			}
			break
		}
		ids = append(ids, l.MuxTRID)
	}
	if !slices.Equal(ids, []string{"M1", "M2"}) {
		t.Errorf("before the damage: got %q", ids)
	}
	// Two members, as cat a.gz b.gz makes them, are one file.
	r, err = OpenFiles([]string{path("two.gz", slices.Concat(whole, gzipped(t, lineAt("03:00", "M3"))))})
	if ids, skipped := readAll(t, r, err); !slices.Equal(ids, []string{"M1", "M2", "M3"}) || skipped != nil {
		t.Errorf("two members: got %q, skipped %q", ids, skipped)
	}
	// Compressed and plain files are told apart by what they hold, not by their names.
	r, err = OpenFiles([]string{path("plain.gz", []byte(lineAt("04:00", "M4"))), good})
	if ids, skipped := readAll(t, r, err); !slices.Equal(ids, []string{"M1", "M2", "M4"}) || skipped != nil {
		t.Errorf("plain under the name of another: got %q, skipped %q", ids, skipped)
	}
	r, err = OpenFiles([]string{path("empty.gz", gzipped(t, "")), path("one", []byte("{")), good})
	if ids, skipped := readAll(t, r, err); !slices.Equal(ids, []string{"M1", "M2"}) || !slices.Equal(skipped, []string{"one:1: cut off"}) {
		t.Errorf("beside empty ones: got %q, skipped %q", ids, skipped)
	}
}

// TestEveryCut: wherever a file is cut off, the lines before the cut are read, and no half one.
func TestEveryCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	lines := []string{lineAt("01:00", "M1"), lineAt("02:00", "M2"), lineAt("03:00", "M3")}
	all := strings.Join(lines, "")
	for n := range len(all) + 1 {
		if err := os.WriteFile(path, []byte(all[:n]), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenFiles([]string{path})
		ids, skipped := readAll(t, r, err)
		// A line that lacks its newline alone is cut off, too: nobody knows that it is whole.
		whole := strings.Count(all[:n], "\n")
		cut := 0
		if n > 0 && all[n-1] != '\n' {
			cut = 1
		}
		if len(ids) != whole || len(skipped) != cut {
			t.Fatalf("cut at %d: got %q, skipped %q, want %d and %d", n, ids, skipped, whole, cut)
		}
		for i, id := range ids {
			if id != fmt.Sprintf("M%d", i+1) {
				t.Fatalf("cut at %d: got %q", n, ids)
			}
		}
	}
}

// TestOpenFails: a file that cannot be read fails all, and leaves none open.
func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	writeLog(t, good, "01:00 end M1")
	before := openDescriptors(t)
	for _, bad := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := OpenFiles([]string{good, bad}); err == nil {
			t.Errorf("%s: got no error", bad)
		}
	}
	if _, err := OpenLog(filepath.Join(dir, "no", "such")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such folder: got %v", err)
	}
	if err := os.WriteFile(good+".1", []byte{0x1f, 0x8b, 0xff, 0, 0, 0, 0, 0, 0, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(good); err == nil || !strings.Contains(err.Error(), "good.1") {
		t.Errorf("a damaged one among them: got %v", err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}

// openDescriptors counts what the process has open in temporary folders.
func openDescriptors(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, os.TempDir()) {
			n++
		}
	}
	return n
}

// TestCloseHalfway: a Reader that has not come to the end closes what it has left, once.
func TestCloseHalfway(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i := range 3 {
		path := filepath.Join(dir, fmt.Sprint(i))
		writeLog(t, path, fmt.Sprintf("0%d:00 end M%d", i, i), fmt.Sprintf("0%d:30 end N%d", i, i))
		paths = append(paths, path)
	}
	before := openDescriptors(t)
	r, err := OpenFiles(paths)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // into the second file
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if n := openDescriptors(t); n != before+2 {
		t.Errorf("%d files are open, want 2: the first was read to its end", n-before)
	}
	r.Close()
	r.Close()
	if n := openDescriptors(t); n != before {
		t.Errorf("%d files are open after Close", n-before)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after Close: got %v", err)
	}
}

// TestNumbersOfBrokenLines: they count from 1 in each file, empty lines included.
func TestNumbersOfBrokenLines(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(a, []byte("\n\n"+lineAt("01:00", "M1")+"x\n"), 0o600),
		os.WriteFile(b, []byte("y\n \t\n"+lineAt("02:00", "M2")+"\n\nz"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r, err := OpenFiles([]string{b, a})
	ids, skipped := readAll(t, r, err)
	if want := []string{"a:4: not a record", "b:1: not a record", "b:6: cut off"}; !slices.Equal(ids, []string{"M1", "M2"}) || !slices.Equal(skipped, want) {
		t.Errorf("got %q, skipped %q, want %q", ids, skipped, want)
	}
	// Nobody needs to be told.
	r, err = OpenFiles([]string{a})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, l, err := r.Next(); err != nil || l.MuxTRID != "M1" {
		t.Errorf("got %+v, %v", l, err)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

// TestOrderWithoutTime: a file whose first lines have no time is in the place of its first time; one
// that has none comes first.
func TestOrderWithoutTime(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	late := file("late", strings.Repeat("nonsense\n", 999)+lineAt("09:00", "M9"))
	never := file("never", strings.Repeat("nonsense\n", 1000)+lineAt("10:00", "M10"))
	r, err := OpenFiles([]string{late, file("five", lineAt("05:00", "M5")), never})
	if ids, skipped := readAll(t, r, err); !slices.Equal(ids, []string{"M10", "M5", "M9"}) || len(skipped) != 1999 {
		t.Errorf("got %q, %d skipped", ids, len(skipped))
	}
}

// TestRawIsAsWritten: octet for octet, without the newline, whatever form of JSON it has.
func TestRawIsAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	lines := []string{
		`{"time":"2026-01-01T00:00:00Z","event":"end","muxtrid":"M1"}`,
		` { "event" : "end" , "time" : "2026-01-01T00:00:00+01:00" , "of a later version" : [1,{}] } `,
		`{"time":"2026-01-01T00:00:00Z","event":"later","names":["\u009b"]}` + "\r",
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenFiles([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range lines {
		raw, l, err := r.Next()
		if err != nil || string(raw) != want || l.Event == "" {
			t.Errorf("got %q, %+v, %v, want %q", raw, l, err, want)
		}
	}
}
