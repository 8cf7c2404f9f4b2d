package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// helpers are the parts that this program can play as a process of its own, beside what bench
// itself can. Each ends when its input does.
var helpers = map[string]func(args []string, in io.Reader, out io.Writer) error{
	"good":     playGood,
	"villains": playVillains,
}

// playHelper reports whether the arguments name a helper, which has then done its work.
func playHelper(args []string) bool {
	if len(args) == 0 || helpers[args[0]] == nil {
		return false
	}
	if err := helpers[args[0]](args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// helper is a process that plays such a part until dismiss.
type helper struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	errs  bytes.Buffer // read when the process has ended
	stuck *time.Timer  // kills it when it does not end; nil until dismiss
}

// newHelper starts one, on so many processors at the most.
func newHelper(t *testing.T, processors int, args ...string) *helper {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &helper{t: t, cmd: exec.Command(self, args...)}
	h.cmd.Env = append(selfEnv(), fmt.Sprintf("GOMAXPROCS=%d", processors))
	h.cmd.Stderr = &h.errs
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewScanner(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a line, unless it is empty, and returns the fields of the next that comes.
func (h *helper) ask(line string) []string {
	h.t.Helper()
	if line != "" {
		if _, err := io.WriteString(h.in, line+"\n"); err != nil {
			h.t.Fatal(err)
		}
	}
	if !h.out.Scan() {
		h.t.Fatalf("%s has ended", h.cmd.Args[1])
	}
	return strings.Fields(h.out.Text())
}

// dismiss tells the process to end, which it does when what it waits for has come or is late.
func (h *helper) dismiss() {
	h.in.Close()
	h.stuck = time.AfterFunc(answerTimeout+15*time.Second, func() { _ = h.cmd.Process.Kill() })
}

// stop waits for the end after dismiss, and fails the test unless it is clean. Nobody else reads
// out any more.
func (h *helper) stop() {
	defer h.stuck.Stop()
	for h.out.Scan() {
	}
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("%s: %v: %s", h.cmd.Args[1], err, h.errs.String())
	}
}
