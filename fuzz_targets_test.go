package eppmux

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// functions finds the functions of tests whose names match, each with the directory that it is in.
func functions(t *testing.T, name string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	form := regexp.MustCompile(`(?m)^func (` + name + `)\(`)
	eachFile(t, func(path string, data []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range form.FindAllSubmatch(data, -1) {
			if in, twice := found[string(m[1])]; twice {
				t.Errorf("%s is in %s and in %s", m[1], in, path)
			}
			found[string(m[1])] = filepath.Dir(path)
		}
	})
	return found
}

// directoryOf is where the one test of that name is.
func directoryOf(t *testing.T, name string) string {
	t.Helper()
	dir, ok := functions(t, name)[name]
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return dir
}

// fuzzTargets finds all fuzz targets of the project, each with the directory that it is in.
func fuzzTargets(t *testing.T) map[string]string {
	t.Helper()
	targets := functions(t, `Fuzz\w+`)
	if len(targets) < 8 {
		t.Errorf("found %d fuzz targets only", len(targets))
	}
	return targets
}

// TestFuzzTargets runs each fuzz target of the project for some seconds, where it explores: elsewhere their
// seeds and the inputs that are kept are enough. The run is bounded by a number of executions: one
// bounded by time can end in a failure that no input caused, when a worker is busy at its end
// (golang.org/issue/75804).
func TestFuzzTargets(t *testing.T) {
	if !explores() {
		t.Skip("EPPMUX_EXPLORE is not set")
	}
	for name, dir := range fuzzTargets(t) {
		out, err := tool(t, "go", "test", "-run", "^$", "-fuzz", "^"+name+"$", "-fuzztime", "5000x", "-fuzzminimizetime", "20x", "./"+dir)
		if err != nil {
			t.Errorf("%s in %s: %v\n%s", name, dir, err, out)
		}
	}
}

// fuzzInputs are the folders of inputs that are kept, at any depth.
func fuzzInputs(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir() && strings.HasSuffix(filepath.Dir(path), filepath.Join("testdata", "fuzz")):
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestFuzzInputs: the inputs kept from long runs are few and small, and each target has some.
func TestFuzzInputs(t *testing.T) {
	targets, octets := fuzzTargets(t), 0
	for _, dir := range fuzzInputs(t) {
		name := filepath.Base(dir)
		if want := filepath.Join(targets[name], "testdata", "fuzz", name); dir != want {
			t.Errorf("%s: no target there has this name", dir)
		}
		delete(targets, name)
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 || len(files) > 200 {
			t.Errorf("%s: %d inputs, want 1 to 200", dir, len(files))
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			octets += len(data)
		}
	}
	if len(targets) > 0 || octets > 1<<20 {
		t.Errorf("no inputs for %v; %d octets in all, want 1 MiB at most", targets, octets)
	}
}
