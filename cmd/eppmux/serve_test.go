package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestHangup is the program as a process: SIGHUP by SIGHUP it follows its file, and ends on
// SIGTERM.
func TestHangup(t *testing.T) {
	dir := t.TempDir()
	config := func(names ...string) {
		text := "admin: {listen: \"\"}\nregistries:\n"
		for _, n := range names {
			text += fmt.Sprintf("  - {name: %s, address: sandbox, listen: [%q], clients: {max: 50}}\n", n, "unix://"+filepath.Join(dir, n))
		}
		clitest.WriteFile(t, dir, "c.yaml", text, 0o600)
	}
	config("a")
	p := startProgram(t, "serve", "--config", filepath.Join(dir, "c.yaml"))
	p.find(`(msg="eppmux serves")`)
	hangup := func() {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	config("a", "b")
	hangup()
	p.find(`(msg=reloaded added=b unchanged=a)`)
	config("A")
	hangup()
	p.find(`(msg="reload refused)`)
	config("b")
	hangup()
	p.find(`(msg=reloaded removed=a unchanged=b)`)
	p.end()
}

// TestHangupInDrain: it is ignored, and above all it does not end the process.
func TestHangupInDrain(t *testing.T) {
	dir := t.TempDir()
	file := clitest.WriteFile(t, dir, "c.yaml", "admin: {listen: \"\"}\nregistries:\n"+
		fmt.Sprintf("  - {name: a, address: sandbox, listen: [%q], clients: {max: 50}}\n", "unix://"+filepath.Join(dir, "a")), 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.find(`(msg=draining)`)
	_ = p.cmd.Process.Signal(syscall.SIGHUP) // it may have ended by now
	<-p.ended
	if log := p.log.Text(); p.err != nil || strings.Contains(log, "reload") {
		t.Errorf("got %v, log\n%swant exit 0 and no reload", p.err, log)
	}
}

func TestServeRefusesAFaultyFile(t *testing.T) {
	got := eppmux(t, "serve", "--config", clitest.WriteFile(t, t.TempDir(), "c.yaml", clitest.SandboxYAML("nonsense: 1"), 0o600))
	if got.code != cli.ExitUsage || !strings.Contains(got.errs, "unknown key") || got.out != "" {
		t.Errorf("got %+v", got)
	}
}
