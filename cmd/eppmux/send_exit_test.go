package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/frame"
)

// TestExitOf holds the exit codes that scripts rely on.
func TestExitOf(t *testing.T) {
	for code, want := range map[int]int{
		1000: 0, 1001: 0, 1300: 0, 1301: 0, 1500: 0, 1999: 0,
		2000: 3, 2001: 3, 2002: 3, 2003: 3, 2004: 3, 2005: 3, 2100: 3, 2101: 3, 2102: 3, 2103: 3, 2307: 3,
		2104: 7, 2105: 7, 2106: 7, 2300: 7, 2301: 7, 2304: 7, 2305: 7, 2306: 7, 2308: 7,
		2200: 4, 2201: 4, 2202: 4, 2501: 4,
		2302: 5, 2303: 6,
		2400: 8, 2500: 8, 2502: 8,
		0: 9, 999: 9, 2600: 9, 3000: 9, 9999: 9,
		-1: 1, 10000: 1,
	} {
		if got := exitOf(code); got != want {
			t.Errorf("%d: got %d, want %d", code, got, want)
		}
	}
	if got := exitOfAnswer(&frame.Message{Kind: frame.KindGreeting}); got != 0 {
		t.Errorf("greeting: got %d, want 0", got)
	}
}

// TestExitCodesAreShown: help and docs say what the table says.
func TestExitCodesAreShown(t *testing.T) {
	table := exitTable()
	if got := eppmux(t, "send", "--help").out; !strings.Contains(got, table) {
		t.Errorf("got help\n%swant in it\n%s", got, table)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range exitClasses {
		if c.exit != i {
			t.Errorf("got exit code %d in line %d", c.exit, i)
		}
		if line := "| " + itoa(c.exit) + " | " + c.shownCodes() + " | " + c.means + " |"; !strings.Contains(string(text), line) {
			t.Errorf("docs/reference.md lacks %q", line)
		}
	}
}
