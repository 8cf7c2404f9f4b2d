package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestNotify: what a service manager hears in the life of the program, over both kinds of socket
// names.
func TestNotify(t *testing.T) {
	for _, abstract := range []bool{false, true} {
		dir := t.TempDir()
		name := filepath.Join(dir, "notify")
		if abstract {
			name = "@eppmux-test" + strings.ReplaceAll(dir, "/", "-")
		}
		m := clitest.NewManager(t, name)
		config := func(listen string) string {
			return clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\ndrain_timeout: 20s\nregistries: [{name: a, address: sandbox, "+
				"listen: [%q], clients: {max: 9}}]\n", "unix://"+filepath.Join(dir, listen)), 0o600)
		}
		file := config("epp.sock")
		p := startProgramAs(t, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=40000")
		}, "serve", "--config", file)
		m.Want("READY=1\nSTATUS=serving a")
		for m.Any() != "WATCHDOG=1" {
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		m.Want(`RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading`)
		m.Want("READY=1\nSTATUS=serving a")
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		m.Want("STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=draining")
		if <-p.ended; p.err != nil {
			t.Error(p.err)
		}
	}
}
