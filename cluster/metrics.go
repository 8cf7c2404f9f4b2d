package cluster

import (
	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric"
)

// Metrics shows the metrics of a host's part in a cluster. It implements prometheus.Collector.
type Metrics struct{ look func() *Snapshot }

// NewMetrics returns the metrics of what a function returns at each scrape, from any goroutine. Nil
// is no cluster, and shows nothing.
func NewMetrics(look func() *Snapshot) *Metrics { return &Metrics{look} }

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) { metrics.Describe(ch) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	if s := m.look(); s != nil {
		metrics.Send(ch, s)
	}
}

// Leased reports whether this host owns a by a lease, which may end. It is not set without an engine.
func (s *Snapshot) Leased(a *AccountState) bool {
	return s.Engine.Name != Static && (a.Role == RoleOwner || a.Role == RoleYielding)
}

// perAccount makes a row's reader of one for each account.
func perAccount(read func(a *AccountState) float64) func(*Snapshot, metric.Emit) {
	return func(s *Snapshot, e metric.Emit) {
		for i := range s.Accounts {
			e.Value(read(&s.Accounts[i]), s.Accounts[i].Name)
		}
	}
}

// metrics are all metrics of a host's part in a cluster.
var metrics = metric.NewTable(nil, metric.Group[Snapshot]{Name: "cluster", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_cluster_owner", Kind: metric.Gauge, Labels: []string{"registry"},
		Help: "1 while this host owns the account of the registry, else 0.",
		When: "the sum over all hosts is 0: [nobody owns it](runbook.md#nobody-owns-an-account); above 1 for longer " +
			"than two scrapes: [two do](runbook.md#two-hosts-own-one-account)",
		Each: perAccount(func(a *AccountState) float64 {
			return metric.OneIf(a.Role == RoleOwner || a.Role == RoleYielding)
		}),
	}, {
		Name: "eppmux_cluster_term", Kind: metric.Gauge, Labels: []string{"registry"},
		Help: "Number of the owner's lease, as known here; 0 while nobody is known to own the account.",
		When: "it differs between hosts for long: one of them does not reach the engine",
		Each: perAccount(func(a *AccountState) float64 {
			if a.Role == RoleNone {
				return 0
			}
			return float64(a.Owner.Term)
		}),
	}, {
		Name: "eppmux_cluster_lease_remaining_seconds", Kind: metric.Gauge, Labels: []string{"registry"},
		Help: "Time for which this host may go on to write to the registry without another renewal of its lease. " +
			"Absent where it does not own the account, and without an engine.",
		When: "it falls below half of `cluster.ttl`: renewals fail or come late",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Accounts {
				if a := &s.Accounts[i]; s.Leased(a) {
					e.Value(max(0, a.Left.Seconds()), a.Name)
				}
			}
		},
	}, {
		Name: "eppmux_cluster_changes_total", Kind: metric.Counter, Labels: []string{"registry", "reason"},
		Help: "Changes of the owner, as seen from this host: first (nobody owned it), released (its owner had ended, " +
			"and nobody was named), handover (an operator wanted it), shutdown (its owner has ended), better (a " +
			"member came back that is to own it), yield (its owner could open no session), clock (its owner's wall " +
			"clock differed), loss (its owner did not renew the lease).",
		When: "`loss`, `yield` or `clock` grow: [owners change often](runbook.md#owners-change-again-and-again)",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Accounts {
				for _, r := range Reasons { // from the start, so that the first one is an increase
					e.Value(float64(s.Accounts[i].Changes[r]), s.Accounts[i].Name, string(r))
				}
			}
		},
	}, {
		Name: "eppmux_cluster_fenced_total", Kind: metric.Counter, Labels: []string{"registry"},
		Help: "Times that this host ran into its fence: its lease was not renewed in time, so it closed its " +
			"sessions.",
		When: "it grows: [the host or the engine stood still](runbook.md#a-host-ran-into-its-fence)",
		Each: perAccount(func(a *AccountState) float64 { return float64(a.Fenced) }),
	}, {
		Name: "eppmux_cluster_lanes", Kind: metric.Gauge, Labels: []string{"registry", "state"},
		Help: "Lanes of this host: to the owner, where it follows (idle, busy, opening), and from followers, where " +
			"it owns the account (served).",
		When: "a host that follows has none: its clients [are not served](runbook.md#no-lane-to-the-owner)",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Accounts {
				if l := s.Accounts[i].Lanes; l != nil {
					name := s.Accounts[i].Name
					e.Value(float64(l.Idle), name, "idle")
					e.Value(float64(l.Busy), name, "busy")
					e.Value(float64(l.Opening), name, "opening")
					e.Value(float64(l.Served), name, "served")
				}
			}
		},
	}, {
		Name: "eppmux_cluster_forwarded_total", Kind: metric.Counter, Labels: []string{"registry", "outcome"},
		Help: "Commands of this host's clients that went over a lane: answered, not_sent (safe to retry), unknown " +
			"(may have been executed), moved (to another owner, nothing was sent).",
		When: "`unknown` grows: lanes break with commands in flight, or the owner's sessions do",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Accounts {
				if l := s.Accounts[i].Lanes; l != nil {
					for o, n := range l.Forwarded {
						e.Value(float64(n), s.Accounts[i].Name, Outcome(o).String())
					}
				}
			}
		},
	}, {
		Name: "eppmux_cluster_members", Kind: metric.Gauge,
		Help: "Hosts of the cluster that are alive, as seen from this one; itself too.",
		When: "it is below the number of your hosts: one is down, or does not reach the engine",
		Value: func(s *Snapshot) float64 {
			return float64(s.Alive())
		},
	}, {
		Name: "eppmux_cluster_engine_up", Kind: metric.Gauge,
		Help: "1 while the engine answers this host, else 0. Absent without an engine.",
		When: "it is 0: owners [stop](runbook.md#the-engine-is-away) at their fence",
		Each: func(s *Snapshot, e metric.Emit) {
			if s.Engine.Name != Static {
				e.Value(metric.OneIf(s.Engine.Up))
			}
		},
	}, {
		Name: "eppmux_cluster_engine_request_seconds", Kind: metric.Histogram,
		Help: "Time of a request to the engine: its sum and count. Absent without an engine.",
		When: "its mean nears a second: the engine is slow, and leases may run out",
		Each: func(s *Snapshot, e metric.Emit) {
			if s.Engine.Name != Static {
				e.Histogram(nil, []uint64{s.Engine.Requests}, s.Engine.Took.Seconds())
			}
		},
	},
}})

// Alive returns how many members are.
func (s *Snapshot) Alive() (n int) {
	for i := range s.Members {
		if s.Members[i].Alive {
			n++
		}
	}
	return n
}
