package serve

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"eppmux/admin"
	"eppmux/admin/status"
	"eppmux/audit"
	"eppmux/cluster"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/gateway"
	"eppmux/proxy"
	"eppmux/upstream"
)

// adminServer is the admin listener, open.
type adminServer struct {
	server *admin.Server
	log    *slog.Logger
}

// openAdmin opens the admin listener for the metrics of s, and what its monitor shows, which there
// need not be yet. Requests wait until serve. stop must be called.
func (s *service) openAdmin(listen string) (*adminServer, error) {
	server := admin.New(admin.Config{
		Address: listen,
		Socket:  s.sockets.file("tcp", listen),
		Metrics: s.live.newRegistry(), // one for each server, which adds to it
		Ready:   func() []status.Readiness { return s.monitor.Ready() },
		Status:  func() *status.Status { return s.monitor.Status() },
		Version: s.live.version,
		Logger:  s.log,
	})
	if err := server.Listen(); err != nil {
		return nil, err
	}
	return &adminServer{server, s.log}, nil
}

// serve begins to answer requests.
func (a *adminServer) serve() {
	a.server.Serve()
	a.log.Info("admin listening", "listener", a.server.Addr().String())
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
	accounts *upstream.Metrics // of the members; immutable after newLive, as clients
	clients  *proxy.Metrics
	audit    *audit.Log     // nil: none; immutable once anything is served
	log      *Log           // nil: no lines are counted; immutable as audit
	cluster  clusterControl // nil: none is configured; immutable as audit
	draining atomic.Bool
	left     atomic.Pointer[unresolved]    // nil: no audit log, or not begun
	requests *gateway.Metrics              // of the gateway; immutable after newLive
	gateway  atomic.Pointer[servedGateway] // nil: none is served
	now      atomic.Pointer[view]
	reloads  reloadCounts
}

// view is one set of members. Immutable.
type view struct {
	servers  []*proxy.Server
	accounts []*upstream.Account // of the servers
	drained  []string            // registries that an operator has taken out
	own      []config.OwnCertificate
	subjects []status.Subject // for the status page
}

func newLive(version string) *live {
	l := &live{version: version}
	l.accounts = upstream.NewMetrics(func() []*upstream.Account { return l.now.Load().accounts },
		func(registry string) uint64 { return l.left.Load().atStart(registry) })
	l.clients = proxy.NewMetrics(func() []*proxy.Server { return l.now.Load().servers })
	l.requests = gateway.NewMetrics(l.gateways)
	l.set(nil, nil)
	return l
}

// gateways returns the gateway that is served; none where there is none.
func (l *live) gateways() []*gateway.Server {
	if g := l.gateway.Load(); g != nil {
		return []*gateway.Server{g.server}
	}
	return nil
}

// inCluster returns what is known of the cluster; nil: none is configured.
func (l *live) inCluster() *cluster.Snapshot {
	if l.cluster == nil {
		return nil
	}
	s := l.cluster.snapshot()
	return &s
}

// set shows members from now on, and names what an operator has taken out. The certificates are those
// that we use beside members.
func (l *live) set(members []*member, drained []string, beside ...config.OwnCertificate) {
	v := &view{drained: drained, own: beside}
	for _, m := range members {
		v.servers = append(v.servers, m.server)
		v.accounts = append(v.accounts, m.account)
		v.subjects = append(v.subjects, m.subject(l))
		v.own = append(v.own, m.cfg.Certificates()...)
	}
	l.now.Store(v)
}

// answers reports whether every event loop does its work, however long its queue.
func (l *live) answers() bool {
	for _, s := range l.now.Load().servers {
		if s.Snapshot() == nil {
			return false
		}
	}
	return true
}
