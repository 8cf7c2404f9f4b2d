package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestReadFile: only whole regular files are read, and opening never waits.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := clitest.WriteFile(t, dir, "file", "12345", 0o640)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path  string
		limit int64
		want  string // of the file
		fault string
	}{
		{path, 100, "12345", ""},
		{path, 5, "12345", ""},
		{path, 4, "", path + ": larger than 4 octets"},
		{link, 5, "12345", ""}, // as Kubernetes mounts secrets
		{pipe, 100, "", pipe + ": not a regular file"},
		{dir, 100, "", dir + ": not a regular file"},
		{"/dev/null", 100, "", "/dev/null: not a regular file"},
		{filepath.Join(dir, "missing"), 100, "", "no such file"},
		{"", 100, "", "no such file"},
	} {
		data, info, err := ReadFile(tt.path, tt.limit)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) || string(data) != tt.want {
			t.Errorf("%s, %d: got %q, %v, want %q, %q", tt.path, tt.limit, data, err, tt.want, tt.fault)
		}
		if err == nil && info.Mode() != 0o640 || err != nil && info != nil {
			t.Errorf("%s: got %v, want the mode of what was read", tt.path, info)
		}
	}
}

// TestPrivate goes through all modes: a secret is read by its owner alone.
func TestPrivate(t *testing.T) {
	if err := Private(nil); err != nil {
		t.Errorf("got %v for no file", err)
	}
	dir := t.TempDir()
	path := clitest.WriteFile(t, dir, "secret", "x", 0o600)
	for mode := fs.FileMode(0); mode <= 0o777; mode++ {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Private(info) == nil, mode&0o077 == 0; got != want {
			t.Errorf("%04o: got private %v, want %v", mode, got, want)
		}
		if err := os.Chmod(dir, mode|0o700); err != nil {
			t.Fatal(err)
		}
		folder, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := OwnFolder(folder) == nil, mode&0o022 == 0; got != want {
			t.Errorf("folder of %04o: got own %v, want %v", mode|0o700, got, want)
		}
	}
}

// owner is a FileInfo of a file that belongs to somebody.
type owner struct {
	fs.FileInfo
	uid uint32
}

func (o owner) Mode() fs.FileMode { return 0o600 }
func (o owner) Sys() any          { return &syscall.Stat_t{Uid: o.uid} }

// TestOwned: a file of another user may be replaced by that user, whatever its mode.
func TestOwned(t *testing.T) {
	us := uint32(os.Geteuid())
	for uid, want := range map[uint32]bool{us: true, 0: true, us + 1: false, 65534: us == 65534} {
		for name, err := range map[string]error{"file": Private(owner{uid: uid}), "folder": OwnFolder(owner{uid: uid})} {
			if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "it belongs to another user (uid ") {
				t.Errorf("%s of %d: got %v, want it accepted: %v", name, uid, err, want)
			}
		}
	}
}
