package localca

import (
	"os"
	"path/filepath"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestReplacedFile: an old file that others could read, or a link to somewhere else, is not written
// into.
func TestReplacedFile(t *testing.T) {
	dir := t.TempDir()
	old := clitest.WriteFile(t, dir, "old", "old", 0o644)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(old, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, old} {
		if err := replace(dir, filepath.Base(path), []byte("new")); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, _ := os.Lstat(path)
		if err != nil || string(got) != "new" || info.Mode() != 0o600 {
			t.Errorf("%s: got %q, %v, %v", path, got, info.Mode(), err)
		}
		if path == link {
			if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
				t.Errorf("behind the link: got %q, %v", got, err)
			}
		}
	}
}
