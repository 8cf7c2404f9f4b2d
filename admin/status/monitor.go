package status

import (
	"os"
	"sync"
	"time"

	"eppmux/cluster"
)

// MonitorConfig is what a Monitor is made of.
type MonitorConfig struct {
	Version string
	// Subjects returns the registries to be watched now, in the order in which they are to be
	// shown. Any goroutine may call it; it must not block.
	Subjects func() []Subject
	// Drained returns the names of registries that the operator has taken out, for Ready. Any
	// goroutine may call it; it must not block. Nil: none.
	Drained func() []string
	// Stopping reports whether the program is ending. Nil: never.
	Stopping func() bool
	// Recent has the events to show. Nil: none.
	Recent *Recent
	// Cluster returns what is known of the cluster now; nil: the host takes part in none. Any goroutine
	// may call it. It may take a second, as a Look may; the result is the caller's. Nil: none.
	Cluster func() *cluster.Snapshot
	// Gateway returns how the gateway is now; nil: there is none. Any goroutine may call it; it must not
	// block. Nil: none.
	Gateway func() *GatewaySnapshot
}

// Monitor watches registries and keeps their last ten minutes. However many ask for its Status,
// each registry is asked for one Snapshot each freshFor at most.
type Monitor struct {
	// Immutable after NewMonitor.
	cfg     MonitorConfig
	host    string
	started time.Time
	asks    chan chan *Status // requests, each for one Status; never closed
	quit    chan struct{}     // closed by Stop
	ended   chan struct{}     // closed when run has ended

	// Owned by run.
	histories map[Looker]*history
	last      map[Looker]*Snapshot // the last answer of each
	gateway   []gatewayRow         // of the last ten minutes
	status    *Status              // made last; nil: none yet
	made      time.Time
}

// freshFor is how old a Status may be that is shown.
const freshFor = 500 * time.Millisecond

// NewMonitor returns a monitor at work, until Stop.
func NewMonitor(cfg MonitorConfig) *Monitor {
	if cfg.Recent == nil {
		cfg.Recent = NewRecent()
	}
	if cfg.Stopping == nil {
		cfg.Stopping = func() bool { return false }
	}
	if cfg.Drained == nil {
		cfg.Drained = func() []string { return nil }
	}
	if cfg.Cluster == nil {
		cfg.Cluster = func() *cluster.Snapshot { return nil }
	}
	if cfg.Gateway == nil {
		cfg.Gateway = func() *GatewaySnapshot { return nil }
	}
	m := &Monitor{
		cfg:       cfg,
		started:   time.Now().UTC(),
		asks:      make(chan chan *Status),
		quit:      make(chan struct{}),
		ended:     make(chan struct{}),
		histories: make(map[Looker]*history),
		last:      make(map[Looker]*Snapshot),
	}
	m.host, _ = os.Hostname()
	go m.run()
	return m
}

// Stop ends the monitor. From then on Status returns what was made last.
func (m *Monitor) Stop() {
	close(m.quit)
	<-m.ended
}

// Status returns how things stand, at most freshFor ago. Any goroutine may call it. It takes as
// long as the slowest Look. The result is shared and must not be changed.
func (m *Monitor) Status() *Status {
	answer := make(chan *Status, 1) // one; never closed
	select {
	case m.asks <- answer:
		return <-answer
	case <-m.ended:
		if m.status == nil {
			now := time.Now().UTC()
			return &Status{Version: m.cfg.Version, Host: m.host, Started: m.started, Now: now, Stopping: true}
		}
		return m.status
	}
}

// run looks and answers until Stop, which waits for it.
func (m *Monitor) run() {
	defer close(m.ended)
	tick := time.NewTicker(historyEvery)
	defer tick.Stop()
	m.sample(m.watch())
	for {
		select {
		case <-tick.C:
			m.sample(m.watch())
		case answer := <-m.asks:
			if m.status == nil || time.Since(m.made) > freshFor {
				m.status, m.made = m.build(m.watch()), time.Now()
			}
			answer <- m.status
		case <-m.quit:
			return
		}
	}
}

// watched is a subject with what it shows.
type watched struct {
	Subject
	now *Snapshot // nil: it does not answer
}

// watch looks at every subject, side by side, and notes what they answer. It forgets the subjects
// that are no longer there.
func (m *Monitor) watch() []watched {
	var all []watched
	for _, s := range m.cfg.Subjects() {
		all = append(all, watched{Subject: s})
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i].now = all[i].Looker.Look() })
	}
	wg.Wait()
	histories, last := make(map[Looker]*history), make(map[Looker]*Snapshot)
	for i := range all {
		l := all[i].Looker
		if histories[l] = m.histories[l]; histories[l] == nil {
			histories[l] = new(history)
		}
		if last[l] = all[i].now; last[l] == nil {
			last[l] = m.last[l]
		}
	}
	m.histories, m.last = histories, last
	return all
}

// sample adds a row to each history, and to that of the gateway. A subject that does not answer gets none.
func (m *Monitor) sample(all []watched) {
	m.gateway = noteGateway(m.gateway, m.cfg.Gateway(), time.Now())
	for i := range all {
		if s := all[i].now; s != nil {
			m.histories[all[i].Looker].add(rowOf(s))
		}
	}
}
