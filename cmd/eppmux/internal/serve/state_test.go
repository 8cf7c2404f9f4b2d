package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// TestStateFolder: which folder is chosen, and that only one of our own is made.
func TestStateFolder(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, fmt.Sprintf("eppmux-%d", os.Geteuid()))
	t.Setenv("TMPDIR", dir)
	for _, tt := range []struct{ key, state, runtime, want string }{
		{"/key", "/state:/more", "/run", "/key"},
		{"", "/state:/more", "/run", "/state"},
		{"", "", "/run:/more", "/run"},
		{"", "", "", own},
		{"", "", "", own}, // it is there now
	} {
		t.Setenv("STATE_DIRECTORY", tt.state)
		t.Setenv("RUNTIME_DIRECTORY", tt.runtime)
		if got, err := stateFolder(&config.Config{State: config.State{Dir: tt.key}}); got != tt.want || err != nil {
			t.Errorf("%+v: got %q, %v, want %q", tt, got, err, tt.want)
		}
	}
	if info, err := os.Stat(own); err != nil || info.Mode() != os.ModeDir|0o700 {
		t.Errorf("got %v, %v, want a folder of mode 0700", info.Mode(), err)
	}
}

// TestOwnFolder: what somebody else could have made is not used.
func TestOwnFolder(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	clitest.WriteFile(t, dir, "file", "", 0o600)
	if err := os.Mkdir(in("open"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("open"), in("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(in("open"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"file": "not a folder", "link": "not a folder", "open": "group or others can reach it", "none/x": "no such file",
	} {
		if got, err := ownFolder(in(name)); got != "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	if err := os.Mkdir(in("theirs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(in("theirs"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := ownFolder(in("theirs")); got == "" || err != nil {
		t.Errorf("got %q, %v for a folder of root's", got, err)
	}
	if err := os.Chown(in("theirs"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if got, err := ownFolder(in("theirs")); got != "" || err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("got %q, %v for a folder of another user's", got, err)
	}
}
