package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/sandbox"
)

// sandboxRun has the values of the flags of sandbox.
type sandboxRun struct {
	listen                    string
	plain                     bool
	tlsDir                    string
	certFile, keyFile, caFile string
	mutual                    bool
	kept                      bool // set by open: the files in tlsDir are from an earlier run
	stats                     string
	sandboxConfig
}

func newSandboxCommand() *cobra.Command {
	var s sandboxRun
	cmd := &cobra.Command{
		Use:   "sandbox (--tls DIR | --tls-cert FILE --tls-key FILE | --plain)",
		Short: "Run the built-in registry as a program of its own",
		Long: `Runs a registry in memory (domains, hosts, contacts, poll) that keeps the rules real
ones keep, and counts how often its clients break them. Everything is gone when it ends.
Without --profile it has prices (fee-1.0), too: 10.00 EUR a year, ten times that for names
that begin with "premium-"; and times to live (ttl-1.0).

How it speaks is said by exactly one of:

  --tls DIR          TLS, with a certificate authority of its own. DIR is made if need be, and
                     gets ca.pem, server.pem, server.key, client.pem and client.key, readable
                     by you only. What an earlier run put there is used again if it is complete
                     and valid for another day; otherwise files of these names are replaced.
  --tls-cert, --tls-key
                     TLS, with your own certificate; --client-ca demands one of its clients
  --plain            no TLS; on loopback addresses and unix sockets only

It prints where it listens and its accounts, runs until SIGTERM or SIGINT, and then prints
as JSON what it counted, breaches of the rules among it. Without --account the accounts are
demo (password demo-secret) and other (other-secret).

--stats-listen serves over HTTP while it runs:

  GET /              the same JSON
  GET, POST /faults  the faults that are set, as below; POST replaces them, by none if empty
  GET /executed      with --record: how often each command came and was carried out, by
                     object; ?verb=create&object=example.com asks for one

--journal FILE has a line of JSON when a connection comes or ends, and for each message as it
comes: when, on which connection, the command, its objects and clTRID, the code of the answer.

--profile plays a kind of registry, and tells its numbers with their source at the start;
the flags for limits override them:

` + listed(profileLines()) + `
--quirks adds oddities of registry software, with commas between:

` + wrapped(sandbox.QuirkNames()) + `
--faults makes things go wrong on cue, as in
close-after:p=0.01,cmd=create;slow=2s:every=10;refuse-login=2502:first=2

` + listed(sandbox.FaultKinds()) + `
After ":" and with commas between stands when: p=PROBABILITY, every=N for each Nth time,
first=N for N times at most, cmd=NAME+NAME for these commands only. A name is that of a
command, hello, query (check, info, poll), transform (all that may change something) or
any; without cmd it is query+transform. Of several faults that are due on one message the
first is played.

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage. Breaches do not change the code.`,
		Example: `  eppmux sandbox --tls /tmp/sandbox --sessions 2 --rate 10/1s --idle 5m
  eppmux sandbox --plain --listen 127.0.0.1:7700 --account acme=geheim-1 --latency 20ms
  eppmux sandbox --plain --profile no-like --faults 'close-after:p=0.01,cmd=transform'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:7700",
		"`ADDR` to listen on: host:port or unix:///path; port 0 is a free one")
	f.BoolVar(&s.plain, "plain", false, "speak without TLS")
	f.StringVar(&s.tlsDir, "tls", "", "speak TLS with the certificates in `DIR`, which are made there if need be")
	f.StringVar(&s.certFile, "tls-cert", "", "speak TLS with the certificate in `FILE`")
	f.StringVar(&s.keyFile, "tls-key", "", "`FILE` of the key of --tls-cert")
	f.StringVar(&s.caFile, "client-ca", "", "with --tls-cert: demand a client certificate of the authority in `FILE`")
	f.BoolVar(&s.mutual, "mutual", false, "with --tls: demand a client certificate, as in client.pem")
	s.configFlags(cmd)
	f.StringVar(&s.stats, "stats-listen", "", "serve what was counted as JSON over HTTP on this loopback `ADDR`")
	return cmd
}

func (s *sandboxRun) run(cmd *cobra.Command) error {
	cfg, err := s.config(cmd.Flags().Changed)
	if err != nil {
		return cli.Misused(cmd, "%w", err)
	}
	at, err := s.transport()
	if err != nil {
		return cli.Misused(cmd, "%w", err)
	}
	ln, err := s.open(at)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	journal, err := openJournal(s.journal)
	if err != nil {
		ln.Close()
		return cli.Failed(cmd, err)
	}
	if journal != nil {
		cfg.Journal = journal
	}
	r := sandbox.New(cfg)
	defer r.Close()
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "listening on %s\n", shownAddress(ln.Addr(), at))
	if s.tlsDir != "" {
		from := ""
		if s.kept {
			from = ", from an earlier run"
		}
		fmt.Fprintf(out, "certificates in %s%s; a client needs ca.pem\n", s.tlsDir, from)
	}
	printProfile(out, s.profile)
	printAccounts(out, cfg.Accounts)
	if s.stats != "" {
		stats, err := serveStats(s.stats, r, cfg.Seed)
		if err != nil {
			ln.Close()
			return cli.Failed(cmd, err)
		}
		defer stats.Close()
		fmt.Fprintf(out, "statistics on http://%s/\n", stats.Addr)
	}
	if len(cfg.Faults) > 0 {
		fmt.Fprintf(out, "seed %d\n", cfg.Seed)
	}
	stop := context.AfterFunc(cmd.Context(), func() { r.Close() })
	defer stop()
	if err := r.Serve(ln); err != nil {
		return cli.Failed(cmd, err)
	}
	r.Close() // waits for the last connections
	writeJSON(out, statsOf(r, cfg.Seed))
	if err := journal.Close(); err != nil {
		return cli.Failed(cmd, err)
	}
	return nil
}

// shownAddress is an address as clients are given it.
func shownAddress(a net.Addr, at cli.Address) string {
	switch {
	case at.Network == "unix":
		return "unix://" + at.Where
	case at.TLS:
		return "tls://" + a.String()
	}
	return "tcp://" + a.String()
}

// printProfile prints the numbers of a profile and their source.
func printProfile(out io.Writer, name string) {
	for _, p := range sandbox.Profiles() {
		if p.Name == name {
			fmt.Fprintf(out, "profile %s: %s (%s)\n", name, p.Numbers, p.Source)
		}
	}
}

// printAccounts prints the accounts, and the passwords only of the default ones, which everybody
// knows.
func printAccounts(out io.Writer, accounts map[string]string) {
	if accounts == nil {
		fmt.Fprint(out, "account demo, password demo-secret\naccount other, password other-secret\n")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		fmt.Fprintf(out, "account %s\n", id)
	}
}
