package peer

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/lane"
)

// Server takes the lanes of all accounts of this host.
type Server struct {
	// Immutable after New.
	cfg Config
	log *slog.Logger
	see func(*upstream.Account) account // how desks see an account; a test's own

	closing sync.Once

	// Owned by the caller of Listen, Serve, Refuse and Close, one after the other.
	ln net.Listener

	// Used by any goroutine.
	stopping   atomic.Bool    // the listener is being closed
	working    sync.WaitGroup // goroutines of accept and receive
	openings   loop.Handshakes
	complaints complaints

	mu     sync.Mutex
	desks  map[string]*desk // by key of the account; guarded by mu
	shut   bool             // no desk takes a lane any more; guarded by mu
	counts Counters         // guarded by mu; but for Accounts
}

// New returns a server of lanes.
func New(cfg Config) *Server {
	setDefaults(&cfg)
	s := &Server{cfg: cfg, log: cfg.Logger, desks: make(map[string]*desk),
		see: func(a *upstream.Account) account { return a }}
	s.openings.Max = openingsMax
	s.complaints.init(cfg.Logger)
	s.counts.Failed, s.counts.Refused = make(map[string]uint64), make(map[lane.Refusal]uint64)
	return s
}

// Listen opens the listener; followers that connect wait until Serve.
func (s *Server) Listen() (err error) {
	if s.ln, err = net.Listen("tcp", s.cfg.Address); err != nil {
		return fmt.Errorf("listen for lanes at %s: %w", s.cfg.Address, err)
	}
	return nil
}

// Addr is the address of the listener, with a port that the system chose. After Listen.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Serve begins to take lanes.
func (s *Server) Serve() {
	s.working.Add(1)
	go s.accept()
	s.log.Info("listening for lanes", "listener", s.ln.Addr().String())
}

// accept takes connections until the listener is closed. It runs on a goroutine of its own; Close waits
// for it.
func (s *Server) accept() {
	defer s.working.Done()
	loop.Accept(s.ln, &s.stopping, s.take, s.notTaken)
}

// Refuse closes the listener and ends all lanes in good order: what waits moves, what is in flight ends.
// It does not wait for that.
func (s *Server) Refuse() {
	s.closeListener()
	for _, d := range s.close() {
		d.loop.Post(d.leave)
	}
}

// Close closes the listener and all lanes at once, and waits until nothing of the server is left on any
// loop; those must still run. Called again, it waits for the first call.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.closeListener()
		s.openings.Stop()
		s.working.Wait()
		for _, d := range s.close() {
			d.end()
		}
	})
}

// Forget ends all lanes to an account that this host serves no longer, and waits for it. Its loop must
// still run.
func (s *Server) Forget(account *upstream.Account) {
	s.mu.Lock()
	var gone *desk
	for key, d := range s.desks {
		if d.account == s.see(account) {
			gone = d
			delete(s.desks, key)
		}
	}
	s.mu.Unlock()
	if gone != nil {
		gone.end()
	}
}

func (s *Server) closeListener() {
	if !s.stopping.Swap(true) && s.ln != nil {
		_ = s.ln.Close()
	}
}

// close lets no more lanes in, and returns the desks.
func (s *Server) close() []*desk {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	all := make([]*desk, 0, len(s.desks))
	for _, d := range s.desks {
		all = append(all, d)
	}
	return all
}

// deskOf returns the desk of the account of a key; nil after Refuse or Close. One that was there for
// another account of that key ends.
func (s *Server) deskOf(key string, account *upstream.Account) *desk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return nil
	}
	d, seen := s.desks[key], s.see(account)
	if d == nil || d.account != seen {
		if d != nil {
			d.loop.Post(d.leave)
		}
		d = newDesk(s, key, seen)
		s.desks[key] = d
	}
	return d
}
