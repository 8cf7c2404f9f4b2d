package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/serve"
)

// ctl has the values of the flags that all verbs have, and the request that they make.
type ctl struct {
	config string
	socket string
	json   bool
	req    serve.Request
}

func newCtlCommand() *cobra.Command {
	var c ctl
	cmd := &cobra.Command{
		Use:   "ctl",
		Short: "Tell a running eppmux to do something, without dropping anyone",
		Long: `Talks to a running "eppmux serve" over its control socket (control.socket in the config).
Each verb leaves a line in the log of eppmux, with the user who gave it. REGISTRY is a name
of the config; it may be left out where there is one only, or be --all.

Exit codes: 0 done, 1 refused or not reached, 2 wrong usage or config.`,
		Example: `  eppmux ctl pause example          for the registry's maintenance
  eppmux ctl sessions
  eppmux ctl reload`,
	}
	f := cmd.PersistentFlags()
	f.StringVarP(&c.config, "config", "c", defaultConfigFile, "config `FILE` that names the control socket")
	f.StringVar(&c.socket, "socket", "", "`PATH` of the control socket; the config is not read then")
	f.BoolVar(&c.json, "json", false, "print the answer as JSON")

	cmd.AddCommand(
		c.onRegistry("pause", "Hold a registry's commands and log its sessions out",
			`What is in flight is answered, then the sessions log out. Commands that come wait, until timeouts.queue;
then they are answered 2400 "not sent to registry; safe to retry". Until "ctl resume", or the end of the
process: a restarted eppmux is not paused.`),
		c.onRegistry("resume", "End a pause", ""),
		c.onRegistry("reconnect", "Replace a registry's sessions, one at a time",
			`Each session is logged out when it has nothing in flight, and another one opened. A back-off after
refused or failed logins ends too: the next attempt is made at once.`),
		c.onRegistry("drain", "Stop serving a registry",
			`Its listeners close, what waits or is in flight is answered within drain_timeout, its sessions log out.
Waits for the end of that. "ctl reload" or a restart serves it again.`),
		c.simple("reload", "Read the config file again", "As SIGHUP does, but the faults of the file are told here."),
		c.simple("sessions [REGISTRY]", "List the sessions with registries", ""),
		c.clients(), c.kick(), c.logLevel(),
		c.cluster(), c.handover(),
	)
	return cmd
}

// onRegistry is a verb for a registry, or with --all for each.
func (c *ctl) onRegistry(verb, short, long string) *cobra.Command {
	cmd := c.verb(verb+" [REGISTRY]", short, long, cobra.MaximumNArgs(1))
	cmd.Flags().BoolVar(&c.req.All, "all", false, "every registry")
	return cmd
}

// simple is a verb without flags of its own.
func (c *ctl) simple(use, short, long string) *cobra.Command {
	args := cobra.NoArgs
	if use != "reload" {
		args = cobra.MaximumNArgs(1)
	}
	return c.verb(use, short, long, args)
}

func (c *ctl) clients() *cobra.Command {
	cmd := c.verb("clients [REGISTRY]", "List clients, those with a command first",
		`HELD is octets of memory, ENDED how many sessions have ended in a row behind the client's commands. A command
"(held back)" waits since sessions ended behind commands like it.`, cobra.MaximumNArgs(1))
	cmd.Flags().IntVar(&c.req.Limit, "limit", 100, "list `N` clients of each registry at most, up to 1000")
	return cmd
}

func (c *ctl) kick() *cobra.Command {
	return c.verb("kick REGISTRY CLIENT", `Disconnect a client, by the id that "ctl clients" shows`,
		`A command of its that waits is not sent. One that is in flight goes on, and its answer is dropped.`,
		func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("kick needs a registry and the id of a client")
			}
			id, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil || id == 0 {
				return fmt.Errorf(`client %s: must be an id of "ctl clients"`, cli.Quote(args[1]))
			}
			c.req.Client = id
			return nil
		})
}

func (c *ctl) logLevel() *cobra.Command {
	return c.verb("log-level [debug|info|warn|error]", "Show or change the log level", "",
		func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.req.Level = args[0]
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		})
}

// verb makes a subcommand. Its first argument is the registry, except for log-level.
func (c *ctl) verb(use, short, long string, args cobra.PositionalArgs) *cobra.Command {
	if long != "" {
		long = short + ".\n\n" + long
	}
	return &cobra.Command{Use: use, Short: short, Long: long, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.Name() != "log-level" {
				c.req.Registry = args[0]
			}
			if c.req.All && c.req.Registry != "" {
				return cli.Misused(cmd, "--all and a registry: one of them")
			}
			if c.socket == "" {
				// A user who may use the socket need not be able to read passwords.
				cfg, err := config.LoadValues(c.config)
				if err != nil {
					return cli.Exit(cli.ExitUsage, err)
				}
				if c.socket = cfg.Control.Socket; c.socket == "" {
					return cli.Misused(cmd, "%s has no control.socket: set one and restart eppmux, or give --socket",
						c.config)
				}
			}
			return c.run(cmd)
		}}
}

func (c *ctl) run(cmd *cobra.Command) error {
	a, err := c.ask(cmd.Context(), cmd.Name())
	if err != nil {
		return cli.Failed(cmd, err)
	}
	out := cmd.OutOrStdout()
	if c.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		_ = enc.Encode(a)
	} else {
		c.show(out, a)
	}
	if a.Error != "" {
		return cli.Failed(cmd, errors.New(a.Error))
	}
	return nil
}

// maxControlAnswer bounds an answer, in octets.
const maxControlAnswer = 16 << 20

// ask sends the request and reads the answer.
func (c *ctl) ask(ctx context.Context, verb string) (a serve.Answer, err error) {
	body, err := json.Marshal(c.req)
	if err != nil {
		return a, err
	}
	transport := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", c.socket)
		}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://eppmux/"+verb, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r, err := transport.RoundTrip(req)
	if err != nil {
		return a, fmt.Errorf("%w; is eppmux running, with this control.socket?", err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(io.LimitReader(r.Body, maxControlAnswer)).Decode(&a); err != nil {
		return a, fmt.Errorf("answer: %w", err)
	}
	if r.StatusCode != http.StatusOK && a.Error == "" {
		a.Error = r.Status
	}
	return a, nil
}

// show prints an answer for people.
func (c *ctl) show(out io.Writer, a serve.Answer) {
	if a.Cluster != nil {
		showCluster(out, a)
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if len(a.Sessions) > 0 {
		fmt.Fprintln(w, "REGISTRY\tSESSION\tSTATE\tFOR\tAGE\tCOMMANDS\tDOING\tCLIENT")
		for _, s := range a.Sessions {
			doing := s.Doing
			if s.Own {
				doing += " (own)"
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", s.Registry, s.ID, s.State,
				goDuration(s.For), goDuration(s.Age), s.Commands, doing, s.Client)
		}
	}
	if len(a.Clients) > 0 {
		fmt.Fprintln(w, "REGISTRY\tCLIENT\tFROM\tIDENTITY\tLISTENER\tDOING\tFOR\tHELD\tENDED")
		for _, k := range a.Clients {
			doing := k.Doing
			switch {
			case doing == "" && k.Polls:
				doing = "(has the message queue)"
			case doing == "":
				doing = "-"
			case k.Recording:
				doing += " (announcing)"
			case k.Sent:
				doing += " (sent)"
			case k.HeldBack:
				doing += " (held back)"
			default:
				doing += " (waits)"
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", k.Registry, k.ID, k.Client, k.Identity,
				k.Listener, doing,
				goDuration(k.For), k.Held, k.Ends)
		}
	}
	_ = w.Flush()
	for _, line := range a.Done {
		fmt.Fprintln(out, line)
	}
}

// goDuration writes seconds as Go writes durations, and as the config file does: 1.2s, 3m10s. The
// status page has words for people, by status.Span: 1.2 s.
func goDuration(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
