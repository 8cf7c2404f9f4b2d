package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
)

// checkXML is a check of a domain.
func checkXML(name string) []byte {
	return clitest.Unit(strings.ReplaceAll(clitest.CheckXML, "example.com", name))
}

// answered reads answers up to one to a command, which must be 1000; the greeting may come first.
func answered(t *testing.T, conn net.Conn) {
	t.Helper()
	for {
		answer, err := clitest.ReadUnit(conn)
		if err != nil {
			t.Fatalf("got %v, want an answer", err)
		}
		if bytes.Contains(answer, []byte("<greeting")) {
			continue
		}
		if code, msg, err := frame.ParseResult(answer); err != nil || code != 1000 {
			t.Errorf("got %d %s, %v, want 1000", code, msg, err)
		}
		return
	}
}

// TestFailedStart: a start that fails for a reason of this host opens no connection to a registry,
// and leaves no socket.
func TestFailedStart(t *testing.T) {
	dir := t.TempDir()
	registry := listenHere(t, "tcp", "127.0.0.1:0")
	taken := listenHere(t, "tcp", "127.0.0.1:0").Addr().String()
	own := filepath.Join(dir, "own")
	for _, tt := range []struct{ name, listen, top, want string }{
		{"admin", "", fmt.Sprintf("admin: {listen: %q}", taken), "address already in use"},
		{"control", "", "admin: {listen: \"\"}\ncontrol: {socket: " + filepath.Join(dir, "none", "ctl") + "}", "no such file"},
		{"listener", "tcp://" + taken, "admin: {listen: \"\"}", "address already in use"},
		{"unix listener", "unix://" + filepath.Join(dir, "none", "epp"), "admin: {listen: \"\"}", "no such file"},
		{"audit", "", "admin: {listen: \"\"}\naudit: {file: /proc/eppmux-audit}", "/proc/eppmux-audit"},
	} {
		last := ""
		if tt.listen != "" {
			last = fmt.Sprintf(", {name: b, address: sandbox, listen: [%q], clients: {max: 9}}", tt.listen)
		}
		file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("registries: [{name: a, address: %q, listen: [%q], "+
			"login: {client_id: demo, password: demo-secret}, clients: {max: 9}}%s]\n%s\n", registry.Addr(), "unix://"+own, last, tt.top), 0o600)
		p := startProgram(t, "serve", "--config", file)
		<-p.ended
		if got := p.log.Text(); p.cmd.ProcessState.ExitCode() != cli.ExitFailed || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got exit %d, %s, want %d, %q", tt.name, p.cmd.ProcessState.ExitCode(), got, cli.ExitFailed, tt.want)
		}
		if _, err := os.Lstat(own); err == nil {
			t.Errorf("%s: a socket is left behind", tt.name)
		}
		// The program has ended: whatever it has connected waits before this connection.
		ours, err := net.Dial("tcp", registry.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for others := 0; ; others++ {
			conn, err := registry.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if conn.RemoteAddr().String() == ours.LocalAddr().String() {
				if others > 0 {
					t.Errorf("%s: got %d connections at the registry", tt.name, others)
				}
				break
			}
		}
		ours.Close()
	}
}

// TestSocketFilesComeBack: SIGHUP makes unix sockets anew whose files somebody has removed, and
// their clients stay.
func TestSocketFilesComeBack(t *testing.T) {
	dir := t.TempDir()
	epp, ctl := filepath.Join(dir, "epp"), filepath.Join(dir, "ctl")
	file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\ncontrol: {socket: %q}\nregistries: [{name: a, address: sandbox, listen: [%q], clients: {max: 9}}]\n", ctl, "unix://"+epp), 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	connect := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("unix", epp)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := clitest.ReadUnit(conn); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	before := connect()
	for _, path := range []string{epp, ctl} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.find(`(msg=reloaded changed=a settings=control.socket)`)
	for _, path := range []string{epp, ctl} {
		p.find(`(msg="the file of a unix socket was gone; it is made anew".* listener=unix://` + path + `)\n`)
	}
	for _, conn := range []net.Conn{before, connect()} {
		if _, err := conn.Write(checkXML("free.example")); err != nil {
			t.Fatal(err)
		}
		answered(t, conn)
	}
	if got := eppmux(t, "ctl", "clients", "--socket", ctl); got.code != cli.ExitDone || strings.Count(got.out, "\n") < 3 {
		t.Errorf("got %+v, want both clients", got)
	}
	if info, err := os.Stat(ctl); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info, err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.find(`(msg=reloaded unchanged=a)\n`)
	p.end()
	for _, path := range []string{epp, ctl} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left behind", path)
		}
	}
}
