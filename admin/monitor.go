package admin

import (
	"os"
	"sync"
	"time"

	"eppmux/audit"
	"eppmux/proxy"
)

// Subject is a registry to be watched: where it is found, and what the config says of it.
// Immutable.
type Subject struct {
	Server                   *proxy.Server
	Address                  string
	MinSessions, MaxSessions int
	MaxClients               int
	QueueTimeout             time.Duration
	Limits                   []Limit // without what is of the moment
	// Expiries are the ends of our own certificates as they are now; What, File, At, Ours and Near
	// are set. Nil: none.
	Expiries func(now time.Time) []Expiry
	// Audit is the state of the audit log and what becomes of transforms when it fails. Nil: none
	// is kept.
	Audit func() (state audit.State, blocks bool)
}

// MonitorConfig is what a Monitor is made of.
type MonitorConfig struct {
	Version string
	// Subjects are those of now, in the order in which they are to be shown. Any goroutine may call
	// it; it must not block.
	Subjects func() []Subject
	// Stopping says whether the program is ending; nil: never.
	Stopping func() bool
	// Recent has the events to show; nil: none.
	Recent *Recent
}

// Monitor watches registries: it keeps their last ten minutes, and is a Source. However many ask,
// each event loop is asked for one copy each freshFor at the most.
type Monitor struct {
	// Immutable after NewMonitor.
	cfg     MonitorConfig
	host    string
	started time.Time
	asks    chan chan *Status // requests, each for one Status; never closed
	quit    chan struct{}     // closed by Stop
	ended   chan struct{}     // closed when run has ended

	// Owned by run.
	histories map[*proxy.Server]*history
	last      map[*proxy.Server]*look // as each loop answered last
	status    *Status                 // made last; nil: none yet
	made      time.Time
}

// freshFor is how old a Status may be that is shown.
const freshFor = 500 * time.Millisecond

// look is what one registry showed.
type look struct {
	at       time.Time
	snapshot *proxy.Snapshot // never nil
	sessions []Session
}

// NewMonitor returns a monitor at work, until Stop.
func NewMonitor(cfg MonitorConfig) *Monitor {
	if cfg.Recent == nil {
		cfg.Recent = NewRecent()
	}
	if cfg.Stopping == nil {
		cfg.Stopping = func() bool { return false }
	}
	m := &Monitor{cfg: cfg, started: time.Now().UTC(), asks: make(chan chan *Status), quit: make(chan struct{}), ended: make(chan struct{}),
		histories: make(map[*proxy.Server]*history), last: make(map[*proxy.Server]*look)}
	m.host, _ = os.Hostname()
	go m.run()
	return m
}

// Stop ends the monitor. Status then gives what was made last.
func (m *Monitor) Stop() {
	close(m.quit)
	<-m.ended
}

// Status is Source's.
func (m *Monitor) Status() *Status {
	answer := make(chan *Status, 1) // one; never closed
	select {
	case m.asks <- answer:
		return <-answer
	case <-m.ended:
		if m.status == nil {
			return &Status{Version: m.cfg.Version, Host: m.host, Started: m.started, Now: time.Now().UTC(), Stopping: true}
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
	now *look // nil: it does not answer
}

// watch asks every loop, side by side, and notes what they answer. What is no longer there is
// forgotten.
func (m *Monitor) watch() []watched {
	var all []watched
	for _, s := range m.cfg.Subjects() {
		all = append(all, watched{Subject: s})
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i].now = lookAt(all[i].Server) })
	}
	wg.Wait()
	histories, last := make(map[*proxy.Server]*history), make(map[*proxy.Server]*look)
	for i := range all {
		s := all[i].Server
		if histories[s] = m.histories[s]; histories[s] == nil {
			histories[s] = new(history)
		}
		if last[s] = all[i].now; last[s] == nil {
			last[s] = m.last[s]
		}
	}
	m.histories, m.last = histories, last
	return all
}

// lookAt is nil when the loop does not answer in time.
func lookAt(s *proxy.Server) *look {
	sn := s.Snapshot()
	if sn == nil {
		return nil
	}
	l := &look{at: time.Now().UTC(), snapshot: sn}
	list, err := s.Sessions()
	if err != nil {
		return nil
	}
	for _, i := range list {
		l.sessions = append(l.sessions, Session{ID: i.ID, State: i.State.String(), ForSeconds: seconds(i.Since), AgeSeconds: seconds(i.Age),
			Commands: i.Commands, Doing: i.Doing, Own: i.Own, Listener: clean(i.Listener), Client: clean(i.Client)})
	}
	return l
}

// sample adds a row to each history.
func (m *Monitor) sample(all []watched) {
	for i := range all {
		if l := all[i].now; l != nil {
			m.histories[all[i].Server].add(rowOf(l.at, l.snapshot))
		}
	}
}
