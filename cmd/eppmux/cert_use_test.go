package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// certServe serves with the lines of config that "eppmux cert" has printed, and returns the port.
func certServe(t *testing.T, out string) (port string) {
	t.Helper()
	_, lines, _ := strings.Cut(out, "\nIn the config file")
	_, lines, _ = strings.Cut(lines, "\n")
	lines, _, found := strings.Cut(lines, "\n\n")
	if !found || strings.Count(lines, "\n") != 2 {
		t.Fatalf("got %q, want three lines of config in it", out)
	}
	lines = strings.Replace(lines, ":7700", ":0", 1)
	text := "admin: {listen: \"\"}\nregistries:\n  - name: a\n    address: sandbox\n" + lines + "\n      max: 50\n"
	file := clitest.WriteFile(t, t.TempDir(), "c.yaml", text, 0o600)
	if got := eppmux(t, "check", "--config", file); got.code != 0 {
		t.Fatalf("got %+v for\n%s", got, text)
	}
	p := startProgram(t, "serve", "--config", file)
	t.Cleanup(func() { p.end() })
	return p.find(`msg=listening .*listener=tls://127.0.0.1:(\d+)`)
}

// advised is the advice of a tool, for the port, up to the program's arguments.
func advised(t *testing.T, out, tool, port string) []string {
	t.Helper()
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "  "+tool+" "); ok {
			return strings.Fields(strings.ReplaceAll(rest, ":7700", ":"+port))
		}
	}
	t.Fatalf("got %q, want a line of %s in it", out, tool)
	return nil
}

// TestCertAdvice does what is printed: the config, and what clients are told to do.
func TestCertAdvice(t *testing.T) {
	dir, out := makeCerts(t)
	port := certServe(t, out)
	other, _ := makeCerts(t)

	t.Run("eppmux", func(t *testing.T) {
		args := advised(t, out, "eppmux", port)
		if got := eppmux(t, args[1:]...); got.code != 0 || !strings.Contains(got.out, "<greeting>") {
			t.Errorf("got %+v", got)
		}
		for i, arg := range args {
			args[i] = strings.Replace(arg, dir, other, 1)
		}
		if got := eppmux(t, args[1:]...); got.code == 0 || !strings.Contains(got.errs, "x509: ") {
			t.Errorf("another authority: got %+v, want it refused", got)
		}
	})
	t.Run("openssl", func(t *testing.T) {
		if _, err := exec.LookPath("openssl"); err != nil {
			lacking(t, "openssl", err)
		}
		args := advised(t, out, "openssl", port)
		got, err := runClient(t, clitest.Unit(opensslLogout), args[0], append(args[1:], "-quiet")...)
		if err != nil || !strings.Contains(got, `code="1500"`) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("Perl", func(t *testing.T) {
		if out, err := exec.Command("perl", "-MIO::Socket::SSL", "-e1").CombinedOutput(); err != nil {
			lacking(t, "perl with IO::Socket::SSL", fmt.Errorf("%w\n%s", err, out))
		}
		_, options, _ := strings.Cut(strings.Join(advised(t, out, "Perl", port), " "), ": ")
		script := fmt.Sprintf(`my $s = IO::Socket::SSL->new(PeerHost => "localhost", PeerPort => %s, %s) or die "$SSL_ERROR"; read($s, my $got, 100); print $got`, port, options)
		if got, err := runClient(t, nil, "perl", "-MIO::Socket::SSL", "-e", script); err != nil || !strings.Contains(got, "<epp") {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("Java", func(t *testing.T) {
		args := advised(t, out, "Java", port)
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Skip(err) // CI has no Java
		}
		for i, arg := range args {
			if arg == "trust.p12" {
				args[i] = filepath.Join(t.TempDir(), arg)
			}
		}
		if got, err := runClient(t, nil, args[0], args[1:]...); err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
