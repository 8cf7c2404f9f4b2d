package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// accountStand is a registry that grants one session, and programs that want it.
type accountStand struct {
	t        *testing.T
	dir      string
	registry *clitest.Registry
	state    string        // folder of the locks; empty: the program chooses
	held     chan struct{} // gets one when the registry has a check of hold.example; not closed
	letGo    func()        // lets it answer that; the test's end does so too
}

func startAccountStand(t *testing.T) *accountStand {
	t.Helper()
	st := &accountStand{t: t, dir: t.TempDir(), held: make(chan struct{}, 1)}
	free := make(chan struct{}) // closed by letGo
	st.letGo = sync.OnceFunc(func() { close(free) })
	made := clitest.NewTLS(t)
	st.registry = clitest.StartRegistry(t, made, sandbox.Config{MaxSessions: 1, Observe: func(f sandbox.Frame) {
		if bytes.Contains(f.Payload, []byte("hold.example")) {
			st.held <- struct{}{}
			<-free
		}
	}})
	t.Cleanup(st.letGo) // before the registry's end, which waits for its sessions
	clitest.WriteFile(t, st.dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.key", string(made.ClientKeyPEM), 0o600)
	return st
}

// start runs a program with a config and a listener of that name.
func (st *accountStand) start(name string) *program {
	st.t.Helper()
	state := ""
	if st.state != "" {
		state = fmt.Sprintf("state: {dir: %q}\n", st.state)
	}
	file := clitest.WriteFile(st.t, st.dir, name+".yaml", fmt.Sprintf("admin: {listen: \"\"}\n%sregistries: [{name: a, address: %q, listen: [%q], "+
		"login: {client_id: demo, password: demo-secret}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, sessions: {max: 1}, clients: {max: 50}}]\n",
		state, st.registry.Address, "unix://"+filepath.Join(st.dir, name)), 0o600)
	return startProgramAs(st.t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "TMPDIR="+st.dir, "STATE_DIRECTORY=", "RUNTIME_DIRECTORY=")
	}, "serve", "--config", file)
}

// connect is a client of the program of that name. It does not wait for its greeting.
func (st *accountStand) connect(name string) net.Conn {
	st.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(st.dir, name))
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(programTimeout)); err != nil {
		st.t.Fatal(err)
	}
	return conn
}

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

// serves wants the program of that name to serve a client.
func (st *accountStand) serves(name string) {
	st.t.Helper()
	conn := st.connect(name)
	if _, err := conn.Write(checkXML("free.example")); err != nil {
		st.t.Fatal(err)
	}
	answered(st.t, conn)
}

// judge wants that many logins, never two sessions at once, and no breach.
func (st *accountStand) judge(logins uint64) {
	st.t.Helper()
	c := st.registry.Counters()
	if c.Logins != logins || c.LoginsRefused != 0 || c.SessionsPeak["demo"] != 1 || c.Breaches.Total() != 0 {
		st.t.Errorf("got %d logins, %d refused, %d sessions at once, breaches %+v; want %d, one at a time",
			c.Logins, c.LoginsRefused, c.SessionsPeak["demo"], c.Breaches, logins)
	}
}

// TestSecondProcessIsRefused: of two programs with configs of their own for one account the second
// ends, and says who has the account. A program that was killed holds nothing.
func TestSecondProcessIsRefused(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		st := startAccountStand(t)
		folder := filepath.Join(st.dir, fmt.Sprintf("eppmux-%d", os.Geteuid()))
		if chosen {
			st.state = t.TempDir()
			folder = st.state
		}
		first := st.start("first")
		first.find(`(msg="eppmux serves")`)
		st.serves("first")
		second := st.start("second")
		<-second.ended
		want := fmt.Sprintf("account demo at %s is in use by process %d (config %s)", st.registry.Address, first.cmd.Process.Pid, filepath.Join(st.dir, "first.yaml"))
		if got := second.log.Text(); second.cmd.ProcessState.ExitCode() != cli.ExitFailed || !strings.Contains(got, want) || !strings.Contains(got, "stop that process") {
			t.Errorf("got exit %d, %s, want %d, %q", second.cmd.ProcessState.ExitCode(), got, cli.ExitFailed, want)
		}
		if _, err := os.Lstat(filepath.Join(st.dir, "second")); err == nil {
			t.Error("the second program has left its socket")
		}
		st.judge(1)
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 && !chosen {
			t.Errorf("got %v, %v, want a folder of mode 0700", info, err)
		}
		locks, err := filepath.Glob(filepath.Join(folder, "account-*.lock"))
		if err != nil || len(locks) != 1 {
			t.Fatalf("got %q, %v, want one lock", locks, err)
		}

		if err := first.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-first.ended
		third := st.start("third")
		third.find(`(msg="eppmux serves")`)
		st.serves("third")
		third.end()
		st.judge(2)
		// What is remembered of the account, and the identity's high-water mark, stay.
		if locks, err := filepath.Glob(filepath.Join(folder, "account-*.lock")); err != nil || len(locks) != 0 {
			t.Errorf("got %q, %v, left behind", locks, err)
		}
	}
}

// TestSecondProcessWaits: a program that is started while another one drains the account waits, with
// its listeners open, until the other's session is gone.
func TestSecondProcessWaits(t *testing.T) {
	st := startAccountStand(t)
	first := st.start("first")
	first.find(`(msg="eppmux serves")`)
	busy := st.connect("first")
	if _, err := busy.Write(checkXML("hold.example")); err != nil {
		t.Fatal(err)
	}
	<-st.held
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.find(`(msg=draining)`)
	second := st.start("second")
	second.find(fmt.Sprintf(`(msg="another eppmux ends its work with the account; waiting for it" registry=a pid=%d config=\S+first.yaml within=45s)`, first.cmd.Process.Pid))
	early := st.connect("second")
	if _, err := early.Write(checkXML("free.example")); err != nil {
		t.Fatal(err)
	}
	// One that is told to end meanwhile ends, without a trace.
	third := st.start("third")
	third.find(`(msg="another eppmux ends its work)`)
	third.end()
	if c := st.registry.Counters(); c.Connections != 1 {
		t.Errorf("got %d connections at the registry while the first drains", c.Connections)
	}
	st.letGo()
	answered(t, busy)
	<-first.ended
	if first.err != nil {
		t.Errorf("got %v, want exit 0", first.err)
	}
	second.find(`(msg="eppmux serves")`)
	answered(t, early)
	second.end()
	st.judge(2)
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
			"login: {client_id: demo, password: demo-secret}, clients: {max: 9}}%s]\nstate: {dir: .}\n%s\n", registry.Addr(), "unix://"+own, last, tt.top), 0o600)
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
