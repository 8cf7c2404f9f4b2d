package eppmux

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsTable: every test that docs/faults.md names is there.
func TestFaultsTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile(`((?:admin|audit|cluster|upstream|proxy|loop|bench|cmd|ratelimit|sandbox)(?:/\w+)+): (\w+(?:, \w+)*)`).FindAllStringSubmatch(string(text), -1) {
		source, err := os.ReadFile(m[1] + "_test.go")
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
			continue
		}
		for _, name := range strings.Split(m[2], ", ") {
			named++
			if !bytes.Contains(source, []byte("func Test"+name+"(")) {
				t.Errorf("%s has no Test%s", m[1], name)
			}
		}
	}
	if named < 50 {
		t.Errorf("found %d names only", named)
	}
}
