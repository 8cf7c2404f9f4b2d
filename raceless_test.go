package eppmux

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// raceSwitch is the constant by which a test learns that it runs under the race detector. Two files
// of a package declare it, one for each way to build.
const raceSwitch = "raceEnabled"

// raceless finds the tests of speed and of allocations, by package: all of a file that asks
// raceSwitch, be it in a helper, all of a file that is built without the race detector only, and
// each test that counts allocations by itself. A package that has raceSwitch and no test that asks
// it is an error.
func raceless(t *testing.T, root string) map[string][]string {
	t.Helper()
	found, switches := make(map[string][]string), make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if declares(file, raceSwitch) {
			switches[dir] = true
		}
		all := mentions(file, raceSwitch) && !declares(file, raceSwitch) || !builtWith(file, "race")
		for _, f := range testsOf(file) {
			if all || mentions(f, "AllocsPerRun") {
				found[dir] = append(found[dir], f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range switches {
		if len(found[dir]) == 0 {
			t.Errorf("%s has %s, and no test asks it", dir, raceSwitch)
		}
	}
	return found
}

// declares reports whether a file declares a constant or variable of that name.
func declares(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			found = found || slices.ContainsFunc(spec.Names, func(id *ast.Ident) bool { return id.Name == name })
		}
		return true
	})
	return found
}

// mentions reports whether code names an identifier; a comment does not count.
func mentions(code ast.Node, name string) bool {
	found := false
	ast.Inspect(code, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return true
	})
	return found
}

// builtWith reports whether a file may be built with a tag: it is not if its constraint wants the
// tag unset.
func builtWith(file *ast.File, tag string) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			expr, err := constraint.Parse(c.Text)
			if err != nil || c.Pos() > file.Package {
				continue
			}
			with := expr.Eval(func(string) bool { return true })
			without := expr.Eval(func(have string) bool { return have != tag })
			return with || !without
		}
	}
	return true
}

// testsOf are the tests of a file.
func testsOf(file *ast.File) (tests []*ast.FuncDecl) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			tests = append(tests, f)
		}
	}
	return tests
}

// TestRaceless runs, in CI, the tests of speed and of allocations without the race detector, under
// which they say little or are left out. Each must pass; one that is skipped is an error.
func TestRaceless(t *testing.T) {
	found := raceless(t, ".")
	if len(found) == 0 {
		t.Fatal("found no test")
	}
	if os.Getenv("CI") == "" {
		t.Skipf("CI is not set; not run: %v", found)
	}
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		names := found[dir]
		out, err := tool(t, "go", "test", "-count", "1", "-v", "-run", "^("+strings.Join(names, "|")+")$", "./"+dir)
		if err != nil {
			t.Errorf("%s: %v\n%s", dir, err, out)
			continue
		}
		for _, name := range names {
			if !strings.Contains("\n"+out, "\n--- PASS: "+name+" ") {
				t.Errorf("%s: %s did not run\n%s", dir, name, out)
			}
		}
	}
}

// TestFindRaceless holds the search to a project of four files.
func TestFindRaceless(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"norace_test.go": "//go:build !race\n\npackage p\n\nconst raceEnabled = false\n",
		"asks_test.go":   "package p\n\nfunc helper() bool { return raceEnabled }\nfunc TestA() {}\nfunc Other() {}\n",
		"tag_test.go":    "// A comment.\n\n//go:build linux && !race\n\npackage p\n\nfunc TestB() {}\n",
		"other_test.go":  "//go:build linux\n\npackage p\n\n// raceEnabled\nfunc TestC() {}\nfunc TestD() { testing.AllocsPerRun() }\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := raceless(t, root)[root]; !slices.Equal(got, []string{"TestA", "TestD", "TestB"}) {
		t.Errorf("got %v, want TestA, TestD and TestB", got)
	}
}
