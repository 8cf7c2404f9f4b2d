package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Registry is an EPP registry in memory. Its methods may be called from any goroutine.
type Registry struct {
	cfg     Config // immutable after New
	store   *store
	gate    *gate
	tally   *tally
	faults  *book
	record  *record  // nil unless Config.Record
	journal *journal // nil unless Config.Journal

	lastClTRID atomic.Pointer[string] // of the last command, kept for ClTRIDForeign only

	svPrefix string        // of svTRIDs; differs from one Registry to the next
	svSerial atomic.Uint64 // last number given out

	mu         sync.Mutex
	closed     bool
	lastNumber uint64 // of a connection
	listeners  map[net.Listener]struct{}
	sessions   map[*session]struct{}
	done       chan struct{}  // closed by Close, carries nothing
	running    sync.WaitGroup // Serve calls and sessions; Close waits for them
}

// New returns a registry that serves nothing yet.
func New(cfg Config) *Registry {
	cfg = cfg.withDefaults()
	r := &Registry{
		cfg:       cfg,
		store:     newStore(&cfg),
		gate:      newGate(&cfg),
		tally:     newTally(),
		faults:    newBook(cfg.Seed, cfg.Faults),
		svPrefix:  "SBX-" + strconv.FormatInt(time.Now().UnixNano(), 36) + "-",
		listeners: map[net.Listener]struct{}{},
		sessions:  map[*session]struct{}{},
		done:      make(chan struct{}),
	}
	r.journal = newJournal(cfg.Journal, cfg.Now)
	if cfg.Record {
		r.record = &record{times: map[string]Times{}}
	}
	if !cfg.Empty {
		r.seedExamples()
	}
	return r
}

// Serve accepts connections until the listener fails or Close is called. After Close it returns
// nil. The listener may be plain or TLS. Serve closes it.
func (r *Registry) Serve(ln net.Listener) error {
	if !r.enlist(ln) {
		ln.Close()
		return nil
	}
	defer r.running.Done()
	defer r.delist(ln)
	for {
		conn, err := ln.Accept()
		if err != nil {
			if r.isClosed() {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		if s := r.admit(conn); s != nil {
			go s.serve()
		}
	}
}

// ServeConn serves one connection until it ends, and closes it. It is for tests over net.Pipe.
func (r *Registry) ServeConn(conn net.Conn) {
	if s := r.admit(conn); s != nil {
		s.serve()
	}
}

// Close closes all listeners and connections and waits until their goroutines have ended. Observe
// must not call it. It may be called again.
func (r *Registry) Close() error {
	var errs []error
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.done)
	}
	listeners, sessions := r.listeners, r.sessions
	r.listeners, r.sessions = map[net.Listener]struct{}{}, map[*session]struct{}{}
	r.mu.Unlock()
	for ln := range listeners {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for s := range sessions {
		s.abort()
	}
	r.running.Wait()
	return errors.Join(errs...)
}

// Counters returns the counts so far.
func (r *Registry) Counters() Counters {
	c := r.tally.copy()
	c.Sessions, c.Ghosts = r.gate.sessions(), r.gate.ghosts()
	return c
}

// SessionInfo describes one open connection.
type SessionInfo struct {
	ID       uint64
	Account  string // empty before login
	Remote   string
	Since    time.Time
	Commands uint64 // hello included
}

// Sessions lists the open connections in the order of their opening.
func (r *Registry) Sessions() []SessionInfo {
	r.mu.Lock()
	open := make([]*session, 0, len(r.sessions))
	for s := range r.sessions {
		open = append(open, s)
	}
	r.mu.Unlock()
	out := make([]SessionInfo, 0, len(open))
	for _, s := range open {
		out = append(out, s.describe())
	}
	slices.SortFunc(out, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// enlist remembers a listener for Close. It reports false once the registry is closed.
func (r *Registry) enlist(ln net.Listener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.listeners[ln] = struct{}{}
	r.running.Add(1)
	return true
}

// delist forgets a listener and closes it.
func (r *Registry) delist(ln net.Listener) {
	r.mu.Lock()
	delete(r.listeners, ln)
	r.mu.Unlock()
	ln.Close()
}

func (r *Registry) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// admit makes a session of a connection. It returns nil once the registry is closed.
func (r *Registry) admit(conn net.Conn) *session {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		conn.Close()
		return nil
	}
	r.lastNumber++
	s := newSession(r, conn, r.lastNumber)
	r.sessions[s] = struct{}{}
	r.running.Add(1)
	r.mu.Unlock()
	r.tally.add(func(c *Counters) { c.Connections++ })
	r.journal.opened(s)
	return s
}

// forget removes a session that admit made.
func (r *Registry) forget(s *session) {
	r.mu.Lock()
	delete(r.sessions, s)
	r.mu.Unlock()
	r.running.Done()
}

func (r *Registry) nextSvTRID() string {
	return r.svPrefix + strconv.FormatUint(r.svSerial.Add(1), 10)
}
