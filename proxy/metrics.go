package proxy

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// Metrics is a prometheus.Collector over servers. Counting costs the loop an addition; a scrape
// asks each loop for a copy, and where a loop does not answer in time it shows the last one.
type Metrics struct {
	servers func() []*Server
	mu      sync.Mutex
	last    map[*Server]*Snapshot // guarded by mu
}

// scrapeTimeout is how long a scrape waits for a loop.
const scrapeTimeout = time.Second

// NewMetrics returns a collector over the servers that the function names at each scrape; all of
// them have been started.
func NewMetrics(servers func() []*Server) *Metrics {
	return &Metrics{servers: servers, last: make(map[*Server]*Snapshot)}
}

// Snapshot is a Server as one moment shows it.
type Snapshot struct {
	Counters
	Account upstream.Snapshot
	Clients int
	// Memory is how many octets are held for clients, MaxMemory how many may be.
	Memory, MaxMemory int
	// Blame is the client that was at fault last, AcceptError why the last one could not be taken
	// in, empty: all could.
	Blame       Blame
	AcceptError string
}

// Snapshot asks the loop for a copy; nil when it does not answer within scrapeTimeout.
func (s *Server) Snapshot() *Snapshot {
	got := make(chan *Snapshot, 1) // one copy; not closed
	s.loop.Post(func() {
		sn := &Snapshot{Counters: s.counts, Clients: s.nclients, Memory: s.memory, MaxMemory: s.cfg.MaxHeld, Blame: s.blamed.shown(), AcceptError: s.acceptError}
		s.account.Snapshot(&sn.Account)
		got <- sn
	})
	late := time.NewTimer(scrapeTimeout)
	defer late.Stop()
	select {
	case sn := <-got:
		return sn
	case <-late.C:
		return nil
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("eppmux_"+name, help, append([]string{"registry"}, labels...), nil)
}

var (
	descCommands       = desc("commands_total", "Commands answered by the registry.", "command", "code")
	descOutcomes       = desc("outcomes_total", "How commands ended: answered, not_sent (safe to retry), unknown (may have been executed), orphan (answered after its client had left), dropped (its client left while it waited).", "command", "outcome")
	descUnknown        = desc("unknown_transforms_total", "Transforms that were sent and have no answer: may have been executed.")
	descWait           = desc("command_wait_seconds", "Time of commands in the queue.", "class")
	descRTT            = desc("command_rtt_seconds", "Time from writing a command to its answer.", "class")
	descClients        = desc("clients", "Connected clients.")
	descClientCloses   = desc("client_closes_total", "Client connections that ended.", "reason")
	descFaults         = desc("client_faults_total", "Frames of clients that were refused here and not sent.")
	descDisallowed     = desc("client_disallowed_total", "Commands that their listener does not allow.")
	descLoginsRefused  = desc("client_logins_refused_total", "Logins of clients that were refused here.", "reason")
	descNotLoggedIn    = desc("client_not_logged_in_total", "Commands before login that were refused, where clients.login is verify.")
	descHeld           = desc("client_held_bytes", "Octets held for clients: sent ahead, or not yet taken by them.")
	descThrottled      = desc("throttled_total", "Answers of the registry that it wants fewer commands; they were sent again later.")
	descExceeded       = desc("limit_shadow_total", "Commands that a limit in shadow mode would have held back.", "limit")
	descLimited        = desc("limited_seconds_total", "Time for which a limit of registry scope held a command back while a session was idle.", "limit")
	descAcceptErrors   = desc("accept_errors_total", "Failures of the host to take a client in, as where no file descriptor is left.")
	descServices       = desc("client_services_differ_total", "Logins of clients that list services which the registry does not offer.")
	descQueue          = desc("queue_length", "Commands that wait for a session or a limit.")
	descOldest         = desc("queue_oldest_seconds", "Wait so far of the command that has waited longest.")
	descSessions       = desc("sessions", "Sessions with the registry.", "state")
	descSessionsMax    = desc("sessions_max", "Sessions that may be open now: sessions.max, or less while the registry refuses more.")
	descSessionCloses  = desc("session_closes_total", "Sessions that ended.", "reason")
	descLogins         = desc("logins_total", "Attempts to open a session.", "result")
	descLimitUsed      = desc("limit_used_ratio", "Part of a limit of registry scope that is in use.", "limit")
	descDesync         = desc("desync_total", "Sessions closed because octets came that do not belong where they came.", "reason")
	descPaused         = desc("paused", "1 while the operator has paused the registry, else 0.")
	descPassword       = desc("password_expiry_timestamp_seconds", "When the password ends by what the registry said at the last login (RFC 8807), in seconds since 1970. Absent where it has said nothing.")
	allDescs           = []*prometheus.Desc{descCommands, descOutcomes, descWait, descRTT, descClients, descClientCloses, descFaults, descServices, descQueue, descOldest, descSessions, descSessionsMax, descSessionCloses, descLogins, descLimitUsed, descDesync, descDisallowed, descLoginsRefused, descNotLoggedIn, descHeld, descThrottled, descExceeded, descLimited, descPaused, descPassword, descUnknown, descAcceptErrors}
	sessionStateLabels = []pool.SessionState{pool.SessionDialing, pool.SessionIdle, pool.SessionBusy, pool.SessionDraining}
)

// Describe is prometheus.Collector's.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		ch <- d
	}
}

// Collect is prometheus.Collector's. All loops are asked at once: however many do not answer, a
// scrape takes scrapeTimeout.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	servers := m.servers()
	snapshots := make([]*Snapshot, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { snapshots[i] = s.Snapshot() })
	}
	wg.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	last := make(map[*Server]*Snapshot)
	for i, s := range servers {
		sn := snapshots[i]
		if sn == nil {
			sn = m.last[s]
		}
		if sn != nil {
			last[s] = sn
			collector{ch, s.Name()}.server(sn)
		}
	}
	m.last = last
}

// collector sends the metrics of one registry.
type collector struct {
	ch       chan<- prometheus.Metric
	registry string
}

func (c collector) send(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	c.ch <- prometheus.MustNewConstMetric(d, t, v, append([]string{c.registry}, labels...)...)
}

func (c collector) counter(d *prometheus.Desc, v uint64, labels ...string) {
	c.send(d, prometheus.CounterValue, float64(v), labels...)
}

func (c collector) gauge(d *prometheus.Desc, v float64, labels ...string) {
	c.send(d, prometheus.GaugeValue, v, labels...)
}

func (c collector) server(s *Snapshot) {
	c.gauge(descClients, float64(s.Clients))
	for r, n := range s.Closes {
		c.counter(descClientCloses, n, closeReason(r).String())
	}
	c.counter(descFaults, s.Faults)
	c.counter(descServices, s.ServicesDiffer)
	c.counter(descAcceptErrors, s.AcceptErrors)
	c.counter(descDisallowed, s.Disallowed)
	for why, n := range s.LoginsRefused { // from the start, so that the first one is an increase
		c.counter(descLoginsRefused, n, refusal(why).String())
	}
	c.counter(descNotLoggedIn, s.NotLoggedIn)
	c.gauge(descHeld, float64(s.Memory))
	c.commands(&s.Account)
	c.sessions(&s.Account)
}

func (c collector) commands(a *upstream.Snapshot) {
	for cmd := frame.CommandNone + 1; int(cmd) < frame.NumCommands; cmd++ {
		for i, n := range a.Commands[cmd] {
			if n > 0 {
				c.counter(descCommands, n, cmd.String(), codeLabel(i))
			}
		}
		for i, n := range a.Outcomes[cmd] { // from the start, so that the first one is an increase
			c.counter(descOutcomes, n, cmd.String(), outcomeLabel(i))
		}
	}
	for k := upstream.Class(0); k < upstream.NumClasses; k++ {
		c.histogram(descWait, &a.Wait[k], k.String())
		c.histogram(descRTT, &a.RTT[k], k.String())
	}
	c.gauge(descQueue, float64(a.Queued))
	c.gauge(descOldest, a.Oldest.Seconds())
	for i, used := range a.Used {
		c.gauge(descLimitUsed, used, a.Rules[i])
		c.counter(descExceeded, a.Exceeded[i], a.Rules[i])
		c.send(descLimited, prometheus.CounterValue, a.Limited[i].Seconds(), a.Rules[i])
	}
	c.counter(descThrottled, a.Throttled)
	c.counter(descUnknown, a.Unknown)
}

func codeLabel(index int) string {
	if code := upstream.CodeOf(index); code > 0 {
		return strconv.Itoa(code)
	}
	return "other"
}

func outcomeLabel(index int) string {
	switch index {
	case upstream.OutcomeOrphan:
		return "orphan"
	case upstream.OutcomeDropped:
		return "dropped"
	}
	return pool.End(index).String()
}

func (c collector) sessions(a *upstream.Snapshot) {
	for _, st := range sessionStateLabels {
		c.gauge(descSessions, float64(a.Sessions[st]), st.String())
	}
	c.gauge(descSessions, oneIf(a.Backoff), "backoff")
	c.gauge(descPaused, oneIf(a.Paused))
	c.gauge(descSessionsMax, float64(a.Max))
	for _, cause := range pool.SessionCauses {
		c.counter(descSessionCloses, a.SessionCloses[cause], cause.String())
	}
	for i, n := range a.Logins {
		c.counter(descLogins, n, upstream.LoginResult(i).String())
	}
	if at := a.PasswordExpires(); !at.IsZero() {
		c.gauge(descPassword, float64(at.Unix()))
	}
	for _, cause := range pool.DesyncCauses {
		c.counter(descDesync, a.Desync[cause], cause.String())
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c collector) histogram(d *prometheus.Desc, h *upstream.Histogram, label string) {
	buckets := make(map[float64]uint64, len(upstream.HistogramBounds))
	var n uint64
	for i, count := range h.Counts {
		n += count
		if i < len(upstream.HistogramBounds) {
			buckets[upstream.HistogramBounds[i]] = n
		}
	}
	c.ch <- prometheus.MustNewConstHistogram(d, n, h.Sum.Seconds(), buckets, c.registry, label)
}
