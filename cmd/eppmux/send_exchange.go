package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// sending is one run of send: a message, the target that it goes to, and the writer for its answer.
// The errors of its methods end the program.
type sending struct {
	caller
	m     *talk.Message
	built bool // from words, not read from a file
	raw   bool

	repeat   int // 0: once, and the answer is shown
	interval time.Duration

	out io.Writer
}

func (j *sending) run(ctx context.Context) error {
	as := asUser
	if j.m.Kind == frame.KindHello {
		as = asNobody
	}
	d, end, err := j.call(ctx, as)
	if err != nil {
		return err
	}
	defer end()
	if j.built {
		j.m = j.m.In(d.Root())
	}
	if j.repeat > 0 {
		return j.series(ctx, d)
	}
	return j.once(ctx, d)
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
	if a.Odd != frame.ReasonNone {
		j.say("what came is no good XML: %v", a.Odd)
	}
	if code := exitOfAnswer(a.Message); code != cli.ExitDone {
		return cli.Exit(code, nil)
	}
	return nil
}
