package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// defaultConfigFile is the config file of all commands without --config. A package sets the place
// of its config with -ldflags "-X main.defaultConfigFile=/etc/eppmux/config.yaml".
var defaultConfigFile = "config.yaml"

func newCheckCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report every fault of a config file",
		Long: `Reads a config file as serve would, with all that it refers to: password files and
variables, certificates and keys. Prints "ok", or every fault at once, one per line:

  FILE:LINE: PATH: what is wrong

With a section cluster, a line before "ok" says what this host would be in it.

Warnings, marked so, go to standard error beside "ok": what goes beyond the profile of the
registry, with the source of its number; sessions.max and rate_limits that are left out, so
that our defaults apply, which no registry has agreed to; limits longer than a minute that a
restart forgets, for want of a state folder; certificates that end soon; in a cluster, what
holds on each host alone and what goes to the engine in plain text. serve logs them and goes
on.

Nothing is connected to and nothing is listened on. No password is ever printed.

Exit codes: 0 the file is good, 1 it has faults or cannot be read, 2 wrong usage.`,
		Example: "  eppmux check --config /etc/eppmux/config.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file)
			var faults *config.Faults
			switch {
			case errors.As(err, &faults):
				return cli.Exit(cli.ExitFailed, err)
			case err != nil:
				return cli.Failed(cmd, err)
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), w)
			}
			if standing := cfg.Standing(); standing != "" {
				fmt.Fprintln(cmd.OutOrStdout(), standing)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultConfigFile, "config `FILE` to check")
	return cmd
}
