package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a systemd as process 1 of namespaces of its own: what runs there sees a whole system,
// and nothing of it outlives the test.
type machine struct {
	t    *testing.T
	cmd  *exec.Cmd // process 1
	net  *os.File  // the network namespace
	root string    // the machine's root folder, as seen from here
}

// bootTimeout is for booting, and for every command in a machine. Most of it is for a host that is
// busy.
const bootTimeout = 2 * time.Minute

// boot starts the systemd of a tree. Nothing is written into the tree.
func boot(t *testing.T, tree string) *machine {
	t.Helper()
	tree, err := filepath.Abs(tree)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/systemd-boot.sh")
	if err != nil {
		t.Fatal(err)
	}
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	m := &machine{t: t, cmd: exec.Command("unshare", "--cgroup", "sh", script, tree, t.TempDir())}
	m.cmd.Stdout, m.cmd.Stderr = console, console
	m.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET,
		UseCgroupFD: true, CgroupFD: int(newCgroup(t).Fd()),
	}
	stdin, err := m.cmd.StdinPipe() // its end ends the machine, also when the test is killed
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = m.cmd.Process.Kill() // and with process 1 all of its namespace
		_ = m.cmd.Wait()
		if text, err := os.ReadFile(console.Name()); t.Failed() {
			t.Logf("console: %v\n%s", err, text)
		}
	})
	proc := fmt.Sprintf("/proc/%d", m.cmd.Process.Pid)
	m.root = filepath.Join(proc, "root")
	if m.net, err = os.Open(filepath.Join(proc, "ns/net")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.net.Close() })
	m.wait("boot", func() bool {
		// it fails with "degraded", and before there is a systemd
		out, _ := m.try("systemctl", "is-system-running", "--wait")
		return out == "running" || out == "degraded"
	})
	return m
}

// newCgroup makes a cgroup that goes with the test.
func newCgroup(t *testing.T) *os.File {
	t.Helper()
	top := t.TempDir()
	if err := unix.Mount("cgroup2", top, "cgroup2", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(top, 0); err != nil {
			t.Error(err)
		}
	})
	own := filepath.Join(top, fmt.Sprintf("eppmux-test-%d", os.Getpid()))
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeCgroup(t, own) })
	f, err := os.Open(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// removeCgroup removes a cgroup whose processes have been killed, and those in it. One that has
// just lost its last process may be busy for a moment.
func removeCgroup(t *testing.T, top string) {
	var folders []string
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
	for i := len(folders) - 1; i >= 0; i-- {
		err := unix.Rmdir(folders[i])
		for begin := time.Now(); errors.Is(err, unix.EBUSY) && time.Since(begin) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
			err = unix.Rmdir(folders[i])
		}
		if err != nil {
			t.Errorf("%s: %v", folders[i], err)
		}
	}
}

// try runs a command in the machine and returns what it prints, without the newline at the end.
func (m *machine) try(args ...string) (string, error) {
	args = append([]string{"--target", fmt.Sprint(m.cmd.Process.Pid), "--all", "--", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "DEBIAN_FRONTEND=noninteractive", "timeout", fmt.Sprint(bootTimeout.Seconds())}, args...)
	out, err := exec.Command("nsenter", args...).CombinedOutput()
	return strings.TrimRight(string(out), "\n"), err
}

// run is try for a command that must not fail.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%q: %v\n%s\n%s", args, err, out, m.journal())
	}
	return out
}

// journal is the last that eppmux and systemd have said of it.
func (m *machine) journal() string {
	out, _ := m.try("journalctl", "-o", "cat", "-n", "60", "-u", "eppmux.service", "-u", "eppmux.socket")
	return out
}

// of is a property of eppmux.service.
func (m *machine) of(property string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "-P", property, "eppmux.service")
}

// wait is until something is so.
func (m *machine) wait(what string, is func() bool) {
	m.t.Helper()
	for begin := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > bootTimeout {
			m.t.Fatalf("%s: not within %v\n%s", what, bootTimeout, m.journal())
		}
	}
}

// write writes a file of the machine; its folder is made.
func (m *machine) write(path, text string, mode fs.FileMode) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), mode)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// there reports whether the machine has a file; a link counts as itself.
func (m *machine) there(path string) bool {
	_, err := os.Lstat(filepath.Join(m.root, path))
	return err == nil
}

// copyIn puts a file into the machine.
func (m *machine) copyIn(from, to string) {
	m.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(to, string(data), 0o644)
}

// inside runs f in the machine's network and waits for it. f may not start goroutines that use the
// network.
func (m *machine) inside(f func()) {
	done := make(chan error, 1) // the one result
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Setns(int(m.net.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		m.t.Error(err)
	}
}

// listen opens a listener in the machine's network.
func (m *machine) listen() (ln net.Listener) {
	m.t.Helper()
	var err error
	m.inside(func() { ln, err = net.Listen("tcp", "127.0.0.1:0") })
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { ln.Close() })
	return ln
}

// get is an answer of the admin listener.
func (m *machine) get(path string) (status, body string) {
	m.t.Helper()
	m.inside(func() {
		conn, err := net.Dial("tcp", "127.0.0.1:7001")
		if err != nil {
			m.t.Error(err)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(bootTimeout))
		fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: 127.0.0.1:7001\r\n\r\n", path)
		answer, err := io.ReadAll(conn)
		if err != nil {
			m.t.Error(err)
		}
		head, text, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
		line, _, _ := strings.Cut(string(head), "\r\n")
		status, body = line, string(text)
	})
	return status, body
}
