package serve

import (
	"strings"
	"time"

	"eppmux/admin"
	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/config"
)

// monitor starts the monitor behind the status page. Stop must be called.
func (l *live) monitor(recent *status.Recent) *status.Monitor {
	return status.NewMonitor(status.MonitorConfig{
		Version:  l.version,
		Subjects: func() []status.Subject { return l.now.Load().subjects },
		Drained:  func() []string { return l.now.Load().drained },
		Stopping: l.draining.Load,
		Recent:   recent,
		Cluster:  l.inCluster,
		Gateway:  l.ofGateway,
	})
}

// ofGateway is the gateway for the status page; nil: none is served.
func (l *live) ofGateway() *status.GatewaySnapshot {
	g := l.gateway.Load()
	if g == nil {
		return nil
	}
	s := g.server.Snapshot()
	shown := &status.GatewaySnapshot{Listeners: g.listeners, UnderWay: s.UnderWay, Connections: s.Connections,
		AuthFailures: s.AuthFailures, AcceptErrors: s.AcceptErrors}
	if k := s.Keys; k != nil {
		shown.Keys = &status.KeysSnapshot{File: g.keyFile, Known: k.Entries, Unknown: k.Unknown, InFlight: k.Flying,
			Trouble: k.Trouble, TroubleAt: k.TroubleAt, Ended: k.Ended, FullAt: k.FullAt}
	}
	return shown
}

// subject returns m for the status page of l.
func (m *member) subject(l *live) status.Subject {
	r := &m.cfg
	s := status.Subject{Name: r.Name, Looker: admin.Served(m.server), Address: r.Address,
		MinSessions: r.Sessions.Min, MaxSessions: r.Sessions.Max, MaxClients: r.Clients.Max,
		QueueTimeout: r.Timeouts.Queue}
	if m.sandbox != nil {
		s.Address = "built-in registry"
	}
	named := config.LimitNames(r.RateLimits)
	for i, l := range r.RateLimits {
		var names []string
		for _, c := range l.Commands {
			names = append(names, c.String())
		}
		burst := l.Limit.Burst
		if burst == 0 {
			burst = l.Limit.N
		}
		s.Limits = append(s.Limits, status.Limit{Name: named[i], Index: i,
			Limit: l.Limit.N, PerSeconds: l.Limit.Per.Seconds(), Burst: burst, Scope: string(l.Scope),
			Commands: strings.Join(names, ", "), Shadow: l.Shadow})
	}
	if m.record.log != nil {
		s.Audit = m.record.state
		s.Unresolved = func() (int, time.Time, bool) { return l.left.Load().of(r.Name) }
	}
	own := r.Certificates()
	s.Expiries = func(now time.Time) []status.Expiry { return expiries(own, now) }
	return s
}

// expiries returns the ends of our own certificates for the status page.
func expiries(own []config.OwnCertificate, now time.Time) []status.Expiry {
	var all []status.Expiry
	for _, o := range own {
		what := "our certificate for the registry"
		if o.ShownTo() == "clients" {
			what = "our certificate for clients"
		}
		leaf := o.Pair.Leaf()
		near := status.ExpiryGravity(leaf.NotAfter.Sub(now), leaf.NotAfter.Sub(leaf.NotBefore))
		all = append(all, status.Expiry{What: what, File: o.File, At: leaf.NotAfter.UTC(), Ours: true, Near: near})
	}
	return all
}
