package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// commoner is a user who may do nothing special: another one where the tests run as root.
type commoner struct {
	attr *syscall.SysProcAttr // of its processes; nil: it is the user of the tests
	self string               // this program, where it may run it
}

// newCommoner lets the commoner write into dir.
func newCommoner(t *testing.T, dir string) *commoner {
	t.Helper()
	if os.Geteuid() != 0 {
		return &commoner{}
	}
	const id = 65532
	if err := os.Chown(dir, id, id); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // of the folder that testing has made
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	c := &commoner{&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}, filepath.Join(dir, "eppmux")}
	to, err := os.OpenFile(c.self, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, self); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// own makes cmd, which runs this program, one of the commoner.
func (c *commoner) own(cmd *exec.Cmd) {
	if cmd.SysProcAttr = c.attr; c.attr != nil {
		cmd.Path = c.self
	}
}

// read reads a file as the commoner.
func (c *commoner) read(path string) ([]byte, error) {
	cmd := exec.Command("cat", path)
	cmd.SysProcAttr = c.attr
	return cmd.Output()
}

// TestServeGuardsItsMemory: it leaves no core file, and another process of its user reads nothing of
// it. It can be reloaded, and all metrics of a process are there.
func TestServeGuardsItsMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/limits"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	c := newCommoner(t, dir)
	file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: %q}\ncontrol: {socket: %q}\nregistries:\n", freeAddress(t), filepath.Join(dir, "ctl"))+
		fmt.Sprintf("  - {name: a, address: sandbox, listen: [%q], clients: {max: 50}}\n", "unix://"+filepath.Join(dir, "a")), 0o644)
	p := startProgramAs(t, c.own, "serve", "--config", file)
	st := &statusStand{t: t, admin: p.find(`msg="admin listening" listener=(\S+)`)}
	p.find(`(msg="eppmux serves")`)
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	limits, err := c.read(proc + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("got\n%s\nwant no core file", limits)
	}
	for _, name := range []string{"environ", "maps"} {
		if b, err := c.read(proc + name); err == nil {
			t.Errorf("%s: got %d octets, want it unreadable", name, len(b))
		}
	}
	metrics := string(st.get("/metrics"))
	for _, name := range []string{"cpu_seconds_total", "max_fds", "open_fds", "resident_memory_bytes", "start_time_seconds", "virtual_memory_bytes"} {
		if !strings.Contains(metrics, "\nprocess_"+name+" ") {
			t.Errorf("the metric process_%s is gone", name)
		}
	}
	if got := eppmux(t, "ctl", "--config", file, "reload"); got.code != cli.ExitDone {
		t.Errorf("ctl: got %+v", got)
	}
	p.end()
}
