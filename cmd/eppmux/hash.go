package main

import (
	"crypto/rand"
	"encoding/base64"
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
	var h hasher
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Hash the password of a client, or make a token, for the config file",
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
a login of a stranger takes as long as that of who has the most.

--token asks for nothing. It makes a random token for a user of the gateway, and prints it on
one line and its hash on the next: sha256$HEX, for token_hash or the file that token_hash_file
names. The token is shown this once; a client sends it as "Authorization: Bearer TOKEN".

    gateway:
      users:
        - {name: shop, token_hash: "sha256$..."}
        - {name: panel, password_hash: "pbkdf2-sha256$600000$...$..."}`,
		Example: `  eppmux hash --client-id web
  (umask 077; eppmux hash < batch.password > batch.hash)
  eppmux hash --token --user shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return h.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&h.clientID, "client-id", "", "print a whole entry of clients.users, for client `ID`")
	f.StringVar(&h.user, "user", "", "print a whole entry of gateway.users, for the user `NAME`")
	f.IntVar(&h.iterations, "iterations", hashIterations, "`NUMBER` of iterations")
	f.BoolVar(&h.token, "token", false, "make a token, and hash that")
	completeFlag(cmd, "client-id", nil)
	completeFlag(cmd, "user", nil)
	return cmd
}

// hasher has the values of the flags of hash.
type hasher struct {
	clientID, user string // at most one is not empty
	iterations     int
	token          bool
}

func (h *hasher) run(cmd *cobra.Command) error {
	switch changed := cmd.Flags().Changed; {
	case h.iterations < proxy.HashIterationsMin || h.iterations > proxy.HashIterationsMax:
		return cli.Misused(cmd, "--iterations: must be %d to %d, got %d", proxy.HashIterationsMin,
			proxy.HashIterationsMax, h.iterations)
	case h.clientID != "" && h.user != "":
		return cli.Misused(cmd,
			"--user: does not go with --client-id: clients of EPP and users of the gateway are others")
	case h.token && (changed("client-id") || changed("iterations")):
		return cli.Misused(cmd,
			"--token: does not go with --client-id and --iterations: tokens are for users of the gateway")
	case h.token:
		token := newToken()
		fmt.Fprintln(cmd.OutOrStdout(), token)
		h.print(cmd, "token_hash", config.TokenHash(token))
		return nil
	}
	text, err := cli.AskPassword(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
	password := config.NewSecret(text)
	switch {
	case err != nil:
	case h.user != "":
		err = checkPassword(password)
	default:
		err = checkClientPassword(password)
	}
	if err != nil {
		return cli.Failed(cmd, err)
	}
	hash, err := proxy.HashPassword(password.Reveal(), h.iterations)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	h.print(cmd, "password_hash", hash.Encode())
	return nil
}

// print prints a hash, or the entry of a list of users that has it under key.
func (h *hasher) print(cmd *cobra.Command, key, hash string) {
	switch {
	case h.clientID != "":
		hash = fmt.Sprintf("- {client_id: %s, %s: %q}", strconv.Quote(h.clientID), key, hash)
	case h.user != "":
		hash = fmt.Sprintf("- {name: %s, %s: %q}", strconv.Quote(h.user), key, hash)
	}
	fmt.Fprintln(cmd.OutOrStdout(), hash)
}

// tokenLen is how many random octets a token has: nobody guesses one, so that a plain hash of it is enough.
const tokenLen = 32

// newToken makes a token. By how it begins, it is found where it does not belong.
func newToken() string {
	random := make([]byte, tokenLen)
	rand.Read(random) // never fails
	return "epx_" + base64.RawURLEncoding.EncodeToString(random)
}

// checkPassword refuses a password that is too short, and checkClientPassword one that no login of EPP can
// have, too: RFC 5730's schema has that least length, and collapses white space.
func checkPassword(password config.Secret) error {
	if len([]rune(password.Reveal())) < shortestPassword {
		return fmt.Errorf("the password must have at least %d characters", shortestPassword)
	}
	return nil
}

func checkClientPassword(password config.Secret) error {
	text := password.Reveal()
	switch err := checkPassword(password); {
	case err != nil:
		return err
	case strings.Join(strings.Fields(text), " ") != text:
		return errors.New("the password must not begin or end with a blank, or have two in a row: EPP drops them")
	}
	return nil
}
