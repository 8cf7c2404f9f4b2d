package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/localca"
)

// certRun is one run of "eppmux cert". The values of its flags come first.
type certRun struct {
	dir             string
	names           []string
	peers           []string // HOST or HOST=NAME,NAME
	days, caDays    int
	renew, replaces bool

	now time.Time
}

// The days that certificates are valid. Some systems refuse a server's certificate that is valid
// for more than 398 days.
const (
	serverDays = 397
	caDays     = 3650
)

func newCertCommand() *cobra.Command {
	var c certRun
	cmd := &cobra.Command{
		Use:   "cert --out DIR",
		Short: "Make a local authority and a certificate for tls:// listeners",
		Long: `Makes an authority (ca.pem, ca.key) and with it a certificate for the tls:// listeners of
eppmux (server.pem, server.key) in DIR, and prints what to write into the config file and
how clients trust the authority. The certificate is for localhost, 127.0.0.1, ::1 and each
--name. The authority can sign for these alone, so that nobody can use it for any other
host. Keys are readable by their owner only.

Files that are there are not overwritten. --renew makes a new certificate and key from the
authority that is there, for the same names unless --name says which: clients need nothing,
and a running eppmux takes it by itself. --force makes all anew; clients must trust the new
authority then, as for a name that the old one cannot sign for.

With --peer it makes the authority of a cluster, and for each host a folder in DIR with its
certificate (peer.pem, peer.key) and the authority's (ca.pem), to be copied to that host.
HOST is the name of the host in the cluster; behind a "=" stand the names and IP addresses by
which the others reach it, where they are not HOST itself. A certificate of this authority
lets its holder become owner or follower of any account of the cluster: it must be the
cluster's own, and sign for nobody else. Hosts that come later, and new certificates, are
made by --renew; a host that is named there without "=" keeps its names.

ca.key is needed by --renew alone and may be kept elsewhere meanwhile.`,
		Example: `  eppmux cert --out tls
  eppmux cert --out tls --name epp.example.com --name 192.0.2.7
  eppmux cert --out tls --renew
  eppmux cert --out peers --peer a=a.example.com,192.0.2.1 --peer b=b.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.dir, "out", "", "`DIR` of the files; it is made")
	f.StringArrayVar(&c.names, "name", nil, "host `NAME` or IP address by which clients connect; may be repeated")
	f.StringArrayVar(&c.peers, "peer", nil, "`HOST` of a cluster, or host=name,name; may be repeated")
	f.IntVar(&c.days, "days", serverDays, "`NUMBER` of days that the certificate is valid")
	f.IntVar(&c.caDays, "ca-days", caDays, "`NUMBER` of days that a new authority is valid")
	f.BoolVar(&c.renew, "renew", false, "new certificate from the authority that is there")
	f.BoolVar(&c.replaces, "force", false, "make all anew, in place of what is there")
	completeFlag(cmd, "name", nil)
	completeFlag(cmd, "peer", nil)
	_ = cmd.MarkFlagRequired("out") // the flag is there
	return cmd
}

func (c *certRun) run(cmd *cobra.Command) error {
	names, err := localca.HostNames(c.names)
	peers, peersErr := peersOf(c.peers)
	switch {
	case peersErr != nil:
		return cli.Misused(cmd, "--peer: %w", peersErr)
	case len(peers) > 0 && len(c.names) > 0:
		return cli.Misused(cmd, "--peer and --name exclude each other: the names of a host stand behind its \"=\"")
	case err != nil:
		return cli.Misused(cmd, "--name: %w", err)
	case c.renew && c.replaces:
		return cli.Misused(cmd, "--renew and --force exclude each other")
	case c.renew && cmd.Flags().Changed("ca-days"):
		return cli.Misused(cmd, "--ca-days is for a new authority, not for --renew")
	}
	for flag, days := range map[string]int{"days": c.days, "ca-days": c.caDays} {
		if days < 1 || days > localca.MaxDays {
			return cli.Misused(cmd, "--%s: must be 1 to %d, got %d", flag, localca.MaxDays, days)
		}
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return cli.Failed(cmd, err)
	}
	dir, err := localca.Open(c.dir)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	defer dir.Close()
	c.now = time.Now()
	if len(peers) > 0 {
		made, err := c.makePeers(dir, peers)
		if err != nil {
			return cli.Failed(cmd, err)
		}
		fmt.Fprint(cmd.OutOrStdout(), peerAdvice(made, c.dir))
		return nil
	}
	made, err := c.make(dir, names)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	fmt.Fprint(cmd.OutOrStdout(), advice(made, c.dir, c.renew))
	return nil
}

// make makes a certificate, and the authority if need be. It writes files only when all is made.
func (c *certRun) make(dir *localca.Dir, names []string) (*localca.Certificate, error) {
	if c.renew {
		return c.remake(dir, names)
	}
	if there := dir.Present(); there != "" && !c.replaces {
		return nil, isThere(there)
	}
	ca, err := localca.NewAuthority(names, c.now, c.caDays)
	if err != nil {
		return nil, err
	}
	made, err := ca.Issue(names, c.now, c.days)
	if err != nil {
		return nil, err
	}
	return made, dir.Put(made)
}

// isThere says what can be done where a file is in the way.
func isThere(path string) error {
	return fmt.Errorf("%s is there; --renew makes a new certificate from its authority, --force makes all anew", path)
}

// remake makes a new certificate from the authority in dir.
func (c *certRun) remake(dir *localca.Dir, names []string) (*localca.Certificate, error) {
	ca, err := c.authority(dir)
	if err != nil {
		return nil, err
	}
	if len(c.names) == 0 {
		old, err := dir.Names()
		if err != nil {
			return nil, errors.Join(err, errors.New("say for which names the new one is, with --name"))
		}
		names = old
	}
	made, err := ca.Issue(names, c.now, c.days)
	if err != nil {
		return nil, err
	}
	return made, dir.Put(made)
}

// authority reads the authority in dir, which must not have ended.
func (c *certRun) authority(dir *localca.Dir) (*localca.Authority, error) {
	ca, err := dir.Authority()
	if err == nil && !ca.Cert.NotAfter.After(c.now) {
		return nil, fmt.Errorf("%s: the authority has %s; --force makes a new one",
			filepath.Join(c.dir, localca.CAFile), config.Ending(ca.Cert, c.now))
	}
	return ca, err
}
