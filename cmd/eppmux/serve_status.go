package main

import (
	"strings"
	"time"

	"eppmux/admin"
)

// monitor begins to watch what l shows.
func (l *live) monitor(recent *admin.Recent) *admin.Monitor {
	return admin.NewMonitor(admin.MonitorConfig{
		Version:  version(),
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
	named := limitNames(r.RateLimits)
	for i, l := range r.RateLimits {
		var names []string
		for _, c := range l.Commands {
			names = append(names, nameOf(c))
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
	own := r.certificates()
	s.Expiries = func(now time.Time) []admin.Expiry { return expiries(own, now) }
	return s
}

// nameOf is the word of the config file for c.
func nameOf(c LimitedCommand) string {
	for name, of := range commandNames {
		if of == c {
			return name
		}
	}
	return c.Command.String()
}

func expiries(own []ownCertificate, now time.Time) []admin.Expiry {
	var all []admin.Expiry
	for _, o := range own {
		what := "our certificate for the registry"
		if o.shownTo() == "clients" {
			what = "our certificate for clients"
		}
		leaf := o.pair.current.Load().Leaf
		all = append(all, admin.Expiry{What: what, File: o.file, At: leaf.NotAfter.UTC(), Ours: true, Near: admin.Near(leaf.NotBefore, leaf.NotAfter, now)})
	}
	return all
}
