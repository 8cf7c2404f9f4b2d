package eppmux

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests of this package hold the project itself against its rules. They run at its root.

// tool runs a program at the root of the project and returns what it prints on standard output. The
// error has what it printed on standard error, which is no finding by itself: the go command tells
// there what it downloads.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return strings.TrimSpace(stdout.String()), err
}

// eachFile calls f for each file of the project, with its path from the root.
func eachFile(t *testing.T, f func(path string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git": // a folder, or in another work tree a file
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil {
			f(path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
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

// TestOnlyItself: the project names no path of a machine and no host of a package registry.
func TestOnlyItself(t *testing.T) {
	forbidden := regexp.MustCompile(`/(root|home|work|tmp/bash)[/_]|proxy\.golang|deb\.debian|registry\.npmjs`)
	eachFile(t, func(path string, data []byte) {
		if path == "tools_test.go" || bytes.IndexByte(data, 0) >= 0 {
			return
		}
		for i, line := range strings.Split(string(data), "\n") {
			if m := forbidden.FindString(line); m != "" {
				t.Errorf("%s:%d: %q", path, i+1, m)
			}
		}
	})
}

// explores reports whether the tests look for what nobody has seen, with new seeds and new inputs. What
// they find is as likely in the version before, so that it must not refuse a change that has nothing to do
// with it: the same change passes always, or never.
func explores() bool { return os.Getenv("EPPMUX_EXPLORE") != "" }

// TestLongSimulation ends ten million simulated commands of a pool, and two million of clusters as a
// whole, in CI, from the same seeds each time unless it explores. It is built without the race detector: a simulation has one goroutine.
func TestLongSimulation(t *testing.T) {
	if os.Getenv("CI") == "" && !explores() {
		t.Skip("CI is not set")
	}
	first := "1"
	if explores() {
		first = "0" // a new one
	}
	for name, args := range map[string][]string{
		"TestSimulation": {"-sim.seed", first, "-sim.commands", "10000000"},
		"TestWorld":      {"-world.first", first, "-world.commands", "2100000"},
	} {
		out, err := tool(t, "go", append([]string{"test", "-count", "1", "-v", "-run", "^" + name + "$",
			"./" + directoryOf(t, name), "-args"}, args...)...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(out)
	}
}

// TestBenchmarksRun runs each benchmark once.
func TestBenchmarksRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	if out, err := tool(t, "go", "test", "-run", "^$", "-bench", ".", "-benchtime", "1x", "./frame", "./ratelimit", "./audit", "./upstream/...", "./proxy"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
