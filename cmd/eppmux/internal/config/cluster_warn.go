package config

import (
	"fmt"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/proxy"
)

// warnCluster adds a warning for what hosts of a cluster will miss or regret, but for what registries
// say.
func warnCluster(l *faultList, path string, cl *Cluster) {
	if p := &cl.Peer; p.Advertise != "" && cli.Loopback(p.Advertise) && !cli.Loopback(p.Listen) {
		l.warn(join(path, "peer.advertise"), "%s is a loopback address: every other host finds itself there",
			p.Advertise)
	}
	switch {
	case cl.Etcd != nil && cl.Etcd.plaintext() != "":
		l.warn(join(path, "etcd.endpoints"), "what goes to %s is plain text: whoever is in between can give "+
			"an account two owners; use https://", cl.Etcd.plaintext())
	case cl.Redis != nil && cl.Redis.plaintext() != "":
		l.warn(join(path, "redis.tls"), "what goes to %s is plain text: whoever is in between can give an account "+
			"two owners; set tls: true", cl.Redis.plaintext())
	case cl.Static != nil:
		for _, key := range []string{"ttl", "yield_after", "max_clock_skew"} {
			if at := join(path, key); l.has(at) {
				l.warn(at, "has no effect with static: nobody takes over")
			}
		}
	}
}

// warnSharing adds a warning for what a registry promises on each host alone, where the hosts of a
// cluster share its account.
func warnSharing(l *faultList, path string, cfg *Config, r *Registry) {
	prefer := join(path, "cluster.prefer")
	if !r.Shared(cfg) {
		if cfg.Cluster == nil && l.has(prefer) {
			l.warn(prefer, "has no effect without a cluster")
		}
		return
	}
	if cl := cfg.Cluster; cl.Static != nil && l.has(prefer) {
		l.warn(prefer, "has no effect with static: %s owns all accounts", cl.Static.Owner)
	} else if cl.Static == nil && r.Timeouts.Queue < cl.TTL {
		l.warn(join(path, "timeouts.queue"), "%v, but a takeover takes up to ttl, %v: commands that wait longer "+
			"than the queue are not sent", r.Timeouts.Queue, cl.TTL)
	}
	if r.Poll == proxy.PollExclusive {
		l.warn(join(path, "poll"), "exclusive holds for the clients of each host alone: two hosts may be given the "+
			"same message")
	}
	for i, limit := range r.RateLimits {
		if limit.Scope == ScopeClient {
			l.warn(index(join(path, "rate_limits"), i), "%s holds on each host alone: a client on two hosts has "+
				"it twice",
				LimitNames(r.RateLimits)[i])
			return
		}
	}
}

// warn adds a warning. A path may have several.
func (l *faultList) warn(path, format string, args ...any) {
	l.put(Fault{l.line(path), path, fmt.Sprintf(format, args...)})
}
