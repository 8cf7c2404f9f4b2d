package serve

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"eppmux/admin"
	"eppmux/admin/status"
	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/proxy"
)

// adminServer is the admin listener, open.
type adminServer struct{ server *admin.Server }

// startAdmin opens the admin listener and serves the metrics of l, and what m shows.
func startAdmin(listen string, sockets *inherited, l *live, m *status.Monitor, log *slog.Logger) (*adminServer, error) {
	reg := prometheus.NewRegistry() // one for each: the admin server adds to it
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), l)
	s := admin.New(admin.Config{Address: listen, Socket: sockets.file("tcp", listen), Metrics: reg, Ready: m.Ready, Status: m.Status, Version: l.version, Logger: log})
	if err := s.Start(); err != nil {
		return nil, err
	}
	log.Info("admin listening", "listener", s.Addr().String())
	return &adminServer{s}, nil
}

// adminShutdown is how long requests under way may take at the end.
const adminShutdown = 2 * time.Second

func (a *adminServer) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), adminShutdown)
	defer cancel()
	return a.server.Shutdown(ctx)
}

// live is what scrapes and probes see of the members, which a reload changes. It may be used from
// any goroutine.
type live struct {
	version  string
	metrics  *proxy.Metrics // of the members; immutable after newLive
	audit    *audit.Log     // nil: none; immutable once anything is served
	draining atomic.Bool
	now      atomic.Pointer[view]
	reloads  reloadCounts
}

// view is one set of members. Immutable.
type view struct {
	servers  []*proxy.Server
	drained  []string // registries that an operator has taken out
	own      []config.OwnCertificate
	subjects []status.Subject // for the status page
}

func newLive(version string) *live {
	l := &live{version: version}
	l.metrics = proxy.NewMetrics(func() []*proxy.Server { return l.now.Load().servers })
	l.set(nil, nil)
	return l
}

// set shows members from now on, and names what an operator has taken out.
func (l *live) set(members []*member, drained []string) {
	v := &view{drained: drained}
	for _, m := range members {
		v.servers = append(v.servers, m.server)
		v.subjects = append(v.subjects, m.subject())
		v.own = append(v.own, m.cfg.Certificates()...)
	}
	l.now.Store(v)
}

// answers says whether every event loop does its work, however long its queue.
func (l *live) answers() bool {
	for _, s := range l.now.Load().servers {
		if s.Snapshot() == nil {
			return false
		}
	}
	return true
}
