package eppmux

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// wide is the width of a line, in columns, that few lines are to pass; a tab has four.
	wide = 120
	// widest is how many lines of code may pass it: URLs of sources, and texts that cannot be
	// broken.
	widest = 50
)

// measures are what can be counted of the house. Code of tests is counted apart, that of packages
// which only help tests with it.
type measures struct {
	code, tests int // lines
	wide        []string
	functions   []int // lines of each function, from func to its last brace
	packages    map[string]*size
}

type size struct{ files, lines int }

// measure counts all Go files of the house.
func measure(t *testing.T) *measures {
	t.Helper()
	m := &measures{packages: make(map[string]*size)}
	eachFile(t, func(path string, source []byte) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		lines := bytes.Count(source, []byte("\n"))
		if strings.HasSuffix(path, "_test.go") || dir == clitest || dir == metrictest || dir == clustertest || dir == enginetest {
			m.tests += lines
			return
		}
		m.code += lines
		p := m.packages[dir]
		if p == nil {
			p = new(size)
			m.packages[dir] = p
		}
		p.files, p.lines = p.files+1, p.lines+lines
		if err := m.file(path, source); err != nil {
			t.Error(err)
		}
	})
	return m
}

// file counts the lines and functions of one file.
func (m *measures) file(path string, source []byte) error {
	for i, line := range strings.Split(string(source), "\n") {
		if utf8.RuneCountInString(line)+3*strings.Count(line, "\t") > wide {
			m.wide = append(m.wide, fmt.Sprintf("%s:%d", path, i+1))
		}
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			m.functions = append(m.functions, set.Position(f.End()).Line-set.Position(f.Pos()).Line+1)
		}
	}
	return nil
}

// TestMeasures counts what docs/decisions/0012-rooms.md tells of the house; -v prints it. Two of
// the numbers are bounds.
func TestMeasures(t *testing.T) {
	m := measure(t)
	slices.Sort(m.functions)
	largest, of := "", new(size)
	for dir, p := range m.packages {
		if p.lines > of.lines || p.lines == of.lines && dir < largest {
			largest, of = dir, p
		}
	}
	n := len(m.functions)
	t.Logf("largest package: %s, %d files, %d lines", largest, of.files, of.lines)
	t.Logf("cmd/eppmux by itself: %d files, %d lines", m.packages["cmd/eppmux"].files, m.packages["cmd/eppmux"].lines)
	t.Logf("functions: median %d lines, 95th percentile %d, longest %d", m.functions[n/2], m.functions[n*95/100], m.functions[n-1])
	t.Logf("lines over %d columns: %d", wide, len(m.wide))
	t.Logf("lines of test a line of code: %.2f (%d, %d)", float64(m.tests)/float64(m.code), m.tests, m.code)
	if len(m.wide) > widest {
		t.Errorf("%d lines are wider than %d columns, at most %d may be:\n%s", len(m.wide), wide, widest, strings.Join(m.wide, "\n"))
	}
	if m.tests*100 < m.code*115 {
		t.Errorf("%d lines of test, want 1.15 for each of the %d lines of code", m.tests, m.code)
	}
}
