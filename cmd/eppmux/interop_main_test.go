package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// asProgram is the environment variable that makes the test binary the program itself, race
// detector and all. Its value is onTerminal if the standard input is a terminal.
const asProgram, onTerminal = "EPPMUX_TEST_AS_PROGRAM", "terminal"

// otherProgram is the environment variable with the path of a program to test in place of that: one
// that was installed.
const otherProgram = "EPPMUX_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if how := os.Getenv(asProgram); how != "" {
		if how != onTerminal { // there the kernel ends it when the terminal is closed
			go endWithParent()
		}
		main()
	}
	os.Exit(withState(m))
}

// withState runs the tests with a folder in which killed programs may leave their locks.
func withState(m *testing.M) int {
	dir, err := os.MkdirTemp("", "eppmux-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("STATE_DIRECTORY", dir); err != nil {
		panic(err)
	}
	return m.Run()
}

// endWithParent ends this process with the test that started it, which holds the other end of its
// standard input.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(cli.ExitFailed)
}

// programTimeout is for one run of a program; programs that take longer are killed, and their tests
// fail.
var programTimeout = 3 * time.Minute

// program is eppmux as a process of its own.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   *clitest.Transcript
	ended chan struct{} // closed when the process has ended and err is set
	err   error
}

// startProgram runs eppmux until end is called or, at the latest, the test ends.
func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	return startProgramAs(t, func(*exec.Cmd) {}, args...)
}

// startProgramAs is startProgram for a process that is not started in the usual way.
func startProgramAs(t *testing.T, change func(*exec.Cmd), args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if other := os.Getenv(otherProgram); other != "" {
		self = other
	}
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	p := &program{t: t, cmd: exec.CommandContext(ctx, self, args...), log: clitest.NewTranscript(), ended: make(chan struct{})}
	// A process under the race detector otherwise sleeps for a second when it ends.
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if _, err := p.cmd.StdinPipe(); err != nil { // see endWithParent; closed by Wait
		t.Fatal(err)
	}
	change(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.wait()
	t.Cleanup(func() {
		cancel()
		<-p.ended
		if t.Failed() {
			t.Logf("eppmux %q printed:\n%s", args, p.log.Text())
		}
	})
	return p
}

// wait runs on a goroutine of its own until the process ends; the cleanup of startProgram waits for
// it.
func (p *program) wait() {
	p.err = p.cmd.Wait()
	close(p.ended)
}

// find waits until the program has printed what matches, and returns the first group.
func (p *program) find(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for ended := false; ; {
		if m := re.FindStringSubmatch(p.log.Text()); m != nil {
			return m[1]
		}
		if ended {
			p.t.Fatalf("%q ended with %v and printed\n%s\nwithout %q", p.cmd.Args[1:], p.err, p.log.Text(), pattern)
		}
		select {
		case <-p.log.More:
		case <-p.ended:
			ended = true // and all of its output is there
		}
	}
}

// end sends the signal, and returns all that the program has printed when it has ended.
func (p *program) end() string {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%q: %v", p.cmd.Args[1:], err)
	}
	<-p.ended
	if p.err != nil {
		p.t.Errorf("%q: got %v, want exit 0", p.cmd.Args[1:], p.err)
	}
	return p.log.Text()
}
