package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot returns what the Node knows.
func (n *Node) Snapshot() Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Snapshot{Cluster: n.cfg.Cluster, Host: n.cfg.Host, TTL: n.cfg.TTL, MaxSkew: n.cfg.MaxSkew, Engine: n.engine}
	if n.m == nil {
		n.showStatic(&s)
		return s
	}
	now := Now(n.cfg.Clocks)
	s.Members = n.m.showMembers(now)
	if twin := n.m.members[n.cfg.Host]; n.m.doubled && twin != nil {
		s.Twin = twin.Peer
	}
	for _, key := range n.order {
		if a := n.m.accounts[key]; a != nil {
			st := n.m.showAccount(a, now)
			st.LedgerAt = n.tenants[key].keptAt
			s.Accounts = append(s.Accounts, st)
		}
	}
	return s
}

func (n *Node) showStatic(s *Snapshot) {
	role := RoleFollower
	if n.cfg.Static.Host == n.cfg.Host {
		role = RoleOwner
	}
	for _, key := range n.order {
		s.Accounts = append(s.Accounts, AccountState{Key: key, Name: n.tenants[key].spec.Name, Role: role,
			Owner: n.cfg.Static, Since: n.engine.Since, Best: n.cfg.Static.Host})
	}
	s.Members = []MemberState{{Host: n.cfg.Host, Peer: n.cfg.Peer, Version: n.cfg.Version, Self: true, Alive: true,
		Since: n.engine.Since}}
}

func (m *machine) showMembers(now Instant) []MemberState {
	all := []MemberState{{Host: m.cfg.Host, Peer: m.cfg.Peer, Version: m.cfg.Version, Self: true, Alive: !m.doubled,
		Leaving: m.leaving, Since: wallTime(m.since), Odd: m.odd}}
	for host, o := range m.members {
		if host == m.cfg.Host {
			continue
		}
		s := MemberState{Host: host, Peer: o.Peer, Version: o.Program, Alive: m.alive(o, now), Leaving: o.Leaving,
			Since: time.UnixMilli(o.Since), Odd: o.odd}
		if i := o.skews[0]; i.known() {
			s.Skew = max(i.lo, min(i.hi, 0))
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y MemberState) int { return strings.Compare(x.Host, y.Host) })
	for i := range all {
		for _, o := range all {
			if o.Host != all[i].Host && o.Peer == all[i].Peer && o.Alive && o.Peer != "" {
				all[i].SameAs = o.Host
			}
		}
	}
	return all
}

func (m *machine) showAccount(a *account, now Instant) AccountState {
	s := AccountState{Key: a.Key, Name: a.Name, Owner: a.told, Since: wallTime(a.since), Changes: maps.Clone(a.changes),
		Fenced: a.fenced}
	switch {
	case a.own:
		s.Role, s.Owner = RoleOwner, Owner{Host: m.cfg.Host, Peer: m.cfg.Peer, Term: a.mine.Term}
		if s.Left = a.fence.Left(); a.state == stateYielding {
			s.Role = RoleYielding
		}
	case a.told.Host != "":
		s.Role = RoleFollower
	}
	for _, st := range m.standings(a, now) {
		switch {
		case !st.fit:
			s.Unfit = append(s.Unfit, st.host)
		case s.Best == "" && (st.member != nil || m.takes(a)):
			s.Best = st.host
		}
	}
	return s
}
