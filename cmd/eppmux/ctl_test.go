package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/serve"
	"eppmux/frame"
)

// controlled is "eppmux serve" as a process, with two built-in registries and a control socket.
type controlled struct {
	*program
	dir string
}

func startControlled(t *testing.T) *controlled {
	t.Helper()
	c := &controlled{dir: t.TempDir()}
	c.write(t, "a", "b")
	c.program = startProgram(t, "serve", "--config", c.file("c.yaml"))
	c.find(`(msg="eppmux serves")`)
	return c
}

func (c *controlled) file(name string) string { return filepath.Join(c.dir, name) }

func (c *controlled) write(t *testing.T, names ...string) {
	t.Helper()
	text := fmt.Sprintf("admin: {listen: \"\"}\ncontrol: {socket: %s}\nregistries:\n", c.file("ctl"))
	for _, n := range names {
		text += fmt.Sprintf("  - {name: %s, address: sandbox, listen: [%q], clients: {max: 50}, timeouts: {queue: 1m}}\n", n, "unix://"+c.file(n))
	}
	clitest.WriteFile(t, c.dir, "c.yaml", text, 0o600)
}

// ctl runs "eppmux ctl" and wants an exit code and parts of what it prints.
func (c *controlled) ctl(t *testing.T, code int, want []string, args ...string) string {
	t.Helper()
	got := eppmux(t, append([]string{"ctl", "--config", c.file("c.yaml")}, args...)...)
	if got.code != code {
		t.Errorf("%q: got exit %d, want %d\n%s%s", args, got.code, code, got.out, got.errs)
	}
	for _, w := range want {
		if !strings.Contains(got.out+got.errs, w) {
			t.Errorf("%q: got\n%s%swant %q in it", args, got.out, got.errs, w)
		}
	}
	return got.out
}

// client connects to a registry's listener and reads the greeting.
func (c *controlled) client(t *testing.T, name string) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", c.file(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	readFrame(t, nc)
	return nc
}

func readFrame(t *testing.T, nc net.Conn) string {
	t.Helper()
	b, err := clitest.ReadUnit(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ask(t *testing.T, nc net.Conn, payload []byte) {
	t.Helper()
	if _, err := nc.Write(append(frame.AppendHeader(nil, len(payload)), payload...)); err != nil {
		t.Fatal(err)
	}
}

// TestCtl goes through the verbs as an operator would.
func TestCtl(t *testing.T) {
	c := startControlled(t)
	if fi, err := os.Stat(c.file("ctl")); err != nil || fi.Mode().Perm() != 0o600 || fi.Mode().Type() != fs.ModeSocket {
		t.Errorf("control socket: got %v, %v, want a socket of mode 0600", fi.Mode(), err)
	}
	check, err := objectCommand("check", []string{"free.example"})
	if err != nil {
		t.Fatal(err)
	}
	nc := c.client(t, "a")
	ask(t, nc, check)
	readFrame(t, nc)
	c.ctl(t, cli.ExitDone, []string{"REGISTRY", "a  ", "b  ", "idle"}, "sessions")

	// A maintenance window: the command waits, and is answered after it.
	c.ctl(t, cli.ExitDone, []string{"a: paused"}, "pause", "a")
	ask(t, nc, check)
	c.clientsWith(t, "check (waits)")
	c.ctl(t, cli.ExitDone, []string{"a: resumed"}, "resume", "a")
	if got := readFrame(t, nc); !strings.Contains(got, `code="1000"`) {
		t.Errorf("after the pause: got %s", got)
	}
	c.ctl(t, cli.ExitDone, []string{"a: replacing", "b: replacing"}, "reconnect", "--all")

	// One client goes, the other stays.
	other := c.client(t, "a")
	var list serve.Answer
	if err := json.Unmarshal([]byte(c.ctl(t, cli.ExitDone, nil, "clients", "a", "--json")), &list); err != nil || len(list.Clients) != 2 {
		t.Fatalf("got %+v, %v, want two clients", list, err)
	}
	if got := list.Clients[0]; got.Client != "uid "+strconv.Itoa(os.Getuid()) || got.Listener != "unix://"+c.file("a") {
		t.Errorf("got %+v", got)
	}
	first := min(list.Clients[0].ID, list.Clients[1].ID)
	c.ctl(t, cli.ExitDone, []string{"disconnected"}, "kick", "a", strconv.FormatUint(first, 10))
	if out := c.ctl(t, cli.ExitFailed, []string{"has no client"}, "kick", "a", strconv.FormatUint(first, 10)); out != "" {
		t.Errorf("kick of nobody: got %q", out)
	}
	if _, err := clitest.ReadUnit(nc); err == nil {
		t.Error("the kicked client is still connected")
	}
	ask(t, other, check)
	readFrame(t, other)

	c.ctl(t, cli.ExitDone, []string{"log level is debug"}, "log-level", "debug")
	c.ctl(t, cli.ExitFailed, []string{"must be debug, info, warn or error"}, "log-level", "loud")

	// A registry is taken out and comes back.
	c.ctl(t, cli.ExitDone, []string{"b: drained"}, "drain", "b")
	if _, err := net.Dial("unix", c.file("b")); err == nil {
		t.Error("b still listens after its drain")
	}
	c.ctl(t, cli.ExitDone, []string{"added: b"}, "reload")
	c.client(t, "b")

	// What is wrong is said where it is asked.
	c.ctl(t, cli.ExitFailed, []string{"which registry? there are a, b"}, "pause")
	c.ctl(t, cli.ExitFailed, []string{`no registry "c" is served`}, "pause", "c")
	c.ctl(t, cli.ExitUsage, []string{"one of them"}, "pause", "a", "--all")
	c.ctl(t, cli.ExitUsage, []string{"must be an id"}, "kick", "a", "0")
	clitest.WriteFile(t, c.dir, "c.yaml", "nonsense: 1\n", 0o600)
	got := eppmux(t, "ctl", "--socket", c.file("ctl"), "reload")
	if got.code != cli.ExitFailed || !strings.Contains(got.errs, "unknown key") {
		t.Errorf("reload of a faulty file: got %+v", got)
	}
	log := c.end()
	for _, want := range []string{"msg=control verb=pause uid=" + strconv.Itoa(os.Getuid()), "verb=resume", "verb=kick", "verb=drain", "verb=reload",
		"verb=log-level", "verb=sessions", "verb=clients"} {
		if !strings.Contains(log, want) {
			t.Errorf("log without %q:\n%s", want, log)
		}
	}
	if _, err := os.Stat(c.file("ctl")); err == nil {
		t.Error("the control socket is left behind")
	}
	got = eppmux(t, "ctl", "--socket", c.file("ctl"), "sessions")
	if got.code != cli.ExitFailed || !strings.Contains(got.errs, "is eppmux running") {
		t.Errorf("after the end: got %+v", got)
	}
}

// TestShownClients: what each client's command does.
func TestShownClients(t *testing.T) {
	var b strings.Builder
	new(ctl).show(&b, serve.Answer{Clients: []serve.Client{
		{ID: 1, Doing: "create", Recording: true}, {ID: 2, Doing: "create", Sent: true}, {ID: 3, Doing: "create"}, {ID: 4}}})
	for _, want := range []string{" 1 .* create \\(announcing\\) ", " 2 .* create \\(sent\\) ", " 3 .* create \\(waits\\) ", " 4 .* - "} {
		if !regexp.MustCompile(want).MatchString(b.String()) {
			t.Errorf("got no %q in\n%s", want, b.String())
		}
	}
}

// clientsWith waits until the list of a's clients has text in it.
func (c *controlled) clientsWith(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(c.ctl(t, cli.ExitDone, nil, "clients", "a"), text) {
		if time.Now().After(deadline) {
			t.Fatalf("no client with %q", text)
		}
	}
}
