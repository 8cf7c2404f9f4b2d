package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestDomainr checks names with the command of github.com/domainr/epp. It sends no clTRID, writes
// header and payload apart, never logs out, and takes a certificate without looking at it.
func TestDomainr(t *testing.T) {
	t.Parallel()
	epp := installDomainr(t)
	asked := []string{"example.com", "nowhere.invalid"}
	want := "example.com\tavail=false\treason=\"In use\"\n" +
		"nowhere.invalid\tavail=false\treason=\"Not in a zone of this registry\"\n"
	for i := range 23 {
		name := fmt.Sprintf("interop-%d.net", i)
		asked, want = append(asked, name), want+name+"\tavail=true\treason=\"\"\n"
	}
	for _, w := range []way{directPlain, directTLS, throughPlain, throughTLS} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, w)
			sameLines(t, s.domainr(t, epp, nil, asked[:5]), firstLines(want, 5))
			sameLines(t, s.domainr(t, epp, []string{"-batch"}, asked[:5]), firstLines(want, 5))
			got := s.end()
			if w == directTLS && got.Breaches.NotSingleWrite == 0 {
				t.Error("got no NotSingleWrite from the client itself: the sandbox does not notice")
			}
		})
	}
	// More clients than sessions, together faster than the registry allows.
	t.Run("many "+throughPlain.name, func(t *testing.T) {
		t.Parallel()
		s := newStand(t, throughPlain)
		var all sync.WaitGroup
		for range 3 * sessionsMax {
			all.Go(func() { sameLines(t, s.domainr(t, epp, nil, asked), want) })
		}
		all.Wait()
		if got, want := s.end().Commands["check"], uint64(3*sessionsMax*len(asked)); got != want {
			t.Errorf("got %d checks at the registry, want %d", got, want)
		}
	})
}

// TestDomainrLibrary runs a program of ours with the library itself, see testdata/interop/domainr.
func TestDomainrLibrary(t *testing.T) {
	t.Parallel()
	day := buildDomainr(t)
	run := func(t *testing.T, w way) string {
		s := newStand(t, w)
		args := []string{s.address}
		if s.ca != "" {
			args = append(args, s.ca, s.cert, s.key)
		}
		out, err := runClient(t, nil, day, args...)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.end(); !w.through && got.Commands["hello"] == 0 {
			t.Error("got no hello at the registry, want that of the program")
		}
		return normal(s.passwordChange(out))
	}
	var want string
	t.Run(directPlain.name, func(t *testing.T) {
		want = run(t, directPlain)
		sameGolden(t, "testdata/interop/domainr.golden", want)
	})
	for _, w := range []way{directTLS, throughPlain, throughTLS} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			sameLines(t, run(t, w), want)
		})
	}
}

// buildDomainr builds the program in a module of its own, so that the library is no dependency of
// ours.
func buildDomainr(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile("testdata/interop/domainr/main.go")
	if err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, dir, "main.go", string(source), 0o600)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for _, args := range [][]string{{"mod", "init", "day"}, {"get", "github.com/domainr/epp@v0.2.0"}, {"build", "-o", "day", "."}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		switch {
		case err != nil && args[0] == "build":
			t.Fatalf("%v\n%s", err, out)
		case err != nil:
			lacking(t, "go "+args[0]+" github.com/domainr/epp", fmt.Errorf("%w\n%s", err, out))
		}
	}
	return filepath.Join(dir, "day")
}

// installDomainr builds the command; it is no dependency of ours.
func installDomainr(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	// it may have to build much of the standard library
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/domainr/epp/cmd/...@v0.2.0")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		lacking(t, "go install github.com/domainr/epp", fmt.Errorf("%w\n%s", err, out))
	}
	return filepath.Join(dir, "epp")
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// domainr runs the command and returns what it printed, without the colours. It may be called from
// any goroutine.
func (s *stand) domainr(t *testing.T, epp string, flags, names []string) string {
	args := []string{"-addr", s.address, "-u", "demo", "-p", "demo-secret", "-tls=false"}
	if s.ca != "" {
		args = append(args, "-tls", "-ca", s.ca, "-cert", s.cert, "-key", s.key)
	}
	out, err := runClient(t, nil, epp, slices.Concat(args, flags, names)...)
	if err != nil {
		t.Error(err)
	}
	return charges.ReplaceAllString(colours.ReplaceAllString(out, ""), "")
}

// charges are the lines of prices. They are left out: the command asks for prices where the greeting
// offers them, and shows them without a name (findings/domainr-price-without-name.sh).
var charges = regexp.MustCompile(`(?m)^.*\tcategory=.*\n`)

func firstLines(text string, n int) string {
	return strings.Join(strings.SplitAfter(text, "\n")[:n], "")
}
