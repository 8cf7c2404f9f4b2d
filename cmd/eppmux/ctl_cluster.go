package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/serve"
)

func (c *ctl) cluster() *cobra.Command {
	return c.verb("cluster [REGISTRY]", "Show the cluster: members, and who owns which account",
		`Shows the cluster as this host sees it. CLOCK is by how much the wall clock of a member is before (+) or
behind (-) that of this host, at the least: the time that requests take leaves some of it open. LEASE is for
how long this host may go on without another renewal, LEDGER how long ago it wrote down what is used of
limits: both are known of the accounts that it owns. LANES are those to the owner, or at the owner those
that it serves. While the engine is away, other members and owners are not known.`, cobra.MaximumNArgs(1))
}

func (c *ctl) handover() *cobra.Command {
	cmd := c.verb("handover REGISTRY [--to HOST]", "Give a registry's account to another host of the cluster",
		`The owner holds its queue, lets what is in flight end, logs its sessions out and releases the lease. The next
owner opens sessions, and what waits goes to it: no client is dropped, and no command gets another end. Run
it on the host that owns the account. A member that is to own it by the config may take it back a minute
later.`, func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("handover needs a registry")
			}
			return nil
		})
	cmd.Flags().StringVar(&c.req.To, "to", "", "`HOST` that is to own it (default: the next one in order)")
	completeFlag(cmd, "to", nil)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// showCluster prints the cluster and who owns what.
func showCluster(out io.Writer, a serve.Answer) {
	c := a.Cluster
	fmt.Fprintf(out, "%s: %s\n", c.Name, c.Summary())
	for _, f := range c.Findings {
		if f.Gravity > status.OK {
			fmt.Fprintf(out, "%s: %s\n", f.Gravity, strings.TrimSuffix(f.Text+"; "+f.Do, "; "))
		}
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nMEMBER\tOWNS\tSTATE\tLANES TO\tVERSION\tCLOCK\tSINCE")
	for i := range c.Members {
		m := &c.Members[i]
		host, clock := m.Host, m.Clock()
		if m.Self {
			host, clock = host+" (here)", "-"
		}
		state := m.State()
		if m.Odd {
			state += ", clock off"
		}
		if m.SameAs != "" {
			state += ", address of " + m.SameAs + " too"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", host, m.Owns, state, m.Peer, m.Version, clock, clockOf(m.Since))
	}
	_ = w.Flush()
	fmt.Fprintln(w, "\nREGISTRY\tOWNER\tTERM\tSINCE\tWHY\tLEASE\tLEDGER\tLANES\tUNFIT")
	for i := range a.Owners {
		o := &a.Owners[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Registry, owner(o), dash(o.Term), clockOf(o.Since),
			dashed(o.Why), spanOrDash(o.LeftSeconds), spanOrDash(o.LedgerSeconds), lanes(o),
			dashed(strings.Join(o.Unfit, ", ")))
	}
	_ = w.Flush()
}

// owner is who owns the account, for a column.
func owner(o *status.Ownership) string {
	switch o.Role {
	case "owner":
		return o.Owner + " (here)"
	case "yielding":
		return o.Owner + " (here, gives it up)"
	}
	return dashed(o.Owner)
}

// lanes are those that the role of this host is about.
func lanes(o *status.Ownership) string {
	l := o.Lanes
	switch {
	case l == nil || o.Role == "none":
		return "-"
	case o.Role != "follower":
		return fmt.Sprintf("%d served", l.Served)
	case l.Open() == 0 && l.Trouble != "":
		return "none: " + l.Trouble
	}
	return fmt.Sprintf("%d, %d busy", l.Open(), l.Busy)
}

// clockOf is a moment for a column.
func clockOf(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.DateTime)
}

func spanOrDash(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return goDuration(*seconds)
}

func dash(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}
