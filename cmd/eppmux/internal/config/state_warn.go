package config

import (
	"fmt"
	"os"
	"time"
)

// forgotten is the longest period of a limit that may be forgotten at a restart without a word.
const forgotten = time.Minute

// warnForgotten adds a warning for the first limit of r that would have to outlive a restart, where
// nothing remembers it. Limits of a client are our own: nothing remembers those. In a cluster the
// engine remembers.
func warnForgotten(l *faultList, path string, cfg *Config, r *Registry) {
	if r.Shared(cfg) && (cfg.Cluster.Static == nil || cfg.Cluster.Follows()) {
		return
	}
	if r.Sandbox() || cfg.State.Dir != "" || os.Getenv("STATE_DIRECTORY") != "" {
		return
	}
	for i, limit := range r.RateLimits {
		if limit.Shadow || limit.Scope != ScopeRegistry || limit.Limit.Per <= forgotten {
			continue
		}
		at := index(join(path, "rate_limits"), i)
		l.put(Fault{l.line(at), at,
			fmt.Sprintf("a restart forgets what is used of %s, unless the service manager sets "+
				"STATE_DIRECTORY (systemd: StateDirectory=); set state.dir to a folder that lasts",
				LimitNames(r.RateLimits)[i])})
		return
	}
}
