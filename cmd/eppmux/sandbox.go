package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"eppmux/sandbox"
)

// sandboxRun is the values of the flags of sandbox.
type sandboxRun struct {
	listen                    string
	plain                     bool
	tlsDir                    string
	certFile, keyFile, caFile string
	mutual                    bool
	sessions                  int
	idle, maxAge, latency     time.Duration
	rate                      string
	accounts                  []string
	stats                     string
}

func newSandboxCommand() *cobra.Command {
	var s sandboxRun
	cmd := &cobra.Command{
		Use:   "sandbox (--tls DIR | --tls-cert FILE --tls-key FILE | --plain)",
		Short: "Run the built-in registry as a program of its own",
		Long: `Runs a registry in memory (domains, hosts, contacts, poll) that keeps the rules real
ones keep, and counts how often its clients break them. Everything is gone when it ends.

How it speaks is said by exactly one of:

  --tls DIR          TLS, with a certificate authority made for this run. DIR is made if need
                     be, and gets ca.pem, server.pem, server.key, client.pem and client.key,
                     readable by you only; files of these names are replaced.
  --tls-cert, --tls-key
                     TLS, with your own certificate; --client-ca demands one of its clients
  --plain            no TLS; on loopback addresses and unix sockets only

It prints where it listens and its accounts, runs until SIGTERM or SIGINT, and then prints
as JSON what it counted, breaches of the rules among it. --stats-listen serves the same
JSON over HTTP while it runs. Without --account the accounts are demo (password
demo-secret) and other (other-secret).

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage. Breaches do not change the code.`,
		Example: `  eppmux sandbox --tls /tmp/sandbox --sessions 2 --rate 10/1s --idle 5m
  eppmux sandbox --plain --listen 127.0.0.1:7700 --account acme=geheim-1 --latency 20ms`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:7700", "`ADDR` to listen on: host:port or unix:///path; port 0 is a free one")
	f.BoolVar(&s.plain, "plain", false, "speak without TLS")
	f.StringVar(&s.tlsDir, "tls", "", "speak TLS with certificates made for this run, and write them to `DIR`")
	f.StringVar(&s.certFile, "tls-cert", "", "speak TLS with the certificate in `FILE`")
	f.StringVar(&s.keyFile, "tls-key", "", "`FILE` of the key of --tls-cert")
	f.StringVar(&s.caFile, "client-ca", "", "with --tls-cert: demand a client certificate of the authority in `FILE`")
	f.BoolVar(&s.mutual, "mutual", false, "with --tls: demand a client certificate, as in client.pem")
	f.IntVar(&s.sessions, "sessions", 3, "sessions that an account may have at once")
	f.DurationVar(&s.idle, "idle", 0, "close a connection after so long without a message (0: never)")
	f.DurationVar(&s.maxAge, "max-age", 0, "close a connection so long after it was opened (0: never)")
	f.StringVar(&s.rate, "rate", "", "commands that an account may send, as `N/DURATION`, such as 10/1s (default no limit)")
	f.DurationVar(&s.latency, "latency", 0, "how long every command takes")
	f.StringArrayVar(&s.accounts, "account", nil, "an account as `ID=PASSWORD`, in place of the default ones; may be repeated")
	f.StringVar(&s.stats, "stats-listen", "", "serve what was counted as JSON over HTTP on this loopback `ADDR`")
	return cmd
}

// config turns the flags into those of the registry.
func (s *sandboxRun) config() (sandbox.Config, error) {
	c := sandbox.Config{MaxSessions: s.sessions, IdleTimeout: s.idle, MaxAge: s.maxAge, Latency: s.latency}
	if s.sessions < 1 {
		return c, usagef("--sessions: must be at least 1, got %d", s.sessions)
	}
	for name, d := range map[string]time.Duration{"--idle": s.idle, "--max-age": s.maxAge, "--latency": s.latency} {
		if d < 0 {
			return c, usagef("%s: must not be below 0, got %v", name, d)
		}
	}
	if s.rate != "" {
		var err error
		if c.RateLimit, c.RatePer, err = parseRate(s.rate); err != nil {
			return c, err
		}
	}
	for _, a := range s.accounts {
		id, password, _ := strings.Cut(a, "=")
		if id == "" || password == "" {
			return c, usagef("--account: must be ID=PASSWORD") // without the value: it may be all password
		}
		if c.Accounts == nil {
			c.Accounts = map[string]string{}
		}
		c.Accounts[id] = password
	}
	return c, nil
}

// parseRate reads N/DURATION; a unit alone stands for one of it.
func parseRate(text string) (n int, per time.Duration, err error) {
	before, after, _ := strings.Cut(text, "/")
	n, err = strconv.Atoi(before)
	if err != nil || n < 1 {
		return 0, 0, usagef("--rate: must be as 10/1s, got %q", text)
	}
	if per, err = time.ParseDuration(after); err != nil {
		per, err = time.ParseDuration("1" + after)
	}
	if err != nil || per <= 0 {
		return 0, 0, usagef("--rate: must be as 10/1s, got %q", text)
	}
	return n, per, nil
}

func (s *sandboxRun) run(cmd *cobra.Command) error {
	cfg, err := s.config()
	if err != nil {
		return misused(cmd, "%w", err)
	}
	at, err := s.transport()
	if err != nil {
		return misused(cmd, "%w", err)
	}
	ln, err := s.open(at)
	if err != nil {
		return failed(cmd, err)
	}
	r := sandbox.New(cfg)
	defer r.Close()
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "listening on %s\n", shownAddress(ln.Addr(), at))
	if s.tlsDir != "" {
		fmt.Fprintf(out, "certificates in %s; a client needs ca.pem\n", s.tlsDir)
	}
	printAccounts(out, cfg.Accounts)
	if s.stats != "" {
		stats, err := serveStats(s.stats, r)
		if err != nil {
			ln.Close()
			return failed(cmd, err)
		}
		defer stats.Close()
		fmt.Fprintf(out, "statistics on http://%s/\n", stats.Addr)
	}
	stop := context.AfterFunc(cmd.Context(), func() { r.Close() })
	defer stop()
	if err := r.Serve(ln); err != nil {
		return failed(cmd, err)
	}
	r.Close() // waits for the last connections
	writeStats(out, r)
	return nil
}

func shownAddress(a net.Addr, at address) string {
	switch {
	case at.network == "unix":
		return "unix://" + at.where
	case at.tls:
		return "tls://" + a.String()
	}
	return "tcp://" + a.String()
}

// printAccounts shows passwords only where they are known to all.
func printAccounts(out io.Writer, accounts map[string]string) {
	if accounts == nil {
		fmt.Fprint(out, "account demo, password demo-secret\naccount other, password other-secret\n")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		fmt.Fprintf(out, "account %s\n", id)
	}
}

// stats is what the sandbox counted, as JSON; the fields are those of sandbox.Counters.
type stats struct {
	sandbox.Counters
	BreachesTotal uint64
}

func writeStats(w io.Writer, r *sandbox.Registry) {
	c := r.Counters()
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(stats{c, c.Breaches.Total()})
}

// serveStats answers every GET with the counters until the server it returns is closed.
func serveStats(listen string, r *sandbox.Registry) (*http.Server, error) {
	at, err := parseAddress(listen)
	if err != nil || !at.local() || at.network != "tcp" || at.tls {
		return nil, fmt.Errorf("--stats-listen: %q is not a loopback host:port", listen)
	}
	ln, err := net.Listen(at.network, at.where)
	if err != nil {
		return nil, err
	}
	s := &http.Server{
		Addr:              ln.Addr().String(),
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			writeStats(w, r)
		}),
	}
	go s.Serve(ln) // until Close
	return s, nil
}
