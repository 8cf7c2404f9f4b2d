package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRotate: no line is lost or cut, and the oldest files go.
func TestRotate(t *testing.T) {
	s := open(t, func(c *Config) { c.MaxSize, c.Keep = 2000, 0 })
	var want []string
	for i := range 50 {
		id := fmt.Sprintf("M%02d", i)
		if !<-s.note(sending(id)) {
			t.Fatal("not recorded")
		}
		want = append(want, "sending "+id)
	}
	s.close()
	s.want(0, slices.Concat([]string{"start"}, want, []string{"stop"})...)
	all, err := rotated(s.path)
	if err != nil || len(all) < 5 {
		t.Fatalf("got %q, %v", all, err)
	}
	for _, name := range all {
		if info, err := os.Stat(name); err != nil || info.Size() > 2000 || info.Mode() != 0o600 {
			t.Errorf("%s: got %v, %v", name, info, err)
		}
	}
	s.start(func(c *Config) { c.MaxSize, c.Keep = 2000, 3 })
	for range 10 {
		<-s.note(sending("M"))
	}
	s.close()
	if all, _ := rotated(s.path); len(all) != 3 {
		t.Errorf("got %q, want three", all)
	}
}

// TestRotateFails: the log goes on in the old file.
func TestRotateFails(t *testing.T) {
	s := open(t, func(c *Config) { c.MaxSize = 600 })
	if !<-s.note(sending("M1")) {
		t.Fatal("not recorded")
	}
	s.disk.set(func() { s.disk.fails = syscall.EMFILE })
	for _, id := range []string{"M2", "M3"} {
		if !<-s.note(sending(id)) {
			t.Errorf("%s: not recorded", id)
		}
	}
	s.close()
	s.want(0, "start", "sending M1", "sending M2", "sending M3", "stop")
	all, _ := rotated(s.path)
	if c, _ := s.counts(); len(all) != 0 || c.errors != 1 {
		t.Errorf("got %q, %+v, want one error and no file", all, c)
	}
}

// TestRotateFailsWithAnother: while a rotation fails another program makes a file of that name,
// which stays as it is.
func TestRotateFailsWithAnother(t *testing.T) {
	s := open(t, func(c *Config) { c.MaxSize = 600 })
	if !<-s.note(sending("M1")) {
		t.Fatal("not recorded")
	}
	made := false // by run's goroutine, read when it has ended
	s.disk.set(func() {
		s.disk.before = func(path string) error {
			if made {
				return nil
			}
			made = true
			return errors.Join(os.WriteFile(path, []byte("another's\n"), 0o600), syscall.EMFILE)
		}
	})
	for _, id := range []string{"M2", "M3", "M4"} {
		if !<-s.note(sending(id)) {
			t.Errorf("%s: not recorded", id)
		}
	}
	s.close()
	data, err := os.ReadFile(s.path)
	if err != nil || !strings.HasPrefix(string(data), "another's\n") || !strings.Contains(string(data), "M4") {
		t.Errorf("got %v, %s, want another's file to go on", err, data)
	}
	s.want(1, "start", "sending M1", "sending M2", "sending M3", "sending M4", "stop")
	if c, _ := s.counts(); !made || c.errors != 1 || c.allLost() != 0 {
		t.Errorf("got %+v, want one error", c)
	}
}

// TestNoRegularFile: nothing else is opened, and nothing waits.
func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(syscall.Mkfifo(at("fifo"), 0o600), os.Mkdir(at("dir"), 0o700), os.WriteFile(at("file"), nil, 0o600),
		os.Symlink(at("file"), at("link")), os.Symlink("/dev/null", at("null"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fifo", "dir", "link", "null", "none/file"} {
		l, err := Open(Config{File: at(name)})
		if err == nil {
			_ = l.Close(time.Minute)
			t.Errorf("%s: opened", name)
		}
	}
	l, err := Open(Config{File: at("file")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(time.Minute); err != nil {
		t.Error(err)
	}
}

// TestCutOffBefore: a file that ends in mid-line, after a power cut, breaks no new line. One that
// others can read is used with a warning.
func TestCutOffBefore(t *testing.T) {
	s := open(t, nil)
	s.close()
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-01-01T00:00:00Z","ev`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chmod(s.path, 0o644); err != nil {
		t.Fatal(err)
	}
	s.start(nil)
	s.close()
	s.want(1, "start", "stop", "start", "stop")
	if !strings.Contains(s.text.String(), "group or others can reach it (mode 0644)") {
		t.Errorf("got log\n%s", s.text)
	}
}
