package config

import (
	"os"
	"slices"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
	"eppmux/proxy"
)

// offeredKeys are the keys of a registry that have a meaning for the gateway alone.
var offeredKeys = []string{"zones", "check_max", "nameservers", "reconcile"}

// warnGateway adds a warning for what clients of the gateway will miss, but for what registries say.
func warnGateway(l *faultList, path string, cfg *Config, files files) {
	g := cfg.Gateway
	if !lasts(cfg) {
		l.warn(path, "there is no state folder for keys, so requests with one are refused, "+
			"unless the service manager sets "+
			"STATE_DIRECTORY (systemd: StateDirectory=); set state.dir to a folder that lasts")
	} else if cfg.Cluster != nil {
		l.warn(path, "keys hold on each host alone: "+
			"a request that is repeated at another host of the cluster is sent again")
	}
	if verifies := func(r *Registry) bool { return r.Clients.Login == LoginVerify }; len(g.Users) == 0 &&
		slices.ContainsFunc(cfg.Offered(), verifies) {
		l.warn(path, "has no users: whoever reaches its listeners needs no password, although EPP clients need one "+
			"(clients.login: verify)")
	}
	for _, key := range []string{"codes", "sets_status"} {
		if at := join(path, "rpp."+key); !g.RPP.Enabled && l.has(at) {
			l.warn(at, "has no effect while gateway.rpp.enabled is false")
		}
	}
	if g.TLS.CertFile != "" && !slices.ContainsFunc(g.Listen, func(l GatewayListen) bool { return l.TLS }) {
		l.warn(join(path, "tls"), "has no effect: no listener of the gateway is tls://")
	}
	for i, u := range g.Users {
		if err := cli.Private(files.config); err != nil && !u.PasswordHash.Empty() && u.PasswordHashFile == "" {
			l.warn(join(index(join(path, "users"), i), "password_hash"), "stands in this file, and %v; or use "+
				"password_hash_file: a weak password can be guessed from its hash", err)
		}
	}
}

// warnOffered adds a warning where keys of a registry have no effect, and for what the gateway does to
// the promises of others.
func warnOffered(l *faultList, path string, cfg *Config, r *Registry) {
	if cfg.Gateway == nil || !r.Gateway {
		for _, key := range offeredKeys {
			if at := join(path, key); l.has(at) {
				l.warn(at, "has no effect without a gateway")
			}
		}
		return
	}
	if r.Reconcile && !lasts(cfg) {
		l.warn(join(path, "reconcile"), "has no effect without a state folder: there are no keys to settle")
	}
	polls := func(u GatewayUser) bool { return u.uses(r.Name) && u.Allows(frame.CommandPoll, frame.OpReq) }
	if g := cfg.Gateway; r.Poll == proxy.PollExclusive && (len(g.Users) == 0 || slices.ContainsFunc(g.Users, polls)) {
		l.warn(join(path, "poll"),
			"exclusive holds for EPP clients alone: who polls over the gateway may be given the same "+
				"message; let its users have an allow without poll")
	}
}

// lasts reports whether there is a folder for what must outlive a restart, as this process sees it.
func lasts(cfg *Config) bool {
	first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	return cfg.State.Dir != "" || first != ""
}
