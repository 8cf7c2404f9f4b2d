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
	// findTime is how long a process may take to print what is waited for, beyond what it has been
	// told to do.
	findTime = 60 * time.Second
	// stopTime is how long a process may take to end.
	stopTime = 30 * time.Second
)

// child is a process of a measurement; its standard error goes where its output goes.
type child struct {
	cmd   *exec.Cmd
	lines chan string   // what it prints; closed by read
	last  string        // line that find has seen last
	ended chan struct{} // closed by read
}

// start starts a process that ends with ctx at the latest.
func start(ctx context.Context, name string, args ...string) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	cmd.Env = append(os.Environ(), "EPPMUX_BENCH=1") // for the load, where this program is a test
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	c := &child{cmd: cmd, lines: make(chan string, 1000), ended: make(chan struct{})}
	go c.read(r)
	return c, nil
}

// read ends with the process's output. Lines that nobody looks for are dropped when there are many.
func (c *child) read(r *os.File) {
	defer close(c.ended)
	defer close(c.lines)
	defer r.Close()
	for s := bufio.NewScanner(r); s.Scan(); {
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

// poll waits until cond has no error any more.
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

// stop ends the process and waits for that.
func (c *child) stop() {
	if c == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(stopTime, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for range c.lines {
	}
	_ = c.cmd.Wait() // how it ends after a signal says nothing
}

func (c *child) usage() (usage, error) {
	if c == nil {
		return usage{}, nil
	}
	return usageOf(c.cmd.Process.Pid)
}
