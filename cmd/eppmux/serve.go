package main

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"eppmux/admin"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/upstream"
)

func newServeCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve EPP clients over the registry's few sessions",
		Long: `Serve runs the proxy as the config file says, until SIGTERM or SIGINT. Then it takes no
new clients, lets what is queued or in flight be answered within drain_timeout, logs
every session out and exits; a second signal ends it at once.

The config file as shipped uses the built-in registry: nothing else is needed to try it.`,
		Example: `  eppmux serve
  eppmux serve --config /etc/eppmux/config.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := LoadConfig(file)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := serve(cmd.Context(), cfg, newLogger(cfg.Log, cmd)); err != nil {
				return failed(cmd, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", "config.yaml", "config file")
	return cmd
}

func newLogger(l Log, cmd *cobra.Command) *slog.Logger {
	opts := &slog.HandlerOptions{Level: l.Level}
	if l.Format == LogJSON {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), opts))
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), opts))
}

// serve builds the parts and runs them until ctx is done, then stops them in reverse.
func serve(ctx context.Context, cfg *Config, log *slog.Logger) (err error) {
	var stops []func() error
	defer func() {
		for i := len(stops) - 1; i >= 0; i-- {
			err = errors.Join(err, stops[i]())
		}
	}()
	checkDescriptors(cfg, log)
	var servers []*proxy.Server
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		pc := proxyConfig(r, log)
		if r.Sandbox() {
			stop, err := useSandbox(r, &pc.Upstream, log)
			if err != nil {
				return err
			}
			stops = append(stops, stop)
		}
		s := proxy.New(pc)
		if err := s.Start(); err != nil {
			return err
		}
		stops = append(stops, s.Close)
		servers = append(servers, s)
	}
	ready := &readiness{servers: servers}
	if cfg.Admin.Listen != "" {
		stop, err := serveAdmin(cfg, servers, ready, log)
		if err != nil {
			return err
		}
		stops = append(stops, stop)
	}
	log.Info("eppmux serves", "version", version())
	<-ctx.Done()
	log.Info("draining", "within", cfg.DrainTimeout)
	ready.draining.Store(true)
	return drain(cfg, servers)
}

// drain lets all registries end their work side by side. A second signal ends the process at once.
func drain(cfg *Config, servers []*proxy.Server) error {
	second := make(chan os.Signal, 1) // signals; never closed
	signal.Notify(second, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(second)
	go func() {
		<-second
		os.Exit(exitFailed)
	}()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { errs[i] = s.Drain(cfg.DrainTimeout) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func proxyConfig(r *Registry, log *slog.Logger) proxy.Config {
	pc := proxy.Config{
		Name:            r.Name,
		MaxClients:      r.Clients.Max,
		MaxFrame:        r.Clients.MaxFrame - frame.HeaderLen,
		MaxAhead:        r.Clients.MaxAhead,
		IdleTimeout:     r.Clients.IdleTimeout,
		FrameTimeout:    r.Clients.FrameTimeout,
		GreetingTimeout: r.Timeouts.Greeting,
		Upstream:        upstreamConfig(r),
		Logger:          log,
	}
	if r.Clients.Services == ServicesEnforce {
		pc.Services = proxy.ServicesEnforce
	}
	if r.UnknownOutcome == OutcomeFail {
		pc.UnknownOutcome = proxy.UnknownFail
	}
	for _, l := range r.Listen {
		pl := proxy.Listener{Address: l.String(), Mode: l.Mode, Group: l.Group, Networks: r.Clients.AllowRemote}
		if l.TLS {
			pl.TLS = r.Clients.TLSConfig()
		}
		pc.Listeners = append(pc.Listeners, pl)
	}
	return pc
}

func upstreamConfig(r *Registry) upstream.Config {
	uc := upstream.Config{
		Address: r.Address,
		Login: frame.Login{
			ClientID:      r.Login.ClientID,
			Password:      r.Login.Password.Reveal(),
			Language:      r.Login.Language,
			ObjectURIs:    r.Login.ObjectURIs,
			ExtensionURIs: r.Login.ExtensionURIs,
		},
		ConnectTimeout:  r.Timeouts.Connect,
		GreetingTimeout: r.Timeouts.Greeting,
		LoginTimeout:    r.Timeouts.Login,
		HostID:          hostID(),
		Pool: upstream.PoolConfig{
			MinSessions:      r.Sessions.Min,
			MaxSessions:      r.Sessions.Max,
			QueueTimeout:     r.Timeouts.Queue,
			CommandTimeout:   r.Timeouts.Command,
			Keepalive:        r.Sessions.Keepalive,
			KeepaliveCommand: frame.CommandHello,
			MaxAge:           r.Sessions.MaxAge,
			MaxCommands:      r.Sessions.MaxCommands,
		},
	}
	if r.SourceAddress != (netip.Addr{}) {
		uc.SourceAddress = r.SourceAddress.String()
	}
	switch r.Sessions.KeepaliveCommand {
	case KeepalivePoll:
		uc.Pool.KeepaliveCommand = frame.CommandPoll
	case KeepaliveNone:
		uc.Pool.Keepalive = 0
	}
	for _, l := range r.RateLimits {
		uc.Pool.Rules = append(uc.Pool.Rules, limitRule(l))
	}
	if !r.Sandbox() {
		uc.TLS = r.TLSConfig()
	}
	return uc
}

func limitRule(l RateLimit) upstream.Rule {
	scopes := map[Scope]upstream.Scope{
		ScopeRegistry: upstream.ScopeRegistry, ScopeSession: upstream.ScopeSession, ScopeClient: upstream.ScopeClient,
	}
	return upstream.Rule{Limit: l.Limit, Scope: scopes[l.Scope], Commands: upstream.Commands(l.Covers)}
}

// hostID tells this host from others with the same registrar account: 10 bits of its name.
func hostID() uint16 {
	name, err := os.Hostname()
	if err != nil {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return uint16(h.Sum32()>>10^h.Sum32()) & 0x3ff
}

// checkDescriptors warns where the system allows fewer open files than the config needs: two for each client while it is
// taken in, and some of our own.
func checkDescriptors(cfg *Config, log *slog.Logger) {
	need := 64
	for i := range cfg.Registries {
		need += cfg.Registries[i].Clients.Max + 2*cfg.Registries[i].Sessions.Max
	}
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err == nil && lim.Cur < uint64(need) {
		log.Warn("fewer open files are allowed than clients.max and sessions.max need; clients beyond are refused",
			"allowed", lim.Cur, "needed", need, "err", "raise the limit (ulimit -n, LimitNOFILE) or lower clients.max")
	}
}

// serveAdmin starts the admin listener.
func serveAdmin(cfg *Config, servers []*proxy.Server, ready admin.Readier, log *slog.Logger) (func() error, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		proxy.NewMetrics(func() []*proxy.Server { return servers }))
	s := admin.New(admin.Config{Address: cfg.Admin.Listen, Metrics: reg, Ready: ready, Version: version(), Logger: log})
	if err := s.Start(); err != nil {
		return nil, err
	}
	log.Info("admin listening", "listener", s.Addr().String())
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), adminShutdown)
		defer cancel()
		return s.Shutdown(ctx)
	}, nil
}

// adminShutdown is how long requests under way may take at the end.
const adminShutdown = 2 * time.Second

// readiness says for /readyz which registries can be used.
type readiness struct {
	servers  []*proxy.Server
	draining atomic.Bool
}

// Ready is admin.Readier's.
func (r *readiness) Ready() []admin.Readiness {
	var all []admin.Readiness
	for _, s := range r.servers {
		one := admin.Readiness{Registry: s.Name(), OK: true}
		switch sn := s.Snapshot(); {
		case r.draining.Load():
			one.OK, one.Reason = false, "draining"
		case sn == nil:
			one.OK, one.Reason = false, "event loop does not answer"
		case !sn.Account.Ready():
			one.OK, one.Reason = false, "no session is logged in"
		}
		all = append(all, one)
	}
	return all
}
