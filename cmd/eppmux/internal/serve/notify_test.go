package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestNotifyFromEnvironment: what is there for us is taken out, and a watchdog of another process
// is not fed.
func TestNotifyFromEnvironment(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"2000000", "", 2 * time.Second},
		{"2000000", strconv.Itoa(syscall.Getpid()), 2 * time.Second},
		{"2000000", "1", 0},
		{"2000000", "nobody", 0},
		{"0", "", 0},
		{"-1", "", 0},
		{"soon", "", 0},
		{"", "", 0},
	} {
		t.Setenv("NOTIFY_SOCKET", m.Conn.LocalAddr().String())
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

// TestNotifyWaiting: a service manager that limits the time of a start gives us that of the process
// that must end first.
func TestNotifyWaiting(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("NOTIFY_SOCKET", m.Conn.LocalAddr().String())
	n := newNotifier(slog.New(slog.DiscardHandler))
	defer n.close()
	dir := t.TempDir()
	one, two := newProcess(dir, "/one"), newProcess(dir, "/two")
	lock := one.mustTake(t, demo)
	lock.ends(30 * time.Second)
	two.notify = n
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1) // one result; not closed
	go func() {
		_, err := two.take(ctx, demo)
		waited <- err
	}()
	m.Want("EXTEND_TIMEOUT_USEC=37000000\nSTATUS=waiting for the end of process " + strconv.Itoa(syscall.Getpid()))
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the wait", err)
	}
	lock.release()
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

// TestNotifyDeaf: a service manager that does not read holds us up for a second, not for ever.
func TestNotifyDeaf(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("NOTIFY_SOCKET", m.Conn.LocalAddr().String())
	log := clitest.NewTranscript()
	n := newNotifier(slog.New(slog.NewTextHandler(log, nil)))
	defer n.close()
	begin := time.Now()
	for i := 0; log.Text() == ""; i++ { // until the queue of the socket is full
		if i == 1<<20 {
			t.Fatal("the socket takes everything")
		}
		n.ready(strings.Repeat("x", 4096))
	}
	if got := log.Text(); !strings.Contains(got, "could not be told") || !strings.Contains(got, "i/o timeout") {
		t.Errorf("got log %q", got)
	}
	if took := time.Since(begin); took < tellWithin/2 {
		t.Errorf("got an end after %v, want it waited for", took)
	}
}

// TestNotifyAssignments: the messages as a service manager reads them. Its clock is ours.
func TestNotifyAssignments(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("NOTIFY_SOCKET", m.Conn.LocalAddr().String())
	n := newNotifier(slog.New(slog.DiscardHandler))
	defer n.close()
	n.ready("serving a")
	n.reloading()
	n.stopping(30 * time.Second)
	m.Want("READY=1\nSTATUS=serving a")
	m.Want(`RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\nSTATUS=reloading`)
	m.Want("STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS=draining")
}

// TestWatchdog: it is fed while the event loops answer, and no longer.
func TestWatchdog(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	conn, err := net.DialUnix("unixgram", nil, m.Conn.LocalAddr().(*net.UnixAddr))
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
		if got := m.Any(); got != "WATCHDOG=1" {
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
	for m.Any() != "HUNG=1" { // what was sent before
	}
	askedAgain()
	close(done)
	<-ended
	n.tell("END=1")
	if got := m.Any(); got != "END=1" {
		t.Errorf("got %q, want a hung program unfed", got)
	}
}
