package serve

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"eppmux/cluster"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// snapshot implements clusterControl.
func (p *clusterPart) snapshot() cluster.Snapshot {
	s := p.node.Snapshot()
	p.mu.Lock()
	tenants := maps.Clone(p.tenants)
	p.mu.Unlock()
	served := make(map[string]int) // lanes from followers, by key
	var asking sync.WaitGroup
	if p.peers != nil {
		asking.Go(func() {
			for _, a := range p.peers.Snapshot().Accounts {
				served[a.Key] = a.Open
			}
		})
	}
	for i := range s.Accounts {
		if t := tenants[s.Accounts[i].Key]; t != nil {
			asking.Go(func() { s.Accounts[i].Lanes = lanesOf(t.account) })
		}
	}
	asking.Wait()
	for i := range s.Accounts {
		if a := &s.Accounts[i]; a.Lanes != nil {
			a.Lanes.Served = served[a.Key]
		}
	}
	return s
}

// lanesOf returns the lanes of an account to its owner; nil where its loop does not answer.
func lanesOf(a *upstream.Account) *cluster.LaneState {
	s := a.Look()
	if s == nil {
		return nil
	}
	l := &cluster.LaneState{Idle: s.LaneCounts[pool.SessionIdle], Busy: s.LaneCounts[pool.SessionBusy],
		Opening: s.LaneCounts[pool.SessionDialing]}
	if s.Role == upstream.RoleFollower {
		l.Trouble, l.TroubleFor = s.Trouble, s.TroubleFor
	}
	l.Forwarded[cluster.Answered] = s.Forwarded[pool.EndAnswered]
	l.Forwarded[cluster.NotSent] = s.Forwarded[pool.EndNotSent]
	l.Forwarded[cluster.Unknown] = s.Forwarded[pool.EndUnknown]
	l.Forwarded[cluster.Moved] = s.Counters.Lanes.Closed[pool.CauseMoved] // a command that moves ends its lane
	return l
}

// handover implements clusterControl.
func (p *clusterPart) handover(ctx context.Context, registry, host string) error {
	key := ""
	for _, t := range p.all() {
		if t.registry() == registry {
			key = t.key
		}
	}
	if key == "" {
		return fmt.Errorf("%s is not shared by the cluster", registry)
	}
	return p.node.Handover(ctx, key, host)
}
