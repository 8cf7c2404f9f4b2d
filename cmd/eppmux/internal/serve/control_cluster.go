package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"eppmux/admin/status"
	"eppmux/cluster"
)

// clusterControl is what the verbs and the pages need of the part of the program that takes part in a
// cluster. Its methods may be called from any goroutine.
type clusterControl interface {
	// snapshot returns what is known now, lanes of the accounts included. It takes a second at most.
	snapshot() cluster.Snapshot
	// handover gives the account of a registry to a host, or to the one that is to own it next where the
	// name is empty. It returns once the lease is released, or why it is not.
	handover(ctx context.Context, registry, host string) error
}

var errNoCluster = errors.New("no cluster is configured: this host owns its accounts alone")

// inCluster returns what is known of the cluster; an error: there is none.
func (s *service) inCluster() (cluster.Snapshot, error) {
	if s.live.cluster == nil {
		return cluster.Snapshot{}, errNoCluster
	}
	return s.live.cluster.snapshot(), nil
}

// clusterVerb shows members, owners and lanes, of one registry or of all.
func clusterVerb(s *service, _ context.Context, req Request) (a Answer, err error) {
	snapshot, err := s.inCluster()
	if err != nil {
		return a, err
	}
	c, owners := status.ClusterOf(&snapshot, time.Now())
	if req.Registry != "" {
		if _, err := shared(&snapshot, req.Registry); err != nil {
			return a, err
		}
		owners = slices.DeleteFunc(owners, func(o status.Ownership) bool { return o.Registry != req.Registry })
	}
	a.Cluster, a.Owners = c, owners
	return a, nil
}

// handoverVerb gives the account of a registry to another host.
func handoverVerb(s *service, ctx context.Context, req Request) (a Answer, err error) {
	if req.All {
		return a, errors.New("handover is about one registry")
	}
	snapshot, err := s.inCluster()
	if err != nil {
		return a, err
	}
	account, err := shared(&snapshot, req.Registry)
	if err != nil {
		return a, err
	}
	if err := takes(&snapshot, account, req.To); err != nil {
		return a, err
	}
	if err := s.live.cluster.handover(ctx, account.Name, req.To); err != nil {
		return a, fmt.Errorf("%s: %w", account.Name, err)
	}
	to := "the next owner"
	if req.To != "" {
		to = req.To
	}
	a.Done = []string{account.Name + ": handed over to " + to + `; "eppmux ctl cluster" shows who owns it`}
	return a, nil
}

// shared returns the account that a request means: one by its registry's name, or the only one.
func shared(s *cluster.Snapshot, registry string) (*cluster.AccountState, error) {
	var names []string
	for i := range s.Accounts {
		a := &s.Accounts[i]
		if a.Name == registry || registry == "" && len(s.Accounts) == 1 {
			return a, nil
		}
		names = append(names, a.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no registry is shared in the cluster")
	case registry == "":
		return nil, fmt.Errorf("which registry? there are %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("no registry %q is shared in the cluster; there are %s", registry, strings.Join(names, ", "))
}

// takes reports why a host cannot be given an account. An empty host is whichever is next.
func takes(s *cluster.Snapshot, a *cluster.AccountState, host string) error {
	var others []string
	for i := range s.Members {
		m := &s.Members[i]
		if m.Alive && !m.Leaving && m.Host != a.Owner.Host {
			others = append(others, m.Host)
		}
	}
	switch {
	case s.Engine.Name == cluster.Static:
		return errors.New("without an engine the owner is the one that the config names: cluster.static.owner")
	case host != "" && host == a.Owner.Host:
		return fmt.Errorf("%s owns %s already", host, a.Name)
	case len(others) == 0:
		return errors.New("no other member is alive that could own it")
	case host != "" && !slices.Contains(others, host):
		return fmt.Errorf("no member %q is alive that could own it; there are %s", host, strings.Join(others, ", "))
	}
	return nil
}
