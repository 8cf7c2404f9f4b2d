package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// handOver starts the program as a service manager with socket activation does. The shell becomes
// the program, so that LISTEN_PID is right.
func handOver(t *testing.T, names string, listeners ...net.Listener) func(*exec.Cmd) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for _, ln := range listeners {
		f, err := ln.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files = append(files, f)
	}
	return func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = sh, append([]string{"sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`}, cmd.Args...)
		cmd.Env = append(cmd.Env, "LISTEN_FDS="+strconv.Itoa(len(files)), "LISTEN_FDNAMES="+names)
		cmd.ExtraFiles = files
	}
}

// listenHere opens a listener that outlives the programs of a test. A unix socket is for its owner
// only.
func listenHere(t *testing.T, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ln
}

// startRegistry runs a built-in registry on ln that notes what it executes, and returns it with the
// mapping of a config that leads there; listen and more stand in it too.
func startRegistry(t *testing.T, ln net.Listener, dir string, listen []string, more string) (*sandbox.Registry, string) {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := sandbox.New(sandbox.Config{Record: true, MaxSessions: 3})
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- r.Serve(tls.NewListener(ln, certs.Server)) }()
	t.Cleanup(func() {
		r.Close()
		<-served
		if b := r.Counters().Breaches; b.Total() > 0 {
			t.Errorf("the registry counts breaches: %+v", b)
		}
	})
	clitest.WriteFile(t, dir, "ca.pem", string(certs.CAPEM), 0o600)
	clitest.WriteFile(t, dir, "password", "demo-secret\n", 0o600)
	return r, fmt.Sprintf("{name: a, address: %q, listen: [%s], tls: {ca_file: ca.pem}, login: {client_id: demo, password_file: password}, "+
		"sessions: {max: 3}, rate_limits: [], clients: {max: 200}%s}", ln.Addr(), strings.Join(listen, ", "), more)
}

// busyClient registers domains, one after the other, until it is told to stop. What becomes of each
// it takes from the answers alone, as a registrar's program does.
type busyClient struct {
	name            string
	network, where  string
	conn            net.Conn // nil: to be opened
	created         []string
	notSent         int // commands that were answered so, and repeated
	cut             int // connections that ended in place of an answer; the command is repeated
	stop            *atomic.Bool
	progress        chan<- struct{} // takes a token for each domain; nobody closes it
	refusedOrBroken error           // what a restart must not cause
}

func (c *busyClient) work() {
	for i := 0; !c.stop.Load() && c.refusedOrBroken == nil; i++ {
		c.refusedOrBroken = c.create(fmt.Sprintf("%s-%d.example", c.name, i))
	}
	if c.conn != nil {
		c.conn.Close()
	}
}

func (c *busyClient) create(name string) error {
	payload := command(`<create><domain:create xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>` + name +
		`</domain:name><domain:authInfo><domain:pw>2fooBAR</domain:pw></domain:authInfo></domain:create></create>`)
	for range 1000 {
		if err := c.open(); err != nil {
			return err
		}
		_, err := c.conn.Write(clitest.Unit(string(payload)))
		var answer []byte
		if err == nil {
			answer, err = clitest.ReadUnit(c.conn)
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNRESET) {
				return err
			}
			c.cut++
			c.close()
			continue
		}
		code, _, err := frame.ParseResult(answer)
		switch {
		case err != nil:
			return err
		case code == 1000:
			c.created = append(c.created, name)
			c.progress <- struct{}{}
			return nil
		case code == 2400 && strings.Contains(string(answer), "not sent to registry; safe to retry; eppmux is stopping"):
			c.notSent++
			c.close()
		default:
			return fmt.Errorf("got %s", answer)
		}
	}
	return fmt.Errorf("%s: not created in a thousand attempts", name)
}

// open connects where that is needed, and reads the greeting.
func (c *busyClient) open() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.Dial(c.network, c.where)
	if err != nil {
		return err
	}
	c.conn = conn
	if err := conn.SetDeadline(time.Now().Add(programTimeout)); err != nil {
		return err
	}
	if _, err := clitest.ReadUnit(conn); err != nil {
		return fmt.Errorf("connected, but no greeting: %w", err)
	}
	return nil
}

func (c *busyClient) close() {
	c.conn.Close()
	c.conn = nil
}

// TestRestartUnderLoad: eppmux is restarted and reloads its config, again and again, while clients
// work. The test holds its sockets open. No connection is refused or reset, and every
// command is executed once and answered.
func TestRestartUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	dir := t.TempDir()
	tcp, unix := listenHere(t, "tcp", "127.0.0.1:0"), listenHere(t, "unix", filepath.Join(dir, "epp.sock"))
	admin := listenHere(t, "tcp", "127.0.0.1:0")
	registry, mapping := startRegistry(t, listenHere(t, "tcp", "127.0.0.1:0"), dir, []string{"tcp://" + tcp.Addr().String(), "unix://" + unix.Addr().String()}, "")
	config := func(top string) string {
		return clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("registries:\n  - %s\nadmin: {listen: %q}\n%s\n", mapping, admin.Addr(), top), 0o600)
	}
	file := config("")
	start := handOver(t, "epp:epp:admin", tcp, unix, admin)
	p := startProgramAs(t, start, "serve", "--config", file)

	var stop atomic.Bool
	progress := make(chan struct{}, 1<<20) // a token for each domain; more than there will be
	var clients []*busyClient
	var wg sync.WaitGroup
	for i := range 12 {
		ln := []net.Listener{tcp, tcp, unix}[i%3]
		c := &busyClient{name: fmt.Sprintf("c%d", i), network: ln.Addr().Network(), where: ln.Addr().String(), stop: &stop, progress: progress}
		clients = append(clients, c)
		wg.Go(c.work)
	}
	// advance is until clients have got on since now, whichever process serves it: one that ends
	// before it has learnt the registry's greeting has none for its clients.
	advance := func() {
		t.Helper()
		for len(progress) > 0 {
			<-progress
		}
		deadline := time.After(programTimeout)
		for range 10 * len(clients) {
			select {
			case <-progress:
			case <-deadline:
				t.Fatal("the clients do not get on")
			}
		}
	}
	const restarts = 5
	for i := range restarts {
		advance()
		config(fmt.Sprintf("drain_timeout: %ds", 31+i))
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.find(`(msg=reloaded)`)
		advance()
		p.end()
		// While nobody accepts, a request waits too.
		health := make(chan error, 1) // one result; not closed
		go func() { health <- healthz(admin.Addr().String()) }()
		p = startProgramAs(t, start, "serve", "--config", file)
		if err := <-health; err != nil {
			t.Error(err)
		}
	}
	advance()
	stop.Store(true)
	wg.Wait()
	p.end()
	judgeClients(t, clients, registry)
	if info, err := os.Lstat(unix.Addr().String()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want the unix socket untouched", info, err)
	}
	if c := registry.Counters(); c.Logins < restarts+1 {
		t.Errorf("got %d logins", c.Logins)
	}
}

func healthz(address string) error {
	client := &http.Client{Timeout: programTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, _ = io.Copy(io.Discard, r.Body)
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	return nil
}

// judgeClients holds what clients were told against what the registry did.
func judgeClients(t *testing.T, clients []*busyClient, registry *sandbox.Registry) {
	t.Helper()
	created, notSent, cut := 0, 0, 0
	for _, c := range clients {
		if c.refusedOrBroken != nil {
			t.Errorf("client %s (%s): %v", c.name, c.network, c.refusedOrBroken)
		}
		for _, name := range c.created {
			if got := registry.Executions("create", name); got != (sandbox.Times{Received: 1, Executed: 1}) {
				t.Errorf("%s: got %+v, want it received and executed once", name, got)
			}
		}
		created, notSent, cut = created+len(c.created), notSent+c.notSent, cut+c.cut
	}
	t.Logf("%d domains; %d commands were answered as not sent, %d connections ended in place of an answer", created, notSent, cut)
	if got := len(registry.Record()); got != created {
		t.Errorf("the registry has %d domains, want the %d that clients know of", got, created)
	}
}

// TestSocketOfNoListener: a socket on which nobody would answer is not taken in silence.
func TestSocketOfNoListener(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "epp.sock")
	file := clitest.WriteFile(t, dir, "c.yaml", "admin: {listen: \"\"}\nregistries: [{name: a, address: sandbox, listen: [\"unix://"+path+"\"]}]\n", 0o600)
	ours := listenHere(t, "unix", path)
	open := listenHere(t, "unix", filepath.Join(dir, "open.sock"))
	if err := os.Chmod(open.Addr().String(), 0o666); err != nil {
		t.Fatal(err)
	}
	other := listenHere(t, "tcp", "127.0.0.1:0")
	pair, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pair.Close()
	for _, tt := range []struct {
		names     string
		listeners []net.Listener
		want      string
	}{
		{"a.socket:b.socket", []net.Listener{ours, other}, "tcp://" + other.Addr().String() + " listens for us (b.socket), and the config has no listener there"},
		{"", []net.Listener{ours, ours}, "inherited descriptor 4 (unknown): unix://" + path + " was passed twice"},
		{"a:b", []net.Listener{ours, open}, "inherited descriptor 4 (b): unix://" + open.Addr().String() + " lets others in (mode 0666)"},
		{"a", []net.Listener{packets{pair.(*net.UDPConn)}}, "inherited descriptor 3 (a): is no socket that listens"},
	} {
		p := startProgramAs(t, handOver(t, tt.names, tt.listeners...), "serve", "--config", file)
		<-p.ended
		if got := p.log.Text(); p.cmd.ProcessState.ExitCode() != cli.ExitFailed || !strings.Contains(got, tt.want) {
			t.Errorf("got exit %d, %s, want %d, %q", p.cmd.ProcessState.ExitCode(), got, cli.ExitFailed, tt.want)
		}
	}
}

// packets makes a socket without connections pass for a listener.
type packets struct{ *net.UDPConn }

func (packets) Accept() (net.Conn, error) { return nil, errors.ErrUnsupported }
func (p packets) Addr() net.Addr          { return p.LocalAddr() }

// TestReloadGivesSocketUp: a reload may leave a socket of the service manager and take it again.
func TestReloadGivesSocketUp(t *testing.T) {
	dir := t.TempDir()
	config := func(listen string) string {
		return clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\nregistries: [{name: a, address: sandbox, listen: [%q], clients: {max: 9}}]\n", listen), 0o600)
	}
	ln := listenHere(t, "tcp", "127.0.0.1:0")
	file := config("tcp://" + ln.Addr().String())
	p := startProgramAs(t, handOver(t, "a.socket", ln), "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	hangup := func(pattern string) {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.find(pattern)
	}
	config("unix://" + filepath.Join(dir, "epp.sock"))
	hangup(`(listener=tcp://` + ln.Addr().String() + ` unit=a.socket)\n.*msg=reloaded changed=a`)
	conn, err := net.Dial("tcp", ln.Addr().String()) // it waits
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	config("tcp://" + ln.Addr().String())
	hangup(`unit=a.socket\n(?s:.*)(msg=reloaded changed=a)`)
	if _, err := clitest.ReadUnit(conn); err != nil {
		t.Errorf("got %v, want the greeting", err)
	}
	p.end()
}

// TestSystemdSocketActivate is the protocol as systemd's own program speaks it.
func TestSystemdSocketActivate(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		lacking(t, "systemd-socket-activate", err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "epp.sock")
	file := clitest.WriteFile(t, dir, "c.yaml", "admin: {listen: \"\"}\nregistries: [{name: a, address: sandbox, listen: [\"unix://"+path+"\"], clients: {max: 9}}]\n", 0o600)
	p := startProgramAs(t, func(cmd *exec.Cmd) {
		cmd.Path = activate
		cmd.Args = append([]string{activate, "--listen", path, "--setenv", asProgram, "--setenv", "GORACE"}, cmd.Args...)
	}, "serve", "--config", file)
	p.find(`(?i)(listening on)`)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(programTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := clitest.ReadUnit(conn); err != nil {
		t.Errorf("got %v, want the greeting", err)
	}
	p.end()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket is not ours to remove: %v", err)
	}
}
