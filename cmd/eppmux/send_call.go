package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
)

// graceTime is how long --direct still waits for an answer after Ctrl-C. A logout before the answer
// would be a second message, and the outcome of a transform would not be known.
const graceTime = 5 * time.Second

// caller opens the conversation of a command. The errors of its methods end the program.
type caller struct {
	target
	purpose string // a word of our clTRIDs
	name    string // of the command, in front of messages; empty: nothing is
	errs    io.Writer
}

func newCaller(cmd *cobra.Command, t target, purpose string) caller {
	return caller{t, purpose, cmd.CommandPath(), cmd.ErrOrStderr()}
}

// as says whether a conversation with a registry needs a login. One with a listener has none.
type as uint8

const (
	asUser   as = iota
	asNobody    // a hello needs none
)

// call opens a conversation. end logs out, where that is due, and closes it.
func (c *caller) call(ctx context.Context, who as) (d *talk.Conversation, end func(), err error) {
	if d, err = c.Open(ctx); err != nil {
		return nil, nil, c.failed(err)
	}
	d.Purpose = c.purpose
	if c.registry == nil {
		return d, d.Close, nil
	}
	d.Pace, d.Grace = talk.PaceOf(c.registry), graceTime
	d.OnInterrupt = func() { c.say("interrupted; waiting up to %v for the answer that is under way", graceTime) }
	if who == asNobody {
		return d, d.Close, nil
	}
	if err := c.login(ctx, d); err != nil {
		d.Close()
		return nil, nil, err
	}
	return d, func() {
		c.logout(d)
		d.Close()
	}, nil
}

// login logs in at the registry of --direct.
func (c *caller) login(ctx context.Context, d *talk.Conversation) error {
	l, err := d.LoginFor(c.registry)
	if err != nil {
		return c.failed(err)
	}
	res := d.Login(ctx, &l, c.registry.Timeouts.Login)
	if res.Verdict == talk.LoginAccepted {
		return nil
	}
	code := cli.ExitFailed
	if no := (*talk.Refusal)(nil); errors.As(res.Err, &no) {
		code = exitOf(no.Code)
		res.Err = fmt.Errorf("login: %w", res.Err)
	}
	if res.Verdict == talk.LoginFull {
		res.Err = fmt.Errorf("%w: no session is free; a running eppmux holds up to sessions.max (%d) of them", res.Err,
			c.registry.Sessions.Max)
	}
	return cli.Exit(code, c.named(res.Err))
}

func (c *caller) logout(d *talk.Conversation) {
	if err := d.Logout(); err != nil {
		c.say("closed without a logout: %v", err)
	}
}

func (c *caller) failed(err error) error {
	return cli.Exit(cli.ExitFailed, c.named(err))
}

func (c *caller) named(err error) error {
	if c.name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

func (c *caller) say(format string, args ...any) {
	fmt.Fprintln(c.errs, c.named(fmt.Errorf(format, args...)))
}
