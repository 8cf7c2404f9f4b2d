package serve

import (
	"strings"
	"time"

	"eppmux/admin"
	"eppmux/cmd/eppmux/internal/config"
)

// monitor begins to watch what l shows.
func (l *live) monitor(recent *admin.Recent) *admin.Monitor {
	return admin.NewMonitor(admin.MonitorConfig{
		Version:  l.version,
		Subjects: func() []admin.Subject { return l.now.Load().subjects },
		Stopping: l.draining.Load,
		Recent:   recent,
	})
}

// subject is what the status page shows of m's config.
func (m *member) subject() admin.Subject {
	r := &m.cfg
	s := admin.Subject{Server: m.server, Address: r.Address, MinSessions: r.Sessions.Min, MaxSessions: r.Sessions.Max, MaxClients: r.Clients.Max,
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
		s.Limits = append(s.Limits, admin.Limit{Name: named[i], Index: i, Limit: l.Limit.N, PerSeconds: l.Limit.Per.Seconds(), Burst: burst, Scope: string(l.Scope),
			Commands: strings.Join(names, ", "), Shadow: l.Shadow})
	}
	if m.record.log != nil {
		s.Audit = m.record.state
	}
	own := r.Certificates()
	s.Expiries = func(now time.Time) []admin.Expiry { return expiries(own, now) }
	return s
}

func expiries(own []config.OwnCertificate, now time.Time) []admin.Expiry {
	var all []admin.Expiry
	for _, o := range own {
		what := "our certificate for the registry"
		if o.ShownTo() == "clients" {
			what = "our certificate for clients"
		}
		leaf := o.Pair.Leaf()
		all = append(all, admin.Expiry{What: what, File: o.File, At: leaf.NotAfter.UTC(), Ours: true, Near: admin.Near(leaf.NotBefore, leaf.NotAfter, now)})
	}
	return all
}
