package serve

import (
	"crypto/tls"
	"net/netip"
	"slices"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// proxyConfig turns values of the file into values of the proxy. down is for clients; nil if no
// listener speaks TLS.
func proxyConfig(r *config.Registry, down *tls.Config) proxy.Config {
	pc := proxy.Config{
		MaxClients:      r.Clients.Max,
		MaxFrame:        r.Clients.MaxFrame - frame.HeaderLen,
		MaxAhead:        r.Clients.MaxAhead,
		IdleTimeout:     r.Clients.IdleTimeout,
		FrameTimeout:    r.Clients.FrameTimeout,
		GreetingTimeout: r.Timeouts.Greeting,
		Services:        r.Clients.Services,
		Encodings:       r.Clients.Encodings,
		Users:           r.Clients.Hashes(),
		UnknownOutcome:  r.UnknownOutcome,
		Poll:            r.Poll,
		PollLease:       r.PollLease,
	}
	if r.PollOthers == config.PollOthersWait {
		pc.PollWait = r.Timeouts.Queue
	}
	for _, l := range r.Listen {
		pl := proxy.Listener{Address: l.String(), Mode: l.Mode, Group: l.Group, Networks: r.Clients.AllowRemote,
			Weight: l.Weight}
		if l.TLS {
			pl.TLS = down
		}
		if len(l.Allow) > 0 {
			set := pool.Commands(l.Allows)
			pl.Commands = &set
		}
		pc.Listeners = append(pc.Listeners, pl)
	}
	return pc
}

// upstreamConfig turns values of the file into values of the account. up is for the registry; nil
// for the built-in one.
func upstreamConfig(r *config.Registry, up *tls.Config) upstream.Config {
	uc := upstream.Config{
		Address:         r.Address,
		TLS:             up,
		Login:           r.Login.EPP(),
		ConnectTimeout:  r.Timeouts.Connect,
		GreetingTimeout: r.Timeouts.Greeting,
		LoginTimeout:    r.Timeouts.Login,
		QueryExtensions: r.QueryExtensions,
		Pool: pool.Config{
			Grant:            pool.Grant{MinSessions: r.Sessions.Min, MaxSessions: r.Sessions.Max},
			QueueTimeout:     r.Timeouts.Queue,
			CommandTimeout:   r.Timeouts.Command,
			Keepalive:        r.Sessions.Keepalive,
			KeepaliveCommand: frame.CommandHello,
			MaxAge:           r.Sessions.MaxAge,
			MaxCommands:      r.Sessions.MaxCommands,
			EqualErrors:      r.Sessions.EqualErrors,
		},
	}
	if r.SourceAddress != (netip.Addr{}) {
		uc.SourceAddress = r.SourceAddress.String()
	}
	switch r.Sessions.KeepaliveCommand {
	case config.KeepalivePoll:
		uc.Pool.KeepaliveCommand = frame.CommandPoll
	case config.KeepaliveNone:
		uc.Pool.Keepalive = 0
	}
	for i, name := range config.LimitNames(r.RateLimits) {
		rule := limitRule(r.RateLimits[i])
		rule.Name = name
		uc.Pool.Rules = append(uc.Pool.Rules, rule)
	}
	if p := config.ProfileOf(r.Profile); p != nil {
		uc.Lost, uc.Throttled = p.Lost, p.Throttled
		uc.QueryExtensions = slices.Concat(uc.QueryExtensions, p.QueryExtensions())
	}
	return uc
}

// limitRule is a limit of the file as the pool has it, without its name.
func limitRule(l config.RateLimit) pool.Rule {
	scopes := map[config.Scope]pool.Scope{
		config.ScopeRegistry: pool.ScopeRegistry,
		config.ScopeSession:  pool.ScopeSession,
		config.ScopeClient:   pool.ScopeClient,
	}
	unit := pool.UnitCommands
	if l.Unit == config.UnitObjects {
		unit = pool.UnitObjects
	}
	return pool.Rule{Limit: l.Limit, Scope: scopes[l.Scope], Commands: pool.Commands(l.Covers), Unit: unit,
		Shadow: l.Shadow}
}
