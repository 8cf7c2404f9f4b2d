package enginetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long a server may take to start, on a machine that does other things as well.
	patience = 60 * time.Second
	// attempt is how often a server that waits to start is asked whether it has.
	attempt = 10 * time.Millisecond
)

// ServerConfig is how a server is started. The zero value is one without TLS and without users.
type ServerConfig struct {
	TLS *TLS // nil: plain text
	// User and Password of the one who may do everything. Empty: nobody is asked. etcd calls this user
	// "root", whatever User says; Redis without User has its default user.
	User, Password string
	Args           []string // more flags of the program
}

// Server is a real server, a process of this test. Its methods are for the goroutine of the test,
// which fails where they do.
type Server struct {
	// Immutable after its start.
	Kind     string // "etcd", "redis" or "sentinel"
	Addr     string // host:port, the same after a restart
	t        testing.TB
	cfg      ServerConfig
	program  string
	dir      string // of the program, gone with the test
	flags    func(data string) []string
	prepare  func() error // behind each start with empty data; may be nil
	answered func() error // whether the server is ready

	mu      sync.Mutex // guards what follows; a leaf
	cmd     *exec.Cmd
	log     *bytes.Buffer
	ended   chan struct{} // closed when the process has ended
	removed int           // times that the data was removed
}

// start finds the program, and runs it for the first time on a port that is free. Ports are below
// those that the kernel gives to connections, so that the same one is free at a restart.
func (s *Server) start(t testing.TB, program string) *Server {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s.t, s.program, s.dir = t, path, t.TempDir()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s at %s said last:\n%s", s.Kind, s.Addr, s.Log())
		}
	})
	for range 3 {
		s.Addr = freeAddr(t)
		if err = s.run(true); err == nil {
			return s
		}
		s.Kill()
		s.removed++
	}
	t.Fatalf("%s does not start: %v\n%s", s.Kind, err, s.Log())
	return nil
}

// freeAddr is an address of the loopback where nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 200 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Host and Port are the halves of Addr.
func (s *Server) Host() string { h, _, _ := net.SplitHostPort(s.Addr); return h }
func (s *Server) Port() string { _, p, _ := net.SplitHostPort(s.Addr); return p }

// run starts the process, and waits until it answers.
func (s *Server) run(empty bool) error {
	data := filepath.Join(s.dir, "data"+strconv.Itoa(s.removed))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	cmd := exec.Command(s.program, s.flags(data)...)
	cmd.Dir = data
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &lockedBuffer{mu: &s.mu, b: new(bytes.Buffer)}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.mu.Lock()
	s.cmd, s.ended, s.log = cmd, ended, out.b
	s.mu.Unlock()
	go func() { // ends with the process, which Kill ends
		cmd.Wait()
		close(ended)
	}()
	if err := s.ready(ended); err != nil {
		return err
	}
	if empty && s.prepare != nil {
		return s.prepare()
	}
	return nil
}

// ready waits until the server answers, or has ended.
func (s *Server) ready(ended <-chan struct{}) error {
	tick := time.NewTicker(attempt)
	defer tick.Stop()
	var err error
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if err = s.answered(); err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("%s has ended: %w", s.Kind, err)
		case <-tick.C:
		}
	}
	return err
}

// Suspend stops the process where it is, by SIGSTOP. The kernel goes on to take connections for it.
func (s *Server) Suspend() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume lets a suspended process go on.
func (s *Server) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%s at %s: %v: %v", s.Kind, s.Addr, sig, err)
	}
	if sig != syscall.SIGSTOP {
		return
	}
	// The signal takes a moment. Field 3 of stat, behind the name in brackets, is then T.
	path := fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); time.Now().Before(until); <-tick.C {
		stat, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, rest, _ := bytes.Cut(stat, []byte(") ")); bytes.HasPrefix(rest, []byte("T")) {
			return
		}
	}
	s.t.Fatalf("%s at %s does not stop", s.Kind, s.Addr)
}

// Kill ends the process at once, and waits for its end. What it has acknowledged is kept.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	cmd.Process.Kill()
	<-ended
}

// Restart ends the process, if it runs, and starts it again with the same data and address.
func (s *Server) Restart() { s.t.Helper(); s.restart(false) }

// RestartEmpty is Restart without the data, as on a new disk.
func (s *Server) RestartEmpty() { s.t.Helper(); s.removed++; s.restart(true) }

func (s *Server) restart(empty bool) {
	s.t.Helper()
	s.Kill()
	if err := s.run(empty); err != nil {
		s.t.Fatalf("%s at %s: restart: %v\n%s", s.Kind, s.Addr, err, s.Log())
	}
}

// Log is what the process has written since its last start, at most its last 8 KiB.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return ""
	}
	b := s.log.Bytes()
	return string(b[max(0, len(b)-8<<10):])
}

// lockedBuffer is where a process writes.
type lockedBuffer struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedBuffer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}
