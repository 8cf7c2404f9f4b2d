package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/cli"
)

// runResolve is one run of audit --resolve. args are the words.
func (a *auditRead) runResolve(cmd *cobra.Command, config string, args []string) error {
	if a.unknown || a.json || a.filter != (audit.Filter{}) {
		return cli.Misused(cmd, "--resolve goes with --config only")
	}
	words := strings.TrimSpace(strings.Join(args, " "))
	if words == "" || len(args) > 1 {
		return cli.Misused(cmd,
			`--resolve: say what you found out, in quotes, as in: --resolve %s "carried out, see ticket"`,
			strings.Join(a.resolve, ","))
	}
	file, err := auditFile(config)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	all, err := a.resolutions(file, words)
	if err == nil {
		err = audit.Resolve(file, time.Now(), all)
	}
	if err != nil {
		return cli.Failed(cmd, err)
	}
	for _, id := range a.resolve {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: resolved\n", audit.Visible(id))
	}
	return nil
}

// resolutions makes a resolution for each id. It fails if one of them is not of unknown outcome, or
// resolved already: then nothing is to be written.
func (a *auditRead) resolutions(file, words string) ([]audit.Resolution, error) {
	r, err := audit.OpenLog(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	r.Broken = a.skipped
	u, err := a.collect(r)
	if err != nil {
		return nil, err
	}
	by, unknown := who(), u.All()
	var all []audit.Resolution
	for _, id := range a.resolve {
		found := false
		for _, s := range unknown {
			if s.ID() != id {
				continue
			}
			if was := u.By(s); was != nil {
				return nil, fmt.Errorf("%s is resolved already, by %s on %v: %s",
					audit.Visible(id), audit.Visible(was.By),
					was.Time, audit.Visible(was.Words))
			}
			found = true
			all = append(all, audit.Resolution{Registry: s.Registry, MuxTRID: s.MuxTRID, Sent: s.At(), By: by,
				Words: words})
		}
		if !found {
			return nil, fmt.Errorf("%s: the log has no command of unknown outcome with that id; "+
				"see eppmux audit --unknown",
				cli.Quote(id))
		}
	}
	return all, nil
}

// who is the name of the user who runs the program, and of the one who became that by sudo.
func who() string {
	name := "uid " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if from := os.Getenv("SUDO_USER"); from != "" && from != name {
		name += " (sudo by " + from + ")"
	}
	return name
}
