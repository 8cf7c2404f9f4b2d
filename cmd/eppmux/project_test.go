package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests in this file hold the project itself against its rules.

const root = "../.."

// tool runs a program at the root of the project and returns what it prints on standard output. The
// error has what it printed on standard error, which is no finding by itself: the go command tells
// there what it downloads.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return strings.TrimSpace(stdout.String()), err
}

// TestTools: a tool's exit status and its standard output are what it finds.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	for _, args := range [][]string{
		{"gofmt", "-l", "."},
		{"go", "vet", "./..."},
		{"go", "tool", "staticcheck", "./..."},
		{"go", "mod", "tidy", "-diff"},
	} {
		if out, err := tool(t, args[0], args[1:]...); err != nil || out != "" {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// layers are the packages from the bottom up; a package imports those before it only. The sandbox
// stands aside: it must be able to judge the others.
var layers = []string{"eppmux/frame", "eppmux/ratelimit", "eppmux/audit", "eppmux/upstream", "eppmux/proxy", "eppmux/admin", "eppmux/cmd/eppmux"}

// libraries are the imports from outside the standard library that each package may have.
var libraries = map[string][]string{
	"eppmux/frame":     nil,
	"eppmux/ratelimit": nil,
	"eppmux/sandbox":   nil,
	"eppmux/audit":     {"github.com/prometheus/client_golang/prometheus"},
	"eppmux/upstream":  {"github.com/valyala/bytebufferpool", "github.com/hashicorp/golang-lru/v2/simplelru"},
	"eppmux/proxy": {"github.com/panjf2000/gnet/v2", "github.com/panjf2000/gnet/v2/pkg/logging", "github.com/valyala/bytebufferpool",
		"github.com/prometheus/client_golang/prometheus"},
	"eppmux/admin":      {"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/promhttp"},
	"eppmux/bench":      nil,
	"eppmux/deploy/deb": nil,
	"eppmux/cmd/eppmux": {"github.com/spf13/cobra", "gopkg.in/yaml.v3", "github.com/prometheus/client_golang/prometheus",
		"github.com/prometheus/client_golang/prometheus/collectors", "golang.org/x/sys/unix"},
}

// TestLayout fails on an import that goes up, or of a library in a package that has no business
// with it.
func TestLayout(t *testing.T) {
	out, err := tool(t, "go", "list", "-json=ImportPath,Imports", "./...")
	if err != nil {
		t.Fatal(err, out)
	}
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, known := libraries[p.ImportPath]
		if !known {
			t.Errorf("package %s is not in the layout", p.ImportPath)
		}
		for _, im := range p.Imports {
			switch {
			case strings.HasPrefix(im, "eppmux/"):
				if !mayImport(p.ImportPath, im) {
					t.Errorf("%s imports %s, which is not below it", p.ImportPath, im)
				}
			case strings.Contains(strings.Split(im, "/")[0], ".") && !slices.Contains(allowed, im):
				t.Errorf("%s imports %s", p.ImportPath, im)
			}
		}
	}
}

func mayImport(from, to string) bool {
	if to == "eppmux/sandbox" {
		return from == "eppmux/cmd/eppmux"
	}
	f, g := slices.Index(layers, from), slices.Index(layers, to)
	return g >= 0 && f > g
}

// TestOnlyItself: the project names no path of a machine and no host of a package registry.
func TestOnlyItself(t *testing.T) {
	forbidden := regexp.MustCompile(`/(root|home|work|tmp/bash)[/_]|proxy\.golang|deb\.debian|registry\.npmjs`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir() || filepath.Base(path) == "project_test.go":
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(data, 0) >= 0 {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			if m := forbidden.FindString(line); m != "" {
				t.Errorf("%s:%d: %q", path, i+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fuzzTargets finds all fuzz targets of the project, each with the directory that it is in.
func fuzzTargets(t *testing.T) map[string]string {
	t.Helper()
	targets := make(map[string]string)
	form := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		for _, m := range form.FindAllSubmatch(data, -1) {
			if in, found := targets[string(m[1])]; found {
				t.Errorf("%s is in %s and in %s", m[1], in, path)
			}
			targets[string(m[1])] = filepath.Dir(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) < 8 {
		t.Errorf("found %d fuzz targets only", len(targets))
	}
	return targets
}

// TestFuzzTargets runs each fuzz target of the project for some seconds, in CI: elsewhere their
// seeds and the inputs that are kept are enough. The run is bounded by a number of executions: one
// bounded by time can end in a failure that no input caused, when a worker is busy at its end
// (golang.org/issue/75804).
func TestFuzzTargets(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("CI is not set")
	}
	for name, dir := range fuzzTargets(t) {
		dir, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tool(t, "go", "test", "-run", "^$", "-fuzz", "^"+name+"$", "-fuzztime", "5000x", "-fuzzminimizetime", "20x", "./"+dir)
		if err != nil {
			t.Errorf("%s in %s: %v\n%s", name, dir, err, out)
		}
	}
}

// TestFuzzInputs: the inputs kept from long runs are few and small, and each target has some.
func TestFuzzInputs(t *testing.T) {
	targets, octets := fuzzTargets(t), 0
	kept, err := filepath.Glob(filepath.Join(root, "*", "testdata", "fuzz", "*"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(root, "*", "*", "testdata", "fuzz", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(kept, deeper...) {
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

// TestLongSimulation ends ten million simulated commands with a new seed, in CI. It is built
// without the race detector: the simulation has one goroutine.
func TestLongSimulation(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("CI is not set")
	}
	out, err := tool(t, "go", "test", "-count", "1", "-v", "-run", "^TestSimulation$", "./upstream", "-args", "-sim.commands", "10000000")
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Log(out)
}

// TestBenchmarksRun runs each benchmark once.
func TestBenchmarksRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	if out, err := tool(t, "go", "test", "-run", "^$", "-bench", ".", "-benchtime", "1x", "./frame", "./ratelimit", "./audit", "./upstream", "./proxy"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFaultsTable: every test that docs/faults.md names is there.
func TestFaultsTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile(`((?:audit|upstream|proxy|bench|cmd/eppmux)/\w+): (\w+(?:, \w+)*)`).FindAllStringSubmatch(string(text), -1) {
		source, err := os.ReadFile(filepath.Join(root, m[1]+"_test.go"))
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
