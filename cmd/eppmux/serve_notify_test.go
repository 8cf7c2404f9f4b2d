package main

import (
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// manager is who starts a service and is told about it.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(programTimeout)); err != nil {
		t.Fatal(err)
	}
	return &manager{t, conn}
}

// next is the next message that is not of the watchdog.
func (m *manager) next() string {
	m.t.Helper()
	for {
		if text := m.any(); text != "WATCHDOG=1" {
			return text
		}
	}
}

func (m *manager) any() string {
	m.t.Helper()
	b := make([]byte, 4096)
	n, err := m.conn.Read(b)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b[:n])
}

func (m *manager) want(pattern string) {
	m.t.Helper()
	if got := m.next(); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		m.t.Errorf("got %q, want %q", got, pattern)
	}
}

// TestNotify: what a service manager hears in the life of the program, over both kinds of socket
// names.
func TestNotify(t *testing.T) {
	for _, abstract := range []bool{false, true} {
		dir := t.TempDir()
		name := filepath.Join(dir, "notify")
		if abstract {
			name = "@eppmux-test" + strings.ReplaceAll(dir, "/", "-")
		}
		m := newManager(t, name)
		config := func(listen string) string {
			return clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\ndrain_timeout: 20s\nregistries: [{name: a, address: sandbox, "+
				"listen: [%q], clients: {max: 9}}]\n", "unix://"+filepath.Join(dir, listen)), 0o600)
		}
		file := config("epp.sock")
		p := startProgramAs(t, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=40000")
		}, "serve", "--config", file)
		m.want("READY=1\nSTATUS=serving a")
		for m.any() != "WATCHDOG=1" {
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		m.want(`RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading`)
		m.want("READY=1\nSTATUS=serving a")
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		m.want("STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=draining")
		if <-p.ended; p.err != nil {
			t.Error(p.err)
		}
	}
}

// TestNotifyFromEnvironment: what is there for us is taken out, and a watchdog of another process
// is not fed.
func TestNotifyFromEnvironment(t *testing.T) {
	m := newManager(t, filepath.Join(t.TempDir(), "notify"))
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"2000000", "", 2 * time.Second},
		{"2000000", strconv.Itoa(syscall.Getpid()), 2 * time.Second},
		{"2000000", "1", 0},
		{"soon", "", 0},
		{"", "", 0},
	} {
		t.Setenv("NOTIFY_SOCKET", m.conn.LocalAddr().String())
		t.Setenv("WATCHDOG_USEC", tt.usec)
		t.Setenv("WATCHDOG_PID", tt.pid)
		n := newNotifier(slog.New(slog.DiscardHandler))
		if n == nil || n.watchdog != tt.want {
			t.Fatalf("%+v: got %+v", tt, n)
		}
		n.close()
		if again := newNotifier(slog.New(slog.DiscardHandler)); again != nil {
			t.Errorf("got %+v, want the environment empty", again)
		}
	}
}

// TestNotifyInVain: a service manager that is not there is no reason to fail.
func TestNotifyInVain(t *testing.T) {
	log := clitest.NewTranscript()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	n := newNotifier(slog.New(slog.NewTextHandler(log, nil)))
	if n != nil || !strings.Contains(log.Text(), "cannot be told") {
		t.Errorf("got %v, log %q", n, log.Text())
	}
	n.ready("nobody hears it")
	n.close()
}

// TestWatchdog: it is fed while the event loops answer, and no longer.
func TestWatchdog(t *testing.T) {
	m := newManager(t, filepath.Join(t.TempDir(), "notify"))
	conn, err := net.DialUnix("unixgram", nil, m.conn.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	n := &notifier{conn: conn, watchdog: 4 * time.Millisecond, log: slog.New(slog.DiscardHandler)}
	defer n.close()
	var hung atomic.Bool
	asked := make(chan struct{}, 1) // takes a token at a question; not closed
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		n.watch(func() bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return !hung.Load()
		}, done)
	}()
	for range 3 {
		if got := m.any(); got != "WATCHDOG=1" {
			t.Errorf("got %q", got)
		}
	}
	hung.Store(true)
	askedAgain := func() {
		for range 10 {
			<-asked
		}
	}
	askedAgain()
	n.tell("HUNG=1")
	for m.any() != "HUNG=1" { // what was sent before
	}
	askedAgain()
	close(done)
	<-ended
	n.tell("END=1")
	if got := m.any(); got != "END=1" {
		t.Errorf("got %q, want a hung program unfed", got)
	}
}
