package audit

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNextName: after the clock has been put back, what is rotated now still comes behind what was
// rotated before, so that it is not removed as the oldest.
func TestNextName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	d := &disk{path: path}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if got, err := d.nextName(now); err != nil || got != path+".20260102T030405.000000Z" {
		t.Fatalf("got %s, %v", got, err)
	}
	for _, at := range []string{"20250101T000000.000000Z", "20400101T000000.000000Z"} {
		if err := os.WriteFile(path+"."+at, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.nextName(now); err != nil || got != path+".20400101T000000.000001Z" {
		t.Errorf("got %s, %v", got, err)
	}
}
