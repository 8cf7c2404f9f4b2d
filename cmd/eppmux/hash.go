package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/proxy"
)

// hashIterations is the number that OWASP's Password Storage Cheat Sheet recommends for PBKDF2 with
// HMAC-SHA-256: a guess takes some tenths of a second of a processor.
const hashIterations = 600_000

func newHashCommand() *cobra.Command {
	var clientID string
	var iterations int
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Hash the password of a client, for clients.users",
		Long: `Asks for the password with which a client is to log in to eppmux, and prints what the config
file has in its place. It asks twice on a terminal, without echo; otherwise it reads one line
from standard input.

The hash is PBKDF2 with HMAC-SHA-256: pbkdf2-sha256$ITERATIONS$SALT$HASH. It goes into
password_hash, or into a file of mode 0600 that password_hash_file names:

    clients:
      login: verify
      users:
        - {client_id: web, password_hash: "pbkdf2-sha256$600000$...$..."}
        - {client_id: batch, password_hash_file: batch.hash}

More iterations make guessing slower, and each login too. Give all users the same number:
a login of a stranger takes as long as that of who has the most.`,
		Example: `  eppmux hash --client-id web
  (umask 077; eppmux hash < batch.password > batch.hash)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if iterations < proxy.HashIterationsMin || iterations > proxy.HashIterationsMax {
				return cli.Misused(cmd, "--iterations: must be %d to %d, got %d", proxy.HashIterationsMin,
					proxy.HashIterationsMax, iterations)
			}
			text, err := cli.AskPassword(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			password := config.NewSecret(text)
			if err == nil {
				err = checkClientPassword(password)
			}
			if err != nil {
				return cli.Failed(cmd, err)
			}
			hash, err := proxy.HashPassword(password.Reveal(), iterations)
			if err != nil {
				return cli.Failed(cmd, err)
			}
			line := hash.Encode()
			if clientID != "" {
				line = fmt.Sprintf("- {client_id: %s, password_hash: %q}", strconv.Quote(clientID), line)
			}
			fmt.Fprintln(cmd.OutOrStdout(), line)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&clientID, "client-id", "", "print a whole entry of users, for client `ID`")
	f.IntVar(&iterations, "iterations", hashIterations, "`NUMBER` of iterations")
	completeFlag(cmd, "client-id", nil)
	return cmd
}

// checkClientPassword refuses a password that no login can have. RFC 5730's schema has a least
// length, and collapses white space.
func checkClientPassword(password config.Secret) error {
	text := password.Reveal()
	switch {
	case len([]rune(text)) < shortestPassword:
		return fmt.Errorf("the password must have at least %d characters", shortestPassword)
	case strings.Join(strings.Fields(text), " ") != text:
		return errors.New("the password must not begin or end with a blank, or have two in a row: EPP drops them")
	}
	return nil
}
