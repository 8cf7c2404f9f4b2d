package config

import (
	"fmt"
	"strings"
)

// Standing says in a line what this host would be in its cluster; empty: it is in none.
func (cfg *Config) Standing() string {
	cl := cfg.Cluster
	if cl == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %s: this host is %s", cl.Name, cl.Host)
	if cl.Peer.Advertise != "" {
		fmt.Fprintf(&b, ", reached at %s", cl.Peer.Advertise)
	}
	switch {
	case cl.Follows():
		fmt.Fprintf(&b, "; follows %s at %s", cl.Static.Owner, cl.Static.Peer)
	case cl.Static != nil:
		b.WriteString("; owns all accounts")
	default:
		fmt.Fprintf(&b, "; %s decides who owns an account", cl.Engine())
	}
	var shared, own []string
	for i := range cfg.Registries {
		if r := &cfg.Registries[i]; r.Shared(cfg) {
			shared = append(shared, r.Name)
		} else {
			own = append(own, r.Name)
		}
	}
	for _, part := range []struct {
		says  string
		names []string
	}{{"shares", shared}, {"alone has", own}} {
		if len(part.names) > 0 {
			fmt.Fprintf(&b, "; %s %s", part.says, strings.Join(part.names, ", "))
		}
	}
	return b.String()
}
