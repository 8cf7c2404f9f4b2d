// Command eppmux lets any number of EPP clients share the few sessions that a registry grants.
//
// "eppmux serve" runs the proxy from a config file, "eppmux ctl" tells it what to do while it runs.
// "eppmux check" tells what is wrong with the file, "eppmux passwd" changes the password at a
// registry, "eppmux audit" shows what was sent to it, "eppmux cert" makes certificates for
// listeners, "eppmux hash" hashes of clients' passwords. "eppmux send" is a small client to try
// things with, "eppmux poll" one that empties a message queue, "eppmux sandbox" a registry in memory
// to try them on. Each has its own --help.
//
// This package has a file for each command, or a few that begin with its name: flags, help and what
// is printed. The mechanisms are below it, in internal: cli (how a command ends), config (the
// file), localca (certificates), talk (a conversation of send and passwd) and serve (the running
// program). Imports go down only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program, and returns its exit code. It returns when the command is done. A command
// that runs until it is told to end, such as serve, ends when ctx does.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var exit *cli.ExitError
	switch {
	case err == nil:
		return cli.ExitDone
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(errs, exit.Err)
		}
		return exit.Code
	}
	// An error of cobra itself is about the command line.
	fmt.Fprintf(errs, "eppmux: %v\n", err)
	return cli.ExitUsage
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "eppmux",
		Short: "Share a registry's few EPP sessions among many clients",
		Long: `eppmux stands between a registrar's EPP clients and a registry that grants it few
sessions. To the clients it is an EPP server (RFC 5730, RFC 5734), to the registry
one well-behaved client that never opens more sessions and never sends more
commands than the registry allows. Existing EPP programs work unchanged: point
them at the local port.

Exit codes: 0 done, 1 failed, 2 wrong usage or config.`,
		Example: `  eppmux serve                      run ./config.yaml; as shipped, in front of a built-in registry
  eppmux send check example.com     try it, in another terminal`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate(versionLine() + "\n")
	root.AddCommand(newServeCommand(), newCheckCommand(), newSendCommand(), newPollCommand(),
		newSandboxCommand(), newPasswdCommand(),
		newCtlCommand(), newStatusCommand(), newAuditCommand(), newCertCommand(), newHashCommand(),
		newVersionCommand(), newManCommand())
	complete(root)
	return root
}
