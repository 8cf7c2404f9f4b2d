package main

import (
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestCheckWarns: what is no fault goes to standard error, beside "ok".
func TestCheckWarns(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "c.yaml", clitest.SandboxYAML("profile: ee", "sessions: {max: 5}"), 0o600)
	got := eppmux(t, "check", "--config", file)
	if want := file + ":4: registries[0].sessions.max: warning: 5, but ee allows 4 ("; got.code != 0 || got.out != "ok\n" ||
		!strings.HasPrefix(got.errs, want) || strings.Count(got.errs, "\n") != 1 {
		t.Errorf("got %+v, want %q and ok", got, want)
	}
}

// TestCheckCluster: what this host would be in its cluster stands before "ok".
func TestCheckCluster(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	file := clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML()+"cluster: {name: prod, host: a, static: {owner: a}, "+
		"peer: {listen: \"127.0.0.1:7070\", ca_file: a.pem, cert_file: a.pem, key_file: a.key}}\n", 0o600)
	got := eppmux(t, "check", "--config", file)
	const want = "cluster prod: this host is a, reached at 127.0.0.1:7070; owns all accounts; alone has a\nok\n"
	if got.code != 0 || got.out != want || got.errs != "" {
		t.Errorf("got %+v, want %q", got, want)
	}
}
