package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestServeLeavesNoCore: the limit is 0 for good, whatever it was.
func TestServeLeavesNoCore(t *testing.T) {
	if _, err := os.Stat("/proc/self/limits"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	file := clitest.WriteFile(t, dir, "c.yaml", "admin: {listen: \"\"}\nregistries:\n"+
		fmt.Sprintf("  - {name: a, address: sandbox, listen: [%q], clients: {max: 50}}\n", "unix://"+filepath.Join(dir, "a")), 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("got\n%s\nwant no core file", limits)
	}
	p.end()
}
