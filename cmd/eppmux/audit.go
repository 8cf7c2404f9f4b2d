package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// exitFound is the exit code of audit --unknown when it has found something.
const exitFound = 3

// auditRead is one run of the audit command.
type auditRead struct {
	filter  audit.Filter
	unknown bool
	resolve []string // ids
	lookUp  *lookUp  // nil: nothing is looked up
	json    bool

	out     *bufio.Writer
	errs    io.Writer
	broken  int    // lines that could not be read
	lost    uint64 // lines that the log says are missing
	rows    int    // printed
	scratch []byte // of line
}

func newAuditCommand() *cobra.Command {
	var config, since, until string
	var lookFor, direct bool
	var a auditRead
	cmd := &cobra.Command{
		Use:   "audit [FILE... | --resolve MUXTRID WORDS]",
		Short: "Show what was sent to registries and what became of it",
		Long: `Audit reads the audit log: the files named, or the one that the config names as audit.file
with all that it was rotated to, gzip or not, the oldest first. It prints one line for each
command, sent or not, when its end is reached; those without an end come last.

  END             what the log knows
  answered CODE   the registry's result; "orphan" where the client had gone before
  not_sent        nothing of it reached the registry, or the registry did not execute it
  unknown         it was sent and has no answer
  rejected CODE   the registry did not execute it; it was sent again, on another line
  no end          its end is not recorded: it is in flight, or the process was killed
  cut off         the same, and the process that sent it has ended

--unknown shows only the commands of which nobody was told what became of them: unknown, no
end and cut off. Look each up at the registry, by its muxTRID or its object, before anybody
repeats it. A line of a command that was announced and never sent may be among them, if the
process was killed between the two. Of a protocol extension without a clTRID several
sendings can look like one, or one like several.

--look-up asks the registry for each object of --unknown, one at a time and with nothing but
info: through a listener of the running eppmux that needs no TLS and no login or, with
--direct, past it, as eppmux send does. Below each command stands what is there: that the
object does not exist, or its dates, sponsor and status. Compare them with SENT. It fails (1)
if a registry cannot be asked.

--resolve MUXTRID WORDS ticks one off, once you have found out: a line with your words, your
user and the time goes to the end of the log that the config names, also while eppmux writes
to it. --unknown, the status page and the alerts leave it out from then on. It takes several
ids with commas between them and, of a command without a muxTRID, the time under SENT.
Nothing is resolved by itself.

--since and --until are about when a command was sent. They take a time as 2006-01-02 or
2006-01-02T15:04:05Z, or so long ago as 90m or 48h. --object takes a name, or *.example for
all that end so; names beyond the hundredth of a command are not in the log. --code takes x
for any digit, as in 2xxx.

Exit codes: 0 done, 1 failed, or --unknown has found nothing in a log with gaps, or --resolve
was given an id that is not unknown, 2 wrong usage, 3 --unknown has found something that is
not resolved.`,
		Example: `  eppmux audit --since 2h --object a.example
  eppmux audit --unknown --config /etc/eppmux/config.yaml
  eppmux audit --resolve 5f3k2m-17 "carried out, see ticket 4711"
  eppmux audit --json --code 2xxx audit.jsonl audit.jsonl.1.gz`,
		RunE: func(cmd *cobra.Command, files []string) error {
			a.out, a.errs = bufio.NewWriter(cmd.OutOrStdout()), cmd.ErrOrStderr()
			if cmd.Flags().Changed("resolve") {
				return a.runResolve(cmd, config, files)
			}
			if err := a.times(since, until, time.Now()); err != nil {
				return cli.Misused(cmd, "%v", err)
			}
			if err := a.filter.Check(); err != nil {
				return cli.Misused(cmd, "%v", err)
			}
			if (lookFor || direct) && (!a.unknown || !lookFor || a.json) {
				return cli.Misused(cmd, "--look-up goes with --unknown and without --json, --direct with --look-up")
			}
			if lookFor {
				a.lookUp = &lookUp{cmd: cmd, config: config, direct: direct, open: map[string]*looking{}}
				defer a.lookUp.close()
			}
			err := a.run(cmd.Context(), config, files)
			if err = errors.Join(err, a.out.Flush()); err != nil {
				return cli.Failed(cmd, err)
			}
			a.report()
			switch {
			case a.unknown && a.rows > 0:
				return cli.Exit(exitFound, nil)
			case a.unknown && (a.broken > 0 || a.lost > 0):
				return cli.Failed(cmd, errors.New("found nothing, but lines are missing or cannot be read"))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&config, "config", "c", defaultConfigFile, "config `FILE` that names the log")
	f.BoolVar(&a.unknown, "unknown", false, "only what must be looked up at the registry")
	f.BoolVar(&lookFor, "look-up", false, "with --unknown: ask the registry for each object, with info alone")
	f.BoolVar(&direct, "direct", false, "with --look-up: past a running eppmux, with the login of the config")
	f.StringSliceVar(&a.resolve, "resolve", nil, "tick off what --unknown lists under this `MUXTRID`, with words")
	f.BoolVar(&a.json, "json", false, "the lines as they are in the file")
	f.StringVar(&since, "since", "", "from this `TIME` on")
	f.StringVar(&until, "until", "", "up to this `TIME`")
	f.StringVar(&a.filter.Command, "command", "", "`COMMAND`, as create or transfer:request")
	f.StringVar(&a.filter.Object, "object", "", "`NAME` of an object")
	f.StringVar(&a.filter.Registry, "registry", "", "`NAME` of a registry")
	f.StringVar(&a.filter.Client, "client", "", "`ADDRESS` of a client, with its port or without, or \"uid N\"")
	f.StringVar(&a.filter.Code, "code", "", "result `CODE`")
	f.StringVar(&a.filter.End, "end", "", "answered, not_sent or unknown")
	f.StringVar(&a.filter.ClTRID, "cltrid", "", "`ID` that the client gave")
	f.StringVar(&a.filter.MuxTRID, "muxtrid", "", "`ID` that the registry saw")
	f.StringVar(&a.filter.SvTRID, "svtrid", "", "`ID` that the registry gave")
	return cmd
}

// times sets the bounds of the filter.
func (a *auditRead) times(since, until string, now time.Time) (err error) {
	if a.filter.Since, err = instant(since, now); err == nil {
		a.filter.Until, err = instant(until, now)
	}
	return err
}

// instant reads a time, or a duration before now. It returns the zero time for an empty text.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2006-01-02T15:04:05Z, and no duration such as 2h", text)
}

// run prints what the filter lets through, and counts it.
func (a *auditRead) run(ctx context.Context, config string, files []string) error {
	r, err := openAudit(config, files)
	if err != nil {
		return err
	}
	defer r.Close()
	r.Broken = a.skipped
	if a.unknown {
		return a.listUnknown(ctx, r)
	}
	var j audit.Joiner
	for {
		raw, l, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		a.lost += l.Lost
		if a.json {
			if a.filter.Line(l) {
				a.line(raw)
			}
			continue
		}
		if s := j.Add(raw, l); s != nil {
			a.story(s)
		}
	}
	for _, s := range j.Rest() {
		a.story(s)
	}
	return nil
}

// listUnknown prints what is unknown and not resolved.
func (a *auditRead) listUnknown(ctx context.Context, r *audit.Reader) error {
	u, err := a.collect(r)
	if err != nil {
		return err
	}
	var failed error
	for _, s := range u.Stories() {
		a.story(s)
		if a.lookUp == nil || !a.filter.Story(s) {
			continue
		}
		lines, err := a.lookUp.of(ctx, s)
		if err != nil {
			failed = errNotLookedUp
		}
		for _, line := range lines {
			fmt.Fprintf(a.out, "  %s\n", line)
		}
		fmt.Fprintf(a.out, "  once found out: eppmux audit --resolve %s \"...\"\n", audit.Visible(s.ID()))
	}
	return failed
}

// collect reads all of r for what is unknown.
func (a *auditRead) collect(r *audit.Reader) (*audit.Unresolved, error) {
	u := new(audit.Unresolved)
	for {
		raw, l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return nil, err
		}
		a.lost += l.Lost
		u.Add(raw, l)
	}
}

// openAudit opens the files, or the log that the config names if there are none.
func openAudit(configFile string, files []string) (*audit.Reader, error) {
	if len(files) > 0 {
		return audit.OpenFiles(files)
	}
	// A user who may read the log need not be able to read passwords.
	file, err := auditFile(configFile)
	if err != nil {
		return nil, err
	}
	return audit.OpenLog(file)
}

// auditFile is the path of the log that the config names.
func auditFile(configFile string) (string, error) {
	cfg, err := config.LoadValues(configFile)
	if err != nil {
		return "", err
	}
	if cfg.Audit.File == "" {
		return "", fmt.Errorf("%s has no audit.file", configFile)
	}
	return cfg.Resolve(cfg.Audit.File), nil
}

// story prints a command, if it is asked for.
func (a *auditRead) story(s *audit.Story) {
	switch {
	case !a.filter.Story(s):
	case a.json:
		a.line(s.Raw)
	default:
		a.row(s)
	}
}

// line prints a line of the log.
func (a *auditRead) line(raw []byte) {
	a.scratch = append(audit.VisibleJSON(a.scratch[:0], raw), '\n')
	a.out.Write(a.scratch) // an error comes at Flush
	a.rows++
}

// skippedShown is how many broken lines are reported one by one.
const skippedShown = 10

// skipped counts and reports a line that cannot be read.
func (a *auditRead) skipped(file string, line int, why string) {
	if a.broken++; a.broken <= skippedShown {
		fmt.Fprintf(a.errs, "%s:%d: skipped: %s\n", file, line, why)
	}
}

// report says how many lines were broken or are missing.
func (a *auditRead) report() {
	if a.broken > skippedShown {
		fmt.Fprintf(a.errs, "%d lines skipped in all\n", a.broken)
	}
	if a.lost > 0 {
		fmt.Fprintf(a.errs, "%d lines could not be written and are missing: the lines with event \"lost\" say where\n",
			a.lost)
	}
}
