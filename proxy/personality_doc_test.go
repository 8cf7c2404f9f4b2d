package proxy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
)

// compatibility is the page that says which clients and registries were tried.
var compatibility = filepath.Join("..", "docs", "compatibility.md")

// clientRows are the personalities of clients as that page lists them.
func clientRows() []string {
	var rows []string
	for _, p := range personalities {
		not := registryKindsThat(func(k registryKind) bool { return p.habits.has(k.spoils) })
		rows = append(rows, "| "+p.name+" | "+p.String()+" | "+strings.Join(not, ", ")+" |")
	}
	return rows
}

// registryRows are the personalities of registries as that page lists them.
func registryRows() []string {
	var rows []string
	for _, k := range registryKinds {
		keepalive := ""
		if k.keepalive != frame.CommandNone {
			keepalive = "`" + k.keepalive.String() + "`"
		}
		rows = append(rows, "| "+k.name+" | "+k.about+" | "+keepalive+" |")
	}
	return rows
}

func registryKindsThat(are func(registryKind) bool) []string {
	var names []string
	for _, k := range registryKinds {
		if are(k) {
			names = append(names, k.name)
		}
	}
	return names
}

// TestCompatibilityTables holds docs/compatibility.md against the personalities.
func TestCompatibilityTables(t *testing.T) {
	if err := checkPersonalities(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(compatibility)
	if err != nil {
		t.Fatal(err)
	}
	for heading, want := range map[string][]string{"Client personalities": clientRows(), "Registry personalities": registryRows()} {
		if got := tableUnder(string(page), heading); !slices.Equal(got, want) {
			t.Errorf("%s: the table must be\n%s", heading, strings.Join(want, "\n"))
		}
	}
}

// tableUnder returns the rows of the table in a section, without its head.
func tableUnder(page, heading string) []string {
	_, section, _ := strings.Cut(page, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, _ := strings.Cut(section, "| --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	return strings.Split(strings.TrimSpace(table), "\n")
}

// TestCompatibilityTests: every test that docs/compatibility.md names is there.
func TestCompatibilityTests(t *testing.T) {
	page, err := os.ReadFile(compatibility)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+/\\w+_test\\.go)`: `(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	for _, m := range named {
		source, err := os.ReadFile(filepath.Join("..", m[1]))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(source), "func "+m[2]+"(") {
			t.Errorf("%s has no %s", m[1], m[2])
		}
	}
	if len(named) < 5 {
		t.Errorf("found %d names only", len(named))
	}
}
