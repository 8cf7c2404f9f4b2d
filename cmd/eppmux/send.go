package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
)

// sender has the values of the flags of send.
type sender struct {
	reach
	http httpReach

	repeat   int
	interval time.Duration

	raw bool
}

// maxRepeat bounds --repeat: the time of each answer is kept.
const maxRepeat = 100_000

func newSendCommand() *cobra.Command {
	var s sender
	cmd := &cobra.Command{
		Use:   "send [FILE | check NAME... | info NAME | poll [ack ID] | hello]",
		Short: "Send one EPP message to a listener or a registry and print the answer",
		Long: `Connects to a listener of eppmux (or any EPP server that asks for no login), reads the
greeting, sends one message, prints the answer and disconnects. Nothing is sent twice.

The message is the XML in FILE, or on standard input for "-" or no argument, sent octet
for octet. Or it is built from a few words, with a clTRID that begins with eppmux-send-:

  check NAME...    a check of objects of one kind
  info NAME        an info
  poll             the first message of the queue
  poll ack ID      takes message ID off the queue
  hello            asks for the greeting

A NAME with a dot is a domain; host:NAME and contact:ID are the other objects. A file
whose name is one of these words is written ./check.

--direct goes straight to a registry of the config file, past a running eppmux, with the
address, certificates and login that stand there, and logs out at the end: also after an
error and on Ctrl-C, which waits up to ` + graceTime.String() + ` for an answer that is under way. Only where that
does not come is the connection closed without a logout. "hello" needs no login and shows
the greeting. This takes one session of the registry's allowance, beside those of a running
eppmux: 2502 says that none is free. The rate_limits of the config are kept, but a running
eppmux counts by itself: together they may exceed what the registry allows.

--http URL sends the message over a gateway of eppmux (POST URL/v1/NAME/epp), for the registry
that --registry names, as the user of a password or a token. What the gateway answers in place
of the registry is told, and has the exit code that a listener's answer would have: 8 for what
was not sent, 1 where it is not known what became of it. With --idempotency-key a change may
be sent again: what was carried out is answered again, and never done twice. --ca, --cert and
--key are for https:// then.

--repeat N sends a query (check, info, poll, transfer query, hello) N times over one
connection, one at a time, each with a new clTRID, and prints how long the answers took in
place of the answers. It ends early on Ctrl-C, and where an answer does not come.

The answer is indented for reading, and what a terminal would obey is written as character
references; --raw prints its octets as they came.

Exit codes, by the result code of the answer; with --repeat, by the highest one. The first
line with the code counts:

` + exitTable() + `
A registry that refuses the login of --direct counts as an answer.`,
		Example: `  eppmux send check example.com example.net
  eppmux send info host:ns1.example.com
  eppmux send --to unix:///run/eppmux/epp.sock create.xml
  eppmux send --to tls://localhost:7700 --ca ca.pem --raw - < update.xml
  eppmux send --direct --config /etc/eppmux/config.yaml --registry example hello
  eppmux send --http http://127.0.0.1:7080 --registry example --token-file token check example.com
  eppmux send --repeat 100 --interval 50ms check example.com`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args) },
	}
	cmd.ValidArgsFunction = completeSend
	f := cmd.Flags()
	s.reach.flags(f)
	s.http.flags(f)
	f.IntVar(&s.repeat, "repeat", 0, fmt.Sprintf("send a query `N` times, at most %d, and print a summary", maxRepeat))
	f.DurationVar(&s.interval, "interval", 0, "with --repeat: pause between an answer and the next message")
	f.BoolVar(&s.raw, "raw", false, "print the answer as it came")
	return cmd
}

func (s *sender) run(cmd *cobra.Command, args []string) error {
	if err := s.checkFlags(cmd.Flags().Changed); err != nil {
		return cli.Misused(cmd, "%w", err)
	}
	payload, err := buildPayload(args, cmd.InOrStdin())
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		return cli.Misused(cmd, "%w", err)
	case err != nil:
		return cli.Failed(cmd, err)
	}
	t := target{within: s.timeout}
	if s.http.url == "" {
		if t, err = s.target(cmd); err != nil {
			return err
		}
	}
	j := &sending{caller: newCaller(cmd, t, "send"), m: talk.NewMessage(payload),
		built: builtFromWords(args), raw: s.raw,
		out: cmd.OutOrStdout()}
	if s.http.url != "" {
		return s.overHTTP(cmd, j)
	}
	if s.repeat > 0 {
		if err := s.checkRepeat(j); err != nil {
			return cli.Misused(cmd, "%w", err)
		}
		j.repeat, j.interval = s.repeat, s.interval
	}
	return j.run(cmd.Context())
}

// checkFlags checks the flags by themselves. changed reports whether a flag was given.
func (s *sender) checkFlags(changed func(flag string) bool) error {
	if err := s.http.check(changed); err != nil {
		return err
	}
	if err := s.reach.check(changed); err != nil {
		return err
	}
	switch {
	case changed("interval") && !changed("repeat"):
		return cli.Usagef("--interval: is for --repeat only")
	case changed("raw") && changed("repeat"):
		return cli.Usagef("--raw: does not go with --repeat, which prints no answers")
	case changed("repeat") && (s.repeat < 1 || s.repeat > maxRepeat):
		return cli.Usagef("--repeat: must be 1 to %d, got %d", maxRepeat, s.repeat)
	case s.interval < 0:
		return cli.Usagef("--interval: must not be below 0, got %v", s.interval)
	}
	return nil
}

// checkRepeat is an error if the message of j must not be sent as often as --repeat says.
func (s *sender) checkRepeat(j *sending) error {
	if !j.m.Query {
		return cli.Usagef("--repeat: is for queries only: check, info, poll, transfer query and hello")
	}
	if r := j.registry; r != nil && r.Sessions.MaxCommands > 0 && s.repeat > r.Sessions.MaxCommands {
		return cli.Usagef("--repeat: one session of %s carries %d commands (sessions.max_commands), got %d", r.Name,
			r.Sessions.MaxCommands, s.repeat)
	}
	return nil
}
