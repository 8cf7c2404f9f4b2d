package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// A registry with one session for the account, which counts it until half a second after its end.

// lateRegistry runs such a registry, and returns the file of a config that leads there.
func lateRegistry(t *testing.T, cfg sandbox.Config, clients net.Listener, sessions string) (*sandbox.Registry, string) {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Rules.LateFor = 500 * time.Millisecond
	r, ln := sandbox.New(cfg), listenHere(t, "tcp", "127.0.0.1:0")
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- r.Serve(tls.NewListener(ln, certs.Server)) }()
	t.Cleanup(func() {
		r.Close()
		<-served
	})
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "ca.pem", string(certs.CAPEM), 0o600)
	clitest.WriteFile(t, dir, "password", "demo-secret\n", 0o600)
	return r, clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\nregistries:\n  - {name: a, address: %q, listen: [\"tcp://%s\"], "+
		"tls: {ca_file: ca.pem}, login: {client_id: demo, password_file: password}, sessions: %s, rate_limits: [], timeouts: {queue: 4s}}\n",
		ln.Addr(), clients.Addr(), sessions), 0o600)
}

// steadyClient asks ten times a second, one check after the other, and notes what becomes of it.
type steadyClient struct {
	where string
	quit  chan struct{} // closed by end
	done  sync.WaitGroup

	mu     sync.Mutex
	served int           // guarded by mu
	failed []string      // other answers; guarded by mu
	last   time.Time     // answer 1000; guarded by mu
	gap    time.Duration // the longest between two; guarded by mu
}

func startSteadyClient(t *testing.T, where string) *steadyClient {
	c := &steadyClient{where: where, quit: make(chan struct{})}
	c.done.Go(c.work)
	t.Cleanup(c.end)
	return c
}

func (c *steadyClient) end() {
	select {
	case <-c.quit:
	default:
		close(c.quit)
	}
	c.done.Wait()
}

func (c *steadyClient) work() {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	var conn net.Conn
	for {
		select {
		case <-c.quit:
			if conn != nil {
				conn.Close()
			}
			return
		case <-every.C:
		}
		conn = c.ask(conn)
	}
}

// ask returns the connection for the next command; nil: it has ended.
func (c *steadyClient) ask(conn net.Conn) net.Conn {
	if conn == nil {
		nc, err := net.Dial("tcp", c.where)
		if err != nil {
			return nil
		}
		_ = nc.SetDeadline(time.Now().Add(time.Minute)) // it may be held by nobody but the test
		if _, err := clitest.ReadUnit(nc); err != nil {
			nc.Close()
			return nil
		}
		conn = nc
	}
	var answer []byte
	_, err := conn.Write(clitest.Unit(string(command(`<check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">` +
		`<domain:name>a.example</domain:name></domain:check></check>`))))
	if err == nil {
		answer, err = clitest.ReadUnit(conn)
	}
	if err != nil {
		conn.Close()
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if code, words, err := frame.ParseResult(answer); err != nil || code != 1000 {
		c.failed = append(c.failed, fmt.Sprint(code, " ", words))
		return conn
	}
	if c.served++; c.served > 1 {
		c.gap = max(c.gap, time.Since(c.last))
	}
	c.last = time.Now()
	return conn
}

// until waits until so many commands were answered by the registry, by way of p.
func (c *steadyClient) until(t *testing.T, p *program, served int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(programTimeout); ; <-tick.C {
		c.mu.Lock()
		n := c.served
		c.mu.Unlock()
		if n >= served {
			return
		}
		select {
		case <-p.ended: // whoever has connected to the listener of the test waits for ever
			t.Fatalf("eppmux has ended: %v", p.err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d commands were answered, want %d", n, served)
		}
	}
}

// judge reports the longest time without service, and what was refused.
func (c *steadyClient) judge(t *testing.T, most time.Duration) {
	t.Helper()
	c.end()
	t.Logf("%d answered, %d not; %v without service at the longest", c.served, len(c.failed), c.gap.Round(time.Millisecond))
	if c.gap > most {
		t.Errorf("%v without service, want %v at most", c.gap, most)
	}
	if len(c.failed) > 0 {
		t.Errorf("%d commands were not answered by the registry, the first: %s", len(c.failed), c.failed[0])
	}
}

// keepIn sets state.dir in the config file.
func keepIn(t *testing.T, file, dir string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "state: {dir: %q}\n", dir)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// loaded is what a loaded machine may add to the times that are wanted.
const loaded = time.Second

// TestLateSlotReplaced: where the only session is replaced, there are seconds without service, and no
// command is lost.
func TestLateSlotReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	for _, tt := range []struct {
		what, sessions string
		served         int // some sessions long
		registry       sandbox.Config
	}{
		{"max_commands", "{max: 1, max_commands: 40}", 125, sandbox.Config{MaxSessions: 1}},
		{"max_commands of three", "{max: 3, max_commands: 40}", 125, sandbox.Config{MaxSessions: 3}},
		{"the registry closes", "{max: 1}", 165, sandbox.Config{MaxSessions: 1, Rules: sandbox.Rules{LastCommand: 40}}},
		{"the registry closes, of three", "{max: 3}", 165, sandbox.Config{MaxSessions: 3, Rules: sandbox.Rules{LastCommand: 40}}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			clients := listenHere(t, "tcp", "127.0.0.1:0")
			_, file := lateRegistry(t, tt.registry, clients, tt.sessions)
			p := startProgramAs(t, handOver(t, "epp", clients), "serve", "--config", file)
			c := startSteadyClient(t, clients.Addr().String())
			c.until(t, p, tt.served)
			c.judge(t, 3*time.Second+loaded)
			p.end()
		})
	}
}

// TestLateSlotRestart: the same where the process is killed, or asked to end, and the next one is started
// at once.
func TestLateSlotRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	for _, tt := range []struct {
		signal   os.Signal
		sessions int
		ledger   bool
	}{{syscall.SIGKILL, 1, false}, {syscall.SIGTERM, 1, false}, {syscall.SIGKILL, 1, true}, {syscall.SIGTERM, 1, true},
		{syscall.SIGKILL, 3, true}, {syscall.SIGTERM, 3, true}} {
		t.Run(fmt.Sprintf("%v, %d sessions, ledger=%v", tt.signal, tt.sessions, tt.ledger), func(t *testing.T) {
			t.Parallel()
			clients := listenHere(t, "tcp", "127.0.0.1:0")
			_, file := lateRegistry(t, sandbox.Config{MaxSessions: tt.sessions}, clients, fmt.Sprintf("{min: %d, max: %[1]d}", tt.sessions))
			if tt.ledger {
				keepIn(t, file, t.TempDir())
			}
			start := handOver(t, "epp", clients)
			p := startProgramAs(t, start, "serve", "--config", file)
			c := startSteadyClient(t, clients.Addr().String())
			for n := range 2 {
				c.until(t, p, 15*(n+1))
				if err := p.cmd.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
				p = startProgramAs(t, start, "serve", "--config", file)
			}
			c.until(t, p, 45)
			c.failed = nil // what waits in a process that ends is told so
			c.judge(t, 5*time.Second+loaded)
			p.end()
		})
	}
}
