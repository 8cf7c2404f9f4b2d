package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"
)

const (
	// findTime is how long a process may take to print a line that find waits for, beyond the time
	// of the work that it has been told to do.
	findTime = 60 * time.Second
	// stopTime is how long a process may take to end.
	stopTime = 30 * time.Second
)

// child is a process of a measurement. Its standard error goes where its standard output goes.
type child struct {
	cmd   *exec.Cmd
	note  func(line string) // called for each line that it prints; nil: none
	lines chan string       // what it prints; closed by read
	last  string            // line that find has seen last
	ended chan struct{}     // closed by read
}

// start starts a process that ends with ctx at the latest.
func start(ctx context.Context, name string, args ...string) (*child, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	cmd.Env = selfEnv()
	c := newChild(cmd, 1000)
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

// selfEnv is the environment of a process that may be this program again: where this program is a
// test, it then does not run its tests.
func selfEnv() []string { return append(os.Environ(), "EPPMUX_BENCH=1") }

// newChild prepares a process of which find sees up to so many lines late.
func newChild(cmd *exec.Cmd, lines int) *child {
	return &child{cmd: cmd, lines: make(chan string, lines), ended: make(chan struct{})}
}

func (c *child) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	c.cmd.Stdout, c.cmd.Stderr = w, w
	err = c.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return err
	}
	go c.read(r)
	return nil
}

// read passes on what the process prints, and ends with its output. It drops lines while find is
// behind by as many as lines holds.
func (c *child) read(r *os.File) {
	defer close(c.ended)
	defer close(c.lines)
	defer r.Close()
	for s := bufio.NewScanner(r); s.Scan(); {
		if c.note != nil {
			c.note(s.Text())
		}
		select {
		case c.lines <- s.Text():
		default:
		}
	}
}

// find waits for a line that the expression matches, and returns its last group.
func (c *child) find(expr string, more time.Duration) (string, error) {
	re := regexp.MustCompile(expr)
	late := time.NewTimer(findTime + more)
	defer late.Stop()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				return "", fmt.Errorf("%s ended before printing %s; the last line was %q", c.cmd.Args[0], expr, c.last)
			}
			c.last = line
			if m := re.FindStringSubmatch(line); m != nil {
				return m[len(m)-1], nil
			}
		case <-late.C:
			return "", fmt.Errorf("%s has not printed %s; the last line was %q", c.cmd.Args[0], expr, c.last)
		}
	}
}

// poll waits until cond returns no error.
func (c *child) poll(what string, cond func() error) error {
	late := time.After(findTime)
	for {
		err := cond()
		if err == nil {
			return nil
		}
		select {
		case <-late:
			return fmt.Errorf("still waiting for %s: %w", what, err)
		case <-c.ended:
			for line := range c.lines {
				c.last = line
			}
			return fmt.Errorf("it has ended before %s; the last line was %q", what, c.last)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the process and waits for its end.
func (c *child) stop() {
	if c == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(stopTime, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for range c.lines {
	}
	_ = c.cmd.Wait() // after a signal its exit status says nothing
}

// usage is what the process has used; nothing if there is none.
func (c *child) usage() (usage, error) {
	if c == nil {
		return usage{}, nil
	}
	return usageOf(c.cmd.Process.Pid)
}
