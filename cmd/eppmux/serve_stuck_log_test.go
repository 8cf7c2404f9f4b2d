package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// valve is a pipe between the standard error of a program and its transcript, whose reader can
// stop, as a log driver does whose disk hangs.
type valve struct {
	t    *testing.T
	r, w *os.File
	to   io.Writer     // the transcript
	gone chan struct{} // closed when the reader under way has ended
}

// pipeSize is the smallest that a pipe can be, in octets: a page.
const pipeSize = 4096

func newValve(t *testing.T) *valve {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		t.Fatal(err)
	}
	return &valve{t: t, r: r, w: w}
}

// attach puts the valve, if there is one, between a program that will be started and where its
// standard error would go. It begins to read.
func (v *valve) attach(cmd *exec.Cmd) {
	if v == nil {
		return
	}
	v.to, cmd.Stderr = cmd.Stderr, v.w
	v.open()
	v.t.Cleanup(v.shut)
}

// open lets the reader read.
func (v *valve) open() {
	_ = v.r.SetReadDeadline(time.Time{}) // an error shows at the read, too
	v.gone = make(chan struct{})
	go v.read(v.gone)
}

// read runs on a goroutine of its own until shut.
func (v *valve) read(gone chan<- struct{}) {
	defer close(gone)
	if _, err := io.Copy(v.to, v.r); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, os.ErrClosed) {
		v.t.Errorf("standard error: %v", err)
	}
}

// shut stops the reader. Called again it does nothing.
func (v *valve) shut() {
	_ = v.r.SetReadDeadline(time.Unix(1, 0)) // an error shows at the read, too
	<-v.gone
}

// stick stops the reader, and fills the pipe but for left octets.
func (v *valve) stick(left int) {
	v.t.Helper()
	v.shut()
	unread, err := unix.IoctlGetInt(int(v.w.Fd()), unix.TIOCINQ)
	if err != nil {
		v.t.Fatal(err)
	}
	if n := pipeSize - left - unread; n > 0 {
		if _, err := v.w.WriteString(strings.Repeat("-", n-1) + "\n"); err != nil {
			v.t.Fatal(err)
		}
	}
}

// startStuckStand starts a program with one registry of one session, and nobody who reads its log.
func startStuckStand(t *testing.T, keys string, more ...string) *statusStand {
	t.Helper()
	st := prepareStatusStand(t)
	st.stderr = newValve(t)
	st.launch(keys, statusRegistry{name: "a", sandbox: sandbox.Config{}, more: append(more, "sessions: {min: 1, max: 1}", "clients: {max: 50}")})
	return st
}

// fault connects a client that ends by its own fault, and waits for its end.
func (st *statusStand) fault(name string) {
	st.t.Helper()
	nc, err := net.Dial("unix", st.socket(name))
	if err != nil {
		st.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute)) // an error shows below, too
	if _, err := nc.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		st.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		st.t.Fatal("the client at fault is not closed: the loop hangs")
	}
}

// answered wants n commands of an honest client answered.
func (st *statusStand) answered(name string, n int) {
	st.t.Helper()
	nc, err := net.Dial("unix", st.socket(name))
	if err != nil {
		st.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute)) // an error shows below, too
	readFrame(st.t, nc)
	for i := range n {
		ask(st.t, nc, fmt.Appendf(nil, checkText, i))
		if got := readFrame(st.t, nc); !strings.Contains(got, `code="1000"`) {
			st.t.Fatalf("command %d: got %s", i, got)
		}
	}
}

// count is the value of a metric without labels.
func (st *statusStand) count(name string) int {
	st.t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(st.get("/metrics"))
	if m == nil {
		st.t.Fatalf("no metric %s", name)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		st.t.Fatal(err)
	}
	return int(n)
}

// wait waits until what is true, for a minute.
func (st *statusStand) wait(what string, is func() bool) {
	st.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); st.rest(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			st.t.Fatalf("not within a minute: %s", what)
		}
	}
}

func (st *statusStand) signal(s syscall.Signal) {
	st.t.Helper()
	if err := st.program.cmd.Process.Signal(s); err != nil {
		st.t.Fatal(err)
	}
}

// TestStuckLog: nobody reads the log, and a client at fault fills the pipe. Others are served all
// the while. Once the log is read again, it says how many lines it lacks. When it is stuck again,
// SIGTERM drains.
func TestStuckLog(t *testing.T) {
	st := startStuckStand(t, "")
	st.answered("a", 1)
	st.stderr.stick(300) // room for two lines or so
	for range 8 {
		st.fault("a")
		st.answered("a", 3)
	}
	st.get("/readyz")

	st.loseLog()
	for range 8 {
		st.fault("a")
		st.answered("a", 3)
	}
	st.get("/readyz")

	st.stderr.open()
	lost := regexp.MustCompile(`level=WARN msg="log lines lost: standard error did not take them" lines=(\d+)\n`)
	st.wait("the log says how many lines are lost", func() bool {
		told := 0
		for _, m := range lost.FindAllStringSubmatch(st.program.log.Text(), -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			told += n
		}
		return told > 0 && told == st.count("eppmux_log_lost_total")
	})
	st.wait("the log goes on", func() bool {
		st.signal(syscall.SIGHUP)
		_, behind, _ := strings.Cut(st.program.log.Text(), "log lines lost")
		return strings.Contains(behind, "msg=reloaded unchanged=a")
	})

	st.stderr.stick(0)
	st.fault("a")
	st.signal(syscall.SIGTERM)
	<-st.program.ended
	if st.program.err != nil {
		t.Errorf("got %v, want exit 0 after a drain", st.program.err)
	}
	st.served["a"].Ended(t, 1)
}

// loseLog has the program log more than may wait. Nobody must read its log.
func (st *statusStand) loseLog() {
	st.t.Helper()
	good := string(clitest.ReadFile(st.t, filepath.Join(st.dir, "c.yaml")))
	var keys strings.Builder // that do not exist: a line of 40 KB says so
	for i := range 200 {
		fmt.Fprintf(&keys, "%d: 1, ", i)
	}
	clitest.WriteFile(st.t, st.dir, "c.yaml", "registries: [{"+keys.String()+"}]\n", 0o600)
	st.wait("lines are lost", func() bool {
		st.signal(syscall.SIGHUP)
		return st.count("eppmux_log_lost_total") > 0
	})
	clitest.WriteFile(st.t, st.dir, "c.yaml", good, 0o600)
}

// startHanging starts a program that drains for as long as within, at the most: a command is under
// way that is never answered. Nobody reads its log.
func startHanging(t *testing.T, within string) *statusStand {
	t.Helper()
	st := startStuckStand(t, "drain_timeout: "+within+"\n", "timeouts: {command: 1h}")
	st.answered("a", 1)
	st.served["a"].SetFaults(clitest.Faults(t, "silent"))
	nc, err := net.Dial("unix", st.socket("a"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(time.Minute)) // an error shows below, too
	readFrame(t, nc)
	ask(t, nc, fmt.Appendf(nil, createText, 1))
	st.wait("the command is under way", func() bool { return st.served["a"].Counters().Commands["create"] > 0 })
	st.stderr.stick(0)
	st.signal(syscall.SIGTERM)
	return st
}

// fails waits for the end of the program, which must have failed.
func (st *statusStand) fails() {
	st.t.Helper()
	<-st.program.ended
	var exit *exec.ExitError
	if !errors.As(st.program.err, &exit) || exit.ExitCode() != cli.ExitFailed {
		st.t.Errorf("got %v, want exit %d", st.program.err, cli.ExitFailed)
	}
}

// TestStuckLogSecondSignal: where a drain takes long, a second signal ends the program.
func TestStuckLogSecondSignal(t *testing.T) {
	st := startHanging(t, "1h")
	st.wait("it drains", func() bool {
		r, err := http.Get("http://" + st.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode != http.StatusOK
	})
	st.signal(syscall.SIGINT)
	st.fails()
}

// TestStuckLogLastError: a program that has an error to tell in the end does not wait for somebody
// to read it, and tells it where somebody does.
func TestStuckLogLastError(t *testing.T) {
	startHanging(t, "1s").fails()
	st := startHanging(t, "1s")
	st.stderr.open()
	st.fails()
	st.wait("the error", func() bool { return strings.Contains(st.program.log.Text(), "\neppmux serve: ") })
}
