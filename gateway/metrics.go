package gateway

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric"
	"eppmux/gateway/keys"
)

// Metrics shows the metrics of the gateway. It implements prometheus.Collector.
type Metrics struct{ servers func() []*Server }

// NewMetrics returns the metrics of the gateway that a function names at each scrape: one, or none.
func NewMetrics(servers func() []*Server) *Metrics { return &Metrics{servers} }

// Describe implements prometheus.Collector.
func (*Metrics) Describe(ch chan<- *prometheus.Desc) { metrics.Describe(ch) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.servers() {
		metrics.Send(ch, s.Snapshot())
	}
}

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

// bounds are the upper bounds of the histogram of durations, in seconds; one more bucket holds the rest.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// outcomeNone is the word for a request that was about no command.
const outcomeNone = "none"

// outcomes are the words for what became of a request.
var outcomes = [...]string{outcomeNone, "answered", "not_sent", "unknown", refused}

// classes are the classes of HTTP statuses, from 1xx; 0xx is a request that had no answer.
const classes = 6

// counts count since the start. Any goroutine adds to them.
type counts struct {
	routes       map[string]*routeCounts // by name; immutable after open
	authFailures atomic.Uint64
	acceptErrors atomic.Uint64
	turnedAway   atomic.Uint64
}

// routeCounts are those of one route.
type routeCounts struct {
	answers [classes][len(outcomes)]atomic.Uint64
	took    [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

// open makes room for routes, and for what has none.
func (c *counts) open(routes []*route) {
	c.routes = map[string]*routeCounts{routeNone: new(routeCounts)}
	for _, rt := range routes {
		c.routes[rt.name] = new(routeCounts)
	}
}

// note counts a request.
func (c *counts) note(route string, status int, outcome string, took time.Duration) {
	r := c.routes[route]
	o := 0
	for i, word := range outcomes {
		if word == outcome {
			o = i
		}
	}
	r.answers[min(max(status/100, 0), classes-1)][o].Add(1)
	at := 0
	for at < len(bounds) && took.Seconds() > bounds[at] {
		at++
	}
	r.took[at].Add(1)
	r.sum.Add(int64(took))
}

// Snapshot is a Server as one moment shows it.
type Snapshot struct {
	Routes       []RouteSnapshot
	UnderWay     int
	Connections  int
	AuthFailures uint64      // requests with missing or wrong credentials
	AcceptErrors uint64      // failures of the host to take a connection
	TurnedAway   uint64      // connections from networks that are not allowed
	Keys         *keys.Stats // nil: keys are refused
}

// RouteSnapshot is what was asked of one route.
type RouteSnapshot struct {
	Name    string
	Answers [classes][len(outcomes)]uint64
	Took    [len(bounds) + 1]uint64
	Sum     time.Duration
}

// Snapshot returns a copy of the numbers. From any goroutine.
func (s *Server) Snapshot() *Snapshot {
	sn := &Snapshot{UnderWay: s.underWay.len(), Connections: s.crowd.len(), AuthFailures: s.counts.authFailures.Load(),
		AcceptErrors: s.counts.acceptErrors.Load(), TurnedAway: s.counts.turnedAway.Load()}
	if s.keys != nil {
		stats := s.keys.Stats()
		sn.Keys = &stats
	}
	for name, r := range s.counts.routes {
		one := RouteSnapshot{Name: name, Sum: time.Duration(r.sum.Load())}
		for class := range r.answers {
			for o := range r.answers[class] {
				one.Answers[class][o] = r.answers[class][o].Load()
			}
		}
		for i := range r.took {
			one.Took[i] = r.took[i].Load()
		}
		sn.Routes = append(sn.Routes, one)
	}
	return sn
}

// metrics are all metrics of a gateway.
var metrics = metric.NewTable(nil, metric.Group[Snapshot]{Name: "gateway", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_gateway_requests_total", Kind: metric.Counter, Labels: []string{"route", "status", "outcome"},
		Help: "Requests of HTTP clients that have ended, by the class of their status and by what became of the command.",
		When: "those of 5xx grow: `not_sent` is a registry that is away or a limit, `unknown` a command without an answer",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Routes {
				s.Routes[i].emit(e)
			}
		},
	}, {
		Name: "eppmux_gateway_request_seconds", Kind: metric.Histogram, Labels: []string{"route"},
		Help: "Time from a request's header to the end of its answer.",
		Each: func(s *Snapshot, e metric.Emit) {
			for i := range s.Routes {
				r := &s.Routes[i]
				e.Histogram(bounds[:], r.Took[:], r.Sum.Seconds(), r.Name)
			}
		},
	}, {
		Name: "eppmux_gateway_requests_under_way", Kind: metric.Gauge,
		Help:  "Requests that are being answered.",
		Value: func(s *Snapshot) float64 { return float64(s.UnderWay) },
	}, {
		Name: "eppmux_gateway_connections", Kind: metric.Gauge,
		Help:  "Connections of HTTP clients.",
		When:  "it nears 4096: beyond that the ones that idle give way, and new ones are refused where none does",
		Value: func(s *Snapshot) float64 { return float64(s.Connections) },
	}, {
		Name: "eppmux_gateway_auth_failures_total", Kind: metric.Counter,
		Help:  "Requests whose credentials were missing or wrong.",
		When:  "it grows: a program has an old password, or somebody guesses",
		Value: func(s *Snapshot) float64 { return float64(s.AuthFailures) },
	}, {
		Name: "eppmux_gateway_accept_errors_total", Kind: metric.Counter,
		Help:  "Failures of the host to take a connection, as where no file descriptor is left.",
		When:  "it grows: usually no file descriptor is left",
		Value: func(s *Snapshot) float64 { return float64(s.AcceptErrors) },
	}, {
		Name: "eppmux_gateway_turned_away_total", Kind: metric.Counter,
		Help:  "Connections from networks that gateway.allow_remote does not name.",
		Value: func(s *Snapshot) float64 { return float64(s.TurnedAway) },
	}, {
		Name: "eppmux_gateway_keys", Kind: metric.Gauge, Labels: []string{"state"},
		Help: "Keys of changes that are remembered, by what is known of the change: answered, unknown, or in_flight.",
		When: "`unknown` grows: ask the registry for those objects, or set `reconcile`",
		Each: eachOfKeys(func(k *keys.Stats, e metric.Emit) {
			e.Value(float64(k.Entries-k.Unknown-k.Flying), "answered")
			e.Value(float64(k.Unknown), "unknown")
			e.Value(float64(k.Flying), "in_flight")
		}),
	}, {
		Name: "eppmux_gateway_key_repeats_total", Kind: metric.Counter, Labels: []string{"result"},
		Help: "Repeats of a key: replayed had the first answer again, of unknown there is none, reused was another request.",
		When: "`reused` grows: a program gives one key to different changes",
		Each: eachOfKeys(func(k *keys.Stats, e metric.Emit) {
			e.Value(float64(k.Replays), "replayed")
			e.Value(float64(k.Doubts), "unknown")
			e.Value(float64(k.Reused), "reused")
		}),
	}, {
		Name: "eppmux_gateway_key_errors_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Keys that could not be written down, or had no room.",
		When: "it grows: see to the disk; changes with a key are refused meanwhile",
		Each: eachOfKeys(func(k *keys.Stats, e metric.Emit) {
			e.Value(float64(k.WriteErrors), "write")
			e.Value(float64(k.Full), "full")
		}),
	},
}})

// eachOfKeys reads values where there is a key file.
func eachOfKeys(f func(*keys.Stats, metric.Emit)) func(*Snapshot, metric.Emit) {
	return func(s *Snapshot, e metric.Emit) {
		if s.Keys != nil {
			f(s.Keys, e)
		}
	}
}

// emit sends the answers of a route. Those that never were are left out, but for the usual ones, so that the first
// failure is an increase.
func (r *RouteSnapshot) emit(e metric.Emit) {
	for class := range r.Answers {
		for o, n := range r.Answers[class] {
			usual := class == 2 && o == 1 || class == 5 && (o == 2 || o == 3)
			if n > 0 || usual {
				e.Value(float64(n), r.Name, strconv.Itoa(class)+"xx", outcomes[o])
			}
		}
	}
}
