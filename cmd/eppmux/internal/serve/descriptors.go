package serve

import (
	"log/slog"
	"slices"
	"syscall"

	"eppmux/cmd/eppmux/internal/config"
)

// descriptorsReserved is the number of open files that clients must not use up: for listeners,
// metrics and logs, and for a client that is being accepted, which holds two for a moment.
const descriptorsReserved = 128

// gatewayDescriptors is the number of connections that the gateway takes at most, see its crowd.
const gatewayDescriptors = 4096

// fitDescriptors returns cfg, with clients.max of each registry lowered in proportion if the system
// allows fewer open files. So the sessions with registries and the metrics always have theirs. It
// logs what it lowers.
func fitDescriptors(cfg *config.Config, log *slog.Logger) *config.Config {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return cfg
	}
	return fitClients(cfg, lim.Cur, log)
}

// fitClients is fitDescriptors for a number of open files. It does not change cfg.
func fitClients(cfg *config.Config, allowed uint64, log *slog.Logger) *config.Config {
	clients, reserved := uint64(0), uint64(descriptorsReserved)
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		clients += uint64(r.Clients.Max)
		reserved += uint64(2 * r.Sessions.Max)
	}
	if cfg.Gateway != nil {
		reserved += min(gatewayDescriptors, allowed/4)
	}
	if clients+reserved <= allowed {
		return cfg
	}
	room := allowed - min(reserved, allowed)
	fitted := *cfg
	fitted.Registries = slices.Clone(cfg.Registries)
	for i := range fitted.Registries {
		most := &fitted.Registries[i].Clients.Max
		fits := max(1, int(uint64(*most)*room/clients))
		log.Info("clients.max is lowered to what the open files allow; raise the limit "+
			"(ulimit -n, LimitNOFILE) for more",
			"registry", cfg.Registries[i].Name, "from", *most, "to", fits, "allowed", allowed)
		*most = fits
	}
	return &fitted
}
