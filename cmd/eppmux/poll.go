package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// poller has the values of the flags of poll.
type poller struct {
	reach
	drain string
}

func newPollCommand() *cobra.Command {
	var p poller
	cmd := &cobra.Command{
		Use:   "poll --drain DIR",
		Short: "Keep all messages of a registry's queue in files and acknowledge them",
		Long: `Reads the messages of the registry's queue, one after the other, until there is none. Each
is written to a file of DIR as it came, in the answer that brought it, before it is
acknowledged: the file has reached the disk by then. The file is named by the message's
id. DIR is made where it is missing, for its owner only: messages may hold passwords.

It stops at the first fault, and the next run goes on there. A message that is in DIR
already, since the last run could not acknowledge it, is not written again.

With "poll: exclusive" in the config of a running eppmux, another client may have the
queue: then nothing is read, and the exit code is 8.

"eppmux send poll" shows the first message and leaves it where it is. The flags say which
listener or registry is asked, as with "eppmux send".

Exit codes, by the result code of the last answer:

` + exitTable(),
		Example: `  eppmux poll --drain /var/lib/registrar/messages
  eppmux poll --drain messages --direct --config /etc/eppmux/config.yaml --registry example`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&p.drain, "drain", "", "keep and acknowledge all messages; `DIR` is where their files go")
	p.reach.flags(f)
	return cmd
}

func (p *poller) run(cmd *cobra.Command) error {
	if p.drain == "" {
		return cli.Misused(cmd, `--drain DIR is missing; "eppmux send poll" shows the first message`)
	}
	if err := p.reach.check(cmd.Flags().Changed); err != nil {
		return cli.Misused(cmd, "%w", err)
	}
	t, err := p.target(cmd)
	if err != nil {
		return err
	}
	dir, err := openMessageDir(p.drain)
	if err != nil {
		return cli.Failed(cmd, fmt.Errorf("--drain: %w", err))
	}
	defer dir.close()
	d := &drain{caller: newCaller(cmd, t, "poll"), dir: dir, out: cmd.OutOrStdout()}
	return d.run(cmd.Context())
}

// drain is one run of poll --drain.
type drain struct {
	caller
	dir  *messageDir
	out  io.Writer
	kept int // messages that were acknowledged
}

func (d *drain) run(ctx context.Context) error {
	c, end, err := d.call(ctx, asUser)
	if err != nil {
		return err
	}
	defer end()
	for last := ""; ; {
		id, err := d.next(ctx, c, last)
		switch {
		case err != nil:
			d.say("%d messages were kept and acknowledged before", d.kept)
			return err
		case id == "":
			fmt.Fprintf(d.out, "%d messages kept; the queue is empty\n", d.kept)
			return nil
		}
		last = id
		d.kept++
	}
}

// next keeps and acknowledges the message at the head of the queue, and returns its id; empty where there
// is none. last is the id of the one before. The error ends the program.
func (d *drain) next(ctx context.Context, c *talk.Conversation, last string) (id string, err error) {
	a, err := d.ask(ctx, c, `<poll op="req"/>`)
	if err != nil {
		return "", err
	}
	if a.Code == 1300 {
		return "", d.noMessages(a)
	}
	id = messageID(a)
	switch {
	case id == "" && a.Odd != frame.ReasonNone:
		return "", d.failed(fmt.Errorf("poll: answer %d is no good XML (%v) and its msgQ has no id that is beyond "+
			`doubt: nothing can be acknowledged; "eppmux send --raw poll" shows it`, a.Code, a.Odd))
	case id == "":
		return "", d.failed(fmt.Errorf("poll: answer %d has no msgQ with an id: nothing can be acknowledged", a.Code))
	case id == last:
		return "", d.failed(fmt.Errorf("message %s comes again behind its acknowledgement", cli.Quote(id)))
	}
	file, err := d.dir.keep(id, a)
	if err != nil {
		return "", d.failed(fmt.Errorf("message %s: %w; it was not acknowledged", cli.Quote(id), err))
	}
	if a.Odd != frame.ReasonNone {
		d.say("message %s is kept as it came; it is no good XML: %v", cli.Quote(id), a.Odd)
	}
	if _, err := d.ask(ctx, c, `<poll op="ack" msgID="`+escape(id)+`"/>`); err != nil {
		d.say("message %s is in %s, and was not acknowledged for sure; the next run goes on with it",
			cli.Quote(id), file)
		return "", err
	}
	fmt.Fprintf(d.out, "%s\n", file)
	return id, nil
}

// messageID is the id of the message that a brings; empty where a has none that is beyond doubt.
func messageID(a talk.Answer) string {
	if a.Odd != frame.ReasonNone {
		return frame.GleanMessageID(a.Message)
	}
	q, ok := frame.ParseMessageQueue(a.Payload)
	if !ok {
		return ""
	}
	return q.ID
}

// ask sends a command and returns its answer, whose code says that it was carried out.
func (d *drain) ask(ctx context.Context, c *talk.Conversation, inner string) (talk.Answer, error) {
	a, err := c.Exchange(ctx, talk.NewMessage(command(inner)).In(c.Root()).Named(c.NewClTRID()), d.within)
	if err != nil {
		return a, d.failed(fmt.Errorf("poll: %w", err))
	}
	if exit := exitOfAnswer(a.Message); exit != cli.ExitDone {
		_, words, err := frame.ParseResult(a.Payload)
		switch {
		case err != nil:
			words = err.Error()
		case a.Broken:
			words = "in words that are no good XML"
		}
		return a, cli.Exit(exit, fmt.Errorf("%s: poll: %d %s", d.name, a.Code, visible([]byte(words))))
	}
	return a, nil
}

var errQueueTaken = errors.New(`another client of eppmux has the message queue ("poll: exclusive"); try again later`)

// noMessages tells an empty queue from one that another client has: eppmux has answered by itself then.
func (d *drain) noMessages(a talk.Answer) error {
	if svTRID := string(a.Payload[a.SvTRID.Start:a.SvTRID.End]); d.registry == nil &&
		strings.HasPrefix(svTRID, "eppmux-") {
		return cli.Exit(exitOf(2400), fmt.Errorf("%s: %w", d.name, errQueueTaken))
	}
	return nil
}
