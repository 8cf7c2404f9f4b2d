package audit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// brokenFile is a file of which the test says what fails. It is no io.ReaderAt.
type brokenFile struct {
	f          *os.File
	short      int   // octets that a write leaves out, without an error
	writeFails error // after half of the octets
	statFails  error
	closeFails error
	closed     int
}

func (b *brokenFile) Write(p []byte) (int, error) {
	n := len(p) - b.short
	if b.writeFails != nil {
		n = len(p) / 2
	}
	if n, err := b.f.Write(p[:n]); err != nil {
		return n, err
	}
	return n, b.writeFails
}

func (b *brokenFile) Stat() (fs.FileInfo, error) {
	if b.statFails != nil {
		return nil, b.statFails
	}
	return b.f.Stat()
}

func (b *brokenFile) Close() error {
	b.closed++
	return errors.Join(b.f.Close(), b.closeFails)
}

// bench is a disk by itself, without a Log: the test is its goroutine.
type bench struct {
	*disk
	t       *testing.T
	next    func(*brokenFile) // what is wrong with the files that are opened from now on; nil: nothing
	files   []*brokenFile     // that were opened so far
	told    []string          // to trouble
	warned  []string
	now     time.Time
	opening error // fails the next opening
}

func newBench(t *testing.T, maxSize int64, keep int) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.disk = &disk{
		path: filepath.Join(t.TempDir(), "a.jsonl"), maxSize: maxSize, keep: keep, open: b.openNext,
		trouble: func(err error) { b.told = append(b.told, err.Error()) },
		warn:    func(err error) { b.warned = append(b.warned, err.Error()) },
	}
	t.Cleanup(b.disk.close)
	return b
}

func (b *bench) openNext(path string) (file, error) {
	if err := b.opening; err != nil {
		b.opening = nil
		return nil, err
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	broken := &brokenFile{f: f.(*os.File)}
	if b.next != nil {
		b.next(broken)
	}
	b.files = append(b.files, broken)
	return broken, nil
}

// line writes a line and wants this error, by its text; "" for none.
func (b *bench) line(text, want string) {
	b.t.Helper()
	p := []byte("\n" + text + "\n")
	n, err := b.write(p, b.now)
	switch got := errorText(err); {
	case want == "" && (got != "" || n != len(p)):
		b.t.Errorf("%s: got %d octets of %d, %v", text, n, len(p), err)
	case want != "" && !strings.Contains(got, want):
		b.t.Errorf("%s: got %q, want %q", text, got, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// content wants this at a path.
func (b *bench) content(path, want string) {
	b.t.Helper()
	if data, err := os.ReadFile(path); err != nil || string(data) != want {
		b.t.Errorf("%s: got %q, %v, want %q", filepath.Base(path), data, err, want)
	}
}

// rotatedNames gives the names of the rotated files without what is the same in all.
func (b *bench) rotatedNames() (names []string) {
	b.t.Helper()
	all, err := rotated(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range all {
		names = append(names, strings.TrimPrefix(name, b.path+"."))
	}
	slices.Sort(names)
	return names
}

// TestWriteCutShort: a write that takes less than all without an error is an error, and the next
// line does not go on in the one that was cut.
func TestWriteCutShort(t *testing.T) {
	b := newBench(t, 0, 0)
	b.line("one", "") // endsInMidLine is true in doubt, but not of an empty file
	b.files[0].short = 2
	p := []byte("\ntwo\n")
	if n, err := b.write(p, b.now); n != len(p)-2 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %d, %v", n, err)
	}
	if b.f != nil || b.files[0].closed != 1 {
		t.Errorf("the file is still open, closed %d times", b.files[0].closed)
	}
	b.line("three", "")
	if len(b.files) != 2 {
		t.Errorf("opened %d files, want 2", len(b.files))
	}
	b.content(b.path, "one\ntw\nthree\n")
}

// TestWriteFails: n says how much of it the file has, and the file is opened anew.
func TestWriteFails(t *testing.T) {
	b := newBench(t, 0, 0)
	b.next = func(f *brokenFile) { f.writeFails = syscall.EIO }
	p := []byte("\n123456\n")
	if n, err := b.write(p, b.now); n != 1+3 || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %d, %v", n, err)
	}
	b.next = nil
	b.line("again", "")
	b.content(b.path, "123\nagain\n")
	if b.told != nil {
		t.Errorf("trouble was told %q: the caller has the error", b.told)
	}
}

// TestCloseFails: nobody waits for it, so trouble is told.
func TestCloseFails(t *testing.T) {
	b := newBench(t, 0, 0)
	b.next = func(f *brokenFile) { f.closeFails = syscall.EDQUOT }
	b.line("one", "")
	b.disk.close()
	if len(b.told) != 1 || !strings.Contains(b.told[0], syscall.EDQUOT.Error()) || b.f != nil {
		t.Errorf("got %q", b.told)
	}
	b.disk.close()
	if len(b.told) != 1 || b.files[0].closed != 1 {
		t.Errorf("closed %d times, told %q", b.files[0].closed, b.told)
	}
}

// TestStatFails: a file of which nothing is known is not used, and not left open.
func TestStatFails(t *testing.T) {
	b := newBench(t, 0, 0)
	b.next = func(f *brokenFile) { f.statFails = syscall.EIO }
	b.line("one", syscall.EIO.Error())
	if b.f != nil || b.files[0].closed != 1 {
		t.Errorf("the file is open, closed %d times", b.files[0].closed)
	}
	b.next = nil
	b.line("two", "")
	b.content(b.path, "two\n")
}

// TestReopenKeepsTheOld: while the new file cannot be opened or looked at, the old one stays.
func TestReopenKeepsTheOld(t *testing.T) {
	b := newBench(t, 0, 0)
	b.line("one", "")
	old := b.files[0]
	b.opening = syscall.ENFILE
	if err := b.reopen(); !errors.Is(err, syscall.ENFILE) || b.f != old || old.closed != 0 {
		t.Errorf("got %v, closed %d times", err, old.closed)
	}
	b.next = func(f *brokenFile) { f.statFails = syscall.EIO }
	if err := b.reopen(); !errors.Is(err, syscall.EIO) || b.f != old || old.closed != 0 || b.files[1].closed != 1 {
		t.Errorf("got %v, closed %d times", err, old.closed)
	}
	b.next = nil
	if err := b.reopen(); err != nil || b.f == old || old.closed != 1 {
		t.Errorf("got %v, closed %d times", err, old.closed)
	}
	// In doubt whether the file ends in mid-line, which a brokenFile does not say.
	b.line("two", "")
	b.content(b.path, "one\n\ntwo\n")
}

// TestRotateBound: the file grows up to maxSize and not beyond, save that a line of any length goes
// into an empty file.
func TestRotateBound(t *testing.T) {
	b := newBench(t, 10, 0)
	b.line("a line that is longer than ten", "")
	b.now = b.now.Add(time.Second)
	b.line("1234", "") // the old one is full
	b.line("678", "")  // 5+4: the newline before it counts as if it were written
	b.now = b.now.Add(time.Second)
	b.line("", "")
	if names := b.rotatedNames(); !slices.Equal(names, []string{"20260102T030406.000000Z", "20260102T030407.000000Z"}) {
		t.Errorf("got %q", names)
	}
	b.content(b.path+".20260102T030406.000000Z", "a line that is longer than ten\n")
	b.content(b.path+".20260102T030407.000000Z", "1234\n678\n")
	b.content(b.path, "\n")
}

// TestRotateWaits: after a rotation that failed none is tried for a minute, and writing goes on.
func TestRotateWaits(t *testing.T) {
	b := newBench(t, 10, 0)
	b.line("12345678", "")
	b.opening = syscall.EMFILE
	b.line("two", "")
	if len(b.told) != 1 || !strings.HasPrefix(b.told[0], "rotate: ") || !strings.Contains(b.told[0], syscall.EMFILE.Error()) {
		t.Errorf("got %q", b.told)
	}
	b.now = b.now.Add(59 * time.Second)
	b.line("three", "")
	if names := b.rotatedNames(); names != nil || len(b.told) != 1 {
		t.Errorf("got %q, told %q", names, b.told)
	}
	b.now = b.now.Add(time.Second)
	b.line("four", "")
	if names := b.rotatedNames(); len(names) != 1 || len(b.told) != 1 {
		t.Errorf("got %q, told %q", names, b.told)
	}
	b.content(b.path, "four\n")
}

// TestRotateWithoutAFile: what was removed in the meantime cannot be renamed.
func TestRotateWithoutAFile(t *testing.T) {
	b := newBench(t, 10, 0)
	b.line("one", "")
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	if err := b.rotate(b.now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(filepath.Dir(b.path)); err != nil {
		t.Fatal(err)
	}
	if err := b.rotate(b.now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
	b.keep = 1
	b.prune()
	if len(b.told) != 1 || !strings.Contains(b.told[0], "no such file") {
		t.Errorf("prune: told %q", b.told)
	}
	b.line("two", "no such file")
}

// TestRenameBack: the old name is given back, but never over another file.
func TestRenameBack(t *testing.T) {
	b := newBench(t, 0, 0)
	name := b.path + ".old"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(name, "mine")
	write(b.path, "another's")
	if err := b.renameBack(name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	b.content(b.path, "another's")
	b.content(name, "mine")
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	if err := b.renameBack(name); err != nil {
		t.Error(err)
	}
	b.content(b.path, "mine")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other name is still there: %v", err)
	}
}

// TestPrune: the oldest go, what is none of ours stays, and one that cannot be removed does not keep
// the others.
func TestPrune(t *testing.T) {
	b := newBench(t, 0, 2)
	names := []string{"20200101T000000.000000Z", "20210101T000000.000000Z", "20220101T000000.000000Z", "20230101T000000.000000Z"}
	for _, name := range slices.Concat(names[1:], []string{"1", "gz", "20190101T000000Z", "20190101T000000.000000Z.gz", "2019"}) {
		if err := os.WriteFile(b.path+"."+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A folder that is not empty has the oldest name.
	if err := os.MkdirAll(filepath.Join(b.path+"."+names[0], "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.prune()
	if got := b.rotatedNames(); !slices.Equal(got, []string{names[0], names[2], names[3]}) {
		t.Errorf("got %q", got)
	}
	if len(b.told) != 1 || !strings.Contains(b.told[0], names[0]) {
		t.Errorf("told %q", b.told)
	}
	entries, err := os.ReadDir(filepath.Dir(b.path))
	if err != nil || len(entries) != 3+5 {
		t.Errorf("got %v, %v: something else was removed", entries, err)
	}
	b.keep = 0
	b.told = nil
	b.prune()
	if got := b.rotatedNames(); len(got) != 3 || b.told != nil {
		t.Errorf("keep all: got %q, told %q", got, b.told)
	}
}

// TestMoved: what stands at the path decides, where that can be told.
func TestMoved(t *testing.T) {
	b := newBench(t, 100, 0)
	b.line("one", "")
	if b.moved() {
		t.Error("nothing has happened")
	}
	if err := os.Truncate(b.path, 2); err != nil {
		t.Fatal(err)
	}
	if b.moved() || b.size != 2 {
		t.Errorf("truncated: size %d", b.size)
	}
	if err := os.Rename(b.path, b.path+".1"); err != nil {
		t.Fatal(err)
	}
	if !b.moved() {
		t.Error("nothing stands there")
	}
	if err := os.WriteFile(b.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !b.moved() {
		t.Error("another file stands there")
	}
	b.line("two", "")
	b.content(b.path, "two\n")
	path := b.path
	b.path = filepath.Join(path, "below") // ENOTDIR tells nothing about our file
	if b.moved() {
		t.Error("that cannot be told")
	}
	b.path = path
}

// TestModeIsWarnedOf: once for each opening, and only where others can reach the file.
func TestModeIsWarnedOf(t *testing.T) {
	b := newBench(t, 0, 0)
	b.line("one", "")
	if b.warned != nil {
		t.Errorf("warned %q of our own file", b.warned)
	}
	for mode, want := range map[fs.FileMode]string{0o600: "", 0o400: "", 0o640: "mode 0640", 0o604: "mode 0604", 0o601: "mode 0601"} {
		b.warned = nil
		if err := os.Chmod(b.path, mode); err != nil {
			t.Fatal(err)
		}
		if err := b.reopen(); err != nil {
			if mode == 0o400 && errors.Is(err, fs.ErrPermission) {
				continue // not root
			}
			t.Fatal(err)
		}
		if got := strings.Join(b.warned, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%v: warned %q, want %q", mode, got, want)
		}
		if err := os.Chmod(b.path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEndsInMidLine: an empty file does not, any doubt counts as yes.
func TestEndsInMidLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for text, want := range map[string]bool{"": false, "\n": false, "a\n": false, "a": true, "a\nb": true} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := endsInMidLine(f, int64(len(text))); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
		if !endsInMidLine(f, int64(len(text))+5) {
			t.Errorf("%q: beyond its end nothing can be read", text)
		}
		if got, want := endsInMidLine(&brokenFile{f: f}, int64(len(text))), text != ""; got != want {
			t.Errorf("%q, which cannot be read: got %v, want %v", text, got, want)
		}
		f.Close()
		if text != "" && !endsInMidLine(f, int64(len(text))) {
			t.Errorf("%q: a closed file cannot be read", text)
		}
	}
}
