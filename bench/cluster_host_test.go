package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// host is one eppmux of a cluster, a process that a test starts, stops and ends. Its methods are for
// the goroutine of the test, but address, running and pid.
type host struct {
	// Immutable.
	t      *testing.T
	name   string
	source string // the address from which it connects to the registry; tells the hosts apart there
	dir    string
	bin    string
	config string // file
	audit  string // file
	socket string // of ctl
	peer   string // host:port, where it takes lanes
	clock  string // file, see setClock
	lines  *os.File

	at      atomic.Pointer[string] // host:port of its listener; nil while it does not run
	process atomic.Int64           // its id; 0: it does not run
	admin   string
	p       *child
	stopped bool
	// lastSaid are the last lines that it has printed. Guarded by mu.
	mu       sync.Mutex
	lastSaid []string
}

// newHost prepares a host; number tells it from others. text makes its config.
func newHost(t *testing.T, bin, dir string, number int, text func(h *host) string) *host {
	t.Helper()
	name := string(rune('a' + number))
	h := &host{t: t, name: name, source: fmt.Sprintf("127.0.0.%d", 11+number), dir: dir, bin: bin, peer: freePeer(t)}
	h.config, h.audit = filepath.Join(dir, name+".yaml"), filepath.Join(dir, name+".audit")
	h.socket, h.clock = filepath.Join(dir, name+".sock"), filepath.Join(dir, name+".clock")
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.config, []byte(text(h)), 0o600); err != nil {
		t.Fatal(err)
	}
	h.setClock(0)
	var err error
	logs := os.Getenv("EPPMUX_CLUSTER_LOGS") // a folder where they stay
	if logs == "" {
		logs = dir
	}
	log := strings.ReplaceAll(t.Name(), "/", "-") + "-" + name + ".log"
	if h.lines, err = os.Create(filepath.Join(logs, log)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.kill()
		h.lines.Close()
		if t.Failed() {
			t.Logf("host %s said last:\n%s", h.name, strings.Join(h.said(), "\n"))
		}
	})
	return h
}

// lastPeer is the port that freePeer has looked at last, from a random one on.
var lastPeer = func() *atomic.Int64 {
	n := new(atomic.Int64)
	n.Store(rand.Int64N(peerPorts))
	return n
}()

// peerPorts is how many ports freePeer has, from 10,000 on.
const peerPorts = 10_000

// freePeer is an address of the loopback where nobody listens. Its port is below those that the kernel
// gives to connections, so it is free again at a restart, and no other host of this process has it.
func freePeer(t *testing.T) string {
	t.Helper()
	for range 200 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+lastPeer.Add(1)%peerPorts)
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start runs the host, and waits until it takes clients.
func (h *host) start() {
	h.t.Helper()
	h.p = newChild(exec.Command(h.bin, "serve", "--config", h.config), 1<<16)
	h.p.cmd.Env = append(os.Environ(), "EPPMUX_TEST_CLOCK="+h.clock) // only clockBinary reads it
	h.p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	h.p.note = h.noted
	if err := h.p.start(); err != nil {
		h.t.Fatal(err)
	}
	h.process.Store(int64(h.p.cmd.Process.Pid))
	at, err := h.p.find(`msg=listening .*listener=tcp://(\S+)`, 0)
	if err == nil {
		h.admin, err = h.p.find(`msg="admin listening" listener=(\S+)`, 0)
	}
	if err != nil {
		h.t.Fatalf("host %s: %v", h.name, err)
	}
	h.at.Store(&at)
}

// noted keeps a line that the host has printed, and when.
func (h *host) noted(line string) {
	fmt.Fprintln(h.lines, line)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lastSaid = append(h.lastSaid, line); len(h.lastSaid) > 100 {
		h.lastSaid = h.lastSaid[50:]
	}
}

// count is how often the host has printed a line with some words, since the test began.
func (h *host) count(words string) int {
	h.t.Helper()
	text, err := os.ReadFile(h.lines.Name())
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Count(string(text), words)
}

func (h *host) said() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lastSaid
}

// address is where clients connect; empty: nowhere.
func (h *host) address() string {
	if at := h.at.Load(); at != nil {
		return *at
	}
	return ""
}

func (h *host) running() bool { return h.at.Load() != nil }

// kill ends the process at once, if it runs.
func (h *host) kill() {
	if h.p == nil {
		return
	}
	h.at.Store(nil)
	_ = h.p.cmd.Process.Kill()
	h.waited()
}

// terminate tells the process to end, and waits for its end, which must be clean.
func (h *host) terminate() {
	h.t.Helper()
	h.ask()
	stuck := time.AfterFunc(stopTime, func() { _ = h.p.cmd.Process.Kill() })
	defer stuck.Stop()
	if err := h.waited(); err != nil {
		h.t.Errorf("host %s: %v", h.name, err)
	}
}

// ask tells the process to end. Clients that come do not find it any more.
func (h *host) ask() {
	h.t.Helper()
	h.at.Store(nil)
	h.signal(syscall.SIGTERM)
}

func (h *host) waited() error {
	<-h.p.ended
	h.process.Store(0)
	err := h.p.cmd.Wait()
	h.p, h.stopped = nil, false
	return err
}

// suspend stops the process where it is. Its kernel goes on to take connections and octets for it.
func (h *host) suspend() { h.t.Helper(); h.signal(syscall.SIGSTOP); h.stopped = true }

// resume lets it go on.
func (h *host) resume() { h.t.Helper(); h.signal(syscall.SIGCONT); h.stopped = false }

func (h *host) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.p.cmd.Process.Signal(s); err != nil {
		h.t.Fatalf("host %s: %v: %v", h.name, s, err)
	}
}

// ctl runs a verb of eppmux ctl. Its words are returned, also where it fails.
func (h *host) ctl(args ...string) (string, error) {
	cmd := exec.Command(h.bin, append([]string{"ctl", "--socket", h.socket}, args...)...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// pid is the process; 0: it does not run. Any goroutine may ask.
func (h *host) pid() int { return int(h.process.Load()) }
