package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// graceTime is how long --direct still waits for an answer after Ctrl-C. A logout before the answer
// would be a second message, and the outcome of a transform would not be known.
const graceTime = 5 * time.Second

// sending is one run of send: a message, the target that it goes to, and the writer for its answer.
// The errors of its methods end the program.
type sending struct {
	target
	m     *talk.Message
	built bool // from words, not read from a file
	raw   bool

	repeat   int // 0: once, and the answer is shown
	interval time.Duration

	out, errs io.Writer
	name      string // of the command, in front of messages
}

func (j *sending) run(ctx context.Context) error {
	d, err := j.Open(ctx)
	if err != nil {
		return j.failed(err)
	}
	defer d.Close()
	d.Purpose = "send"
	if j.registry != nil {
		d.Pace, d.Grace = talk.PaceOf(j.registry), graceTime
		d.OnInterrupt = func() { j.say("interrupted; waiting up to %v for the answer that is under way", graceTime) }
		if j.m.Kind != frame.KindHello {
			if err := j.login(ctx, d); err != nil {
				return err
			}
			defer j.logout(d)
		}
	}
	if j.repeat > 0 {
		return j.series(ctx, d)
	}
	return j.once(ctx, d)
}

// login logs in at the registry of --direct.
func (j *sending) login(ctx context.Context, d *talk.Conversation) error {
	l, err := d.LoginFor(j.registry)
	if err != nil {
		return j.failed(err)
	}
	res := d.Login(ctx, &l, j.registry.Timeouts.Login)
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
			j.registry.Sessions.Max)
	}
	return cli.Exit(code, fmt.Errorf("%s: %w", j.name, res.Err))
}

func (j *sending) logout(d *talk.Conversation) {
	if err := d.Logout(); err != nil {
		j.say("closed without a logout: %v", err)
	}
}

// once sends the message and prints the answer.
func (j *sending) once(ctx context.Context, d *talk.Conversation) error {
	if j.registry != nil && j.built && j.m.Kind == frame.KindHello {
		greeting, err := d.Greeting()
		if err != nil {
			return j.failed(err)
		}
		return j.show(greeting, nil)
	}
	m := j.m
	if j.built {
		m = m.Named(d.NewClTRID())
	}
	a, err := d.Exchange(ctx, m, j.within)
	if talk.WasSent(err) && !m.Query {
		err = fmt.Errorf("%w; the message was sent: whether it was carried out is not known", err)
	}
	return j.show(a, err)
}

// show prints an answer and turns its result code into an exit code. A non-nil err says why it does
// not answer the message.
func (j *sending) show(a talk.Answer, err error) error {
	switch {
	case j.raw:
		j.out.Write(a.Octets)
	case a.Message != nil:
		j.out.Write(visible(indent(a.Payload)))
	case a.Octets != nil: // they may repeat a secret of the message
		err = fmt.Errorf("%w; --raw prints it", err)
	}
	if err != nil {
		return j.failed(err)
	}
	if code := exitOfAnswer(a.Message); code != cli.ExitDone {
		return cli.Exit(code, nil)
	}
	return nil
}

func (j *sending) failed(err error) error {
	return cli.Exit(cli.ExitFailed, fmt.Errorf("%s: %w", j.name, err))
}

func (j *sending) say(format string, args ...any) {
	fmt.Fprintf(j.errs, j.name+": "+format+"\n", args...)
}
