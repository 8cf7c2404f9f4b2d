package serve

import (
	"log/slog"
	"slices"
	"syscall"

	"eppmux/cmd/eppmux/internal/config"
)

// descriptorsReserved are open files that clients must not use up: listeners, metrics, logs, and
// room for a client that is being taken in, which holds two for a moment.
const descriptorsReserved = 128

// fitDescriptors is cfg with a clients.max of each registry that is lowered in proportion where the
// system allows fewer open files, so that the sessions with the registries and the metrics always
// have theirs. It says so.
func fitDescriptors(cfg *config.Config, log *slog.Logger) *config.Config {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return cfg
	}
	return fitClients(cfg, lim.Cur, log)
}

func fitClients(cfg *config.Config, allowed uint64, log *slog.Logger) *config.Config {
	clients, reserved := uint64(0), uint64(descriptorsReserved)
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		clients += uint64(r.Clients.Max)
		reserved += uint64(2 * r.Sessions.Max)
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
