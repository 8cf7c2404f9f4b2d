package proxy

import (
	"time"

	"eppmux/admin/metric"
	"eppmux/upstream"
)

// Metrics shows the metrics of servers, that is, of their clients; upstream.Metrics shows those of
// the accounts. It implements prometheus.Collector.
type Metrics = metric.Collector[*Server, Snapshot]

// NewMetrics returns the metrics of the servers that a function names at each scrape. All of them
// have been started.
func NewMetrics(servers func() []*Server) *Metrics {
	return metric.NewCollector(metrics, servers, (*Server).Name, (*Server).Snapshot)
}

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

// metrics are all metrics of a server.
var metrics = metric.NewTable([]string{"registry"}, clientMetrics)

var clientMetrics = metric.Group[Snapshot]{Name: "clients", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_clients", Kind: metric.Gauge,
		Help:  "Connected clients.",
		Value: func(s *Snapshot) float64 { return float64(s.Clients) },
	}, {
		Name: "eppmux_ungreeted", Kind: metric.Gauge,
		Help: "1 while clients are not greeted since the registry's greeting cannot be passed on, else 0.",
		When: "it is 1: the log and `/readyz` say what is wrong with the greeting; tell the registry",
		Value: func(s *Snapshot) float64 {
			if s.GreetingFault != "" && !s.Greets {
				return 1
			}
			return 0
		},
	}, {
		Name: "eppmux_client_closes_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Client connections that ended.",
		When: "it grows: the reason says how clients misbehave, see below",
		Each: func(s *Snapshot, e metric.Emit) {
			for r, n := range s.Closes {
				e.Value(float64(n), closeReason(r).String())
			}
		},
	}, {
		Name: "eppmux_client_faults_total", Kind: metric.Counter,
		Help:  "Frames of clients that were refused here and not sent, unknown commands too.",
		When:  "it grows: clients misbehave",
		Value: func(s *Snapshot) float64 { return float64(s.Faults) },
	}, {
		Name: "eppmux_accept_errors_total", Kind: metric.Counter,
		Help:  "Failures of the host to take a client in, as where no file descriptor is left.",
		When:  "it grows: usually no file descriptor is left",
		Value: func(s *Snapshot) float64 { return float64(s.AcceptErrors) },
	}, {
		Name: "eppmux_client_disallowed_total", Kind: metric.Counter,
		Help:  "Commands that their listener does not allow.",
		When:  "it grows: clients send commands that the `allow` of their listener leaves out",
		Value: func(s *Snapshot) float64 { return float64(s.Disallowed) },
	}, {
		Name: "eppmux_client_logins_refused_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Logins of clients that were refused here.",
		When: "it grows, see below",
		Each: func(s *Snapshot, e metric.Emit) {
			for why, n := range s.LoginsRefused { // from the start, so that the first one is an increase
				e.Value(float64(n), refusal(why).String())
			}
		},
	}, {
		Name: "eppmux_client_not_logged_in_total", Kind: metric.Counter,
		Help:  "Commands before login that were refused, where clients.login is verify.",
		When:  "it grows: a program does not log in",
		Value: func(s *Snapshot) float64 { return float64(s.NotLoggedIn) },
	}, {
		Name: "eppmux_client_polls_held_total", Kind: metric.Counter,
		Help: "Polls that were answered here, with 1300 or 2303, since another client had the message queue, where " +
			"`poll` is `exclusive`.",
		When:  "it grows: several programs poll",
		Value: func(s *Snapshot) float64 { return float64(s.PollsHeld) },
	}, {
		Name: "eppmux_client_poll_leases_lapsed_total", Kind: metric.Counter,
		Help: "Times that a client had the message queue until `poll_lease` was over, and had not acknowledged.",
		When: "it grows: a program reads messages and does not acknowledge them, or takes longer; another one is " +
			"given the same message then",
		Value: func(s *Snapshot) float64 { return float64(s.PollsLapsed) },
	}, {
		Name: "eppmux_client_services_differ_total", Kind: metric.Counter,
		Help:  "Logins of clients that list services which the registry does not offer.",
		Value: func(s *Snapshot) float64 { return float64(s.ServicesDiffer) },
	}, {
		Name: "eppmux_client_held_bytes", Kind: metric.Gauge,
		Help:  "Memory for octets of clients: sent ahead, or not yet taken by them.",
		When:  "it nears 170 MiB: beyond that the clients that hold most give way",
		Value: func(s *Snapshot) float64 { return float64(s.Memory) },
	},
}}

// Snapshot is a Server as one moment shows it.
type Snapshot struct {
	Counters
	Account upstream.Snapshot // of the same moment
	Clients int
	// Memory is how many octets are held for clients, MaxMemory how many may be.
	Memory, MaxMemory int
	// Blame is the client that was at fault last, AcceptError why the last one could not be taken
	// in, empty: all could.
	Blame       Blame
	AcceptError string
	// Greets says that clients are greeted, GreetingFault why the registry's last greeting was not
	// passed on to them, empty: it was.
	Greets        bool
	GreetingFault string
}

// scrapeTimeout is how long the loop has to answer.
const scrapeTimeout = time.Second

// Snapshot asks the loop for a copy; nil when it does not answer within a second. It may be called
// from any goroutine but the loop.
func (s *Server) Snapshot() *Snapshot {
	got := make(chan *Snapshot, 1) // one copy; not closed
	if err := s.ask(func() { got <- s.snapshot() }); err != nil {
		return nil
	}
	return <-got
}

func (s *Server) snapshot() *Snapshot {
	sn := &Snapshot{
		Counters:    s.counts,
		Clients:     s.nclients,
		Memory:      s.memory,
		MaxMemory:   s.known.bound,
		Blame:       s.blamed.shown(),
		AcceptError: s.acceptError,

		Greets:        s.greeting != nil,
		GreetingFault: s.greetingFault,
	}
	s.account.Snapshot(&sn.Account)
	return sn
}
