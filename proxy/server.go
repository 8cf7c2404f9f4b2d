package proxy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/frame"
	"eppmux/upstream"
)

// Services says what becomes of a login that lists services which the registry does not offer.
type Services uint8

const (
	ServicesAccept  Services = iota // it is accepted, and counted
	ServicesEnforce                 // it is refused, with 2307 or 2103
)

// UnknownOutcome says what a client sees of a transform that was sent and has no answer.
type UnknownOutcome uint8

const (
	UnknownClose UnknownOutcome = iota // its connection is closed, as a direct one would have been
	UnknownFail                        // result code 2400, with words that say so
)

// Config says how the clients of one registry are served. Zero values mean what the comments say.
type Config struct {
	Name      string // of the registry, in logs and metrics
	Listeners []Listener
	Upstream  upstream.Config // its Name, Logger, OnGreeting and OnDrained are set by New

	MaxClients      int           // 0: 50000
	MaxFrame        int           // octets of a client's payload; 0: 262144
	MaxAhead        int           // octets that a client may send ahead; 0: 1048576
	MaxHeld         int           // octets that may be held for all clients together; 0: 268435456
	IdleTimeout     time.Duration // of a client without a command; 0: none
	FrameTimeout    time.Duration // from a frame's first octet to its last; 0: 30 s
	GreetingTimeout time.Duration // a client's wait while no greeting has been learnt; 0: 10 s
	Services        Services
	// Users are the client ids that may log in, with their passwords; then nothing but hello, login
	// and logout is answered before. Nil: any login is right, and none is needed.
	Users          map[string]PasswordHash
	UnknownOutcome UnknownOutcome

	Logger *slog.Logger // nil: silent
}

// Counters count since the start. They are plain numbers that the loop owns; a scrape takes a copy.
type Counters struct {
	Closes         [numCloseReasons]uint64
	Faults         uint64 // frames that were refused here
	Disallowed     uint64 // commands that their listener does not allow
	ServicesDiffer uint64 // logins with services that the registry does not offer
	AcceptErrors   uint64 // failures of the host to take a client in
	LoginsRefused  [numRefusals]uint64
	NotLoggedIn    uint64 // commands before login, where it is needed
}

// Blamed is how many connections ended for a fault of the client.
func (c *Counters) Blamed() (n uint64) {
	for r, closes := range c.Closes {
		if closeReason(r).blames() {
			n += closes
		}
	}
	return n
}

// Hoarders is how many of those held parts of frames when too much was held for all clients
// together.
func (c *Counters) Hoarders() uint64 { return c.Closes[closedMemory] }

// Server serves the clients of one registry account: listeners, one event loop with all clients and
// sessions on it, and the account.
type Server struct {
	// Immutable after Start.
	name     string
	log      *slog.Logger
	loop     *loop
	account  *upstream.Account
	epoch    time.Time
	drained  chan struct{} // closed on the loop when the account has drained
	verifier *verifier
	proofKey [sha256.Size]byte
	cut      int // sessions that could not be logged out; set before drained is closed

	// Owned by whoever calls Start, Reload, Drain and Close, one after the other.
	listeners []*listener

	closing  sync.Once
	closeErr error // set by closing

	accepting   sync.WaitGroup // accept goroutines and TLS handshakes
	handshakes  handshakes
	maxClients  atomic.Int64
	maxAhead    atomic.Int64
	connections atomic.Int64 // accepted and not closed
	complaints  complaints   // about clients
	troubles    complaints   // about taking them in

	// Owned by the loop.
	cfg            Config
	scanner        frame.Scanner
	clients        *client // all of them
	nclients       int
	lastClient     uint64 // id
	held           int    // octets, see client.weigh
	timers         timers
	alarm          *upstream.Alarm
	out            []byte // message of our own being written
	greeting       []byte // payload; nil until it is learnt
	greetingDate   frame.Span
	greetingBuilt  time.Time
	greetingCached []byte
	offered        frame.Greeting
	svTRID         []byte
	svTRIDs        uint64
	users          map[string]*credential // by client id; nil: any login is right
	// of who is not in users: no password matches it, and it takes as long
	decoy       PasswordHash
	draining    bool
	counts      Counters
	blamed      blamed // last
	acceptError string // the last one
}

// New returns a server that Start lets work.
func New(cfg Config) *Server {
	setDefaults(&cfg)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{name: cfg.Name, cfg: cfg, log: cfg.Logger.With("registry", cfg.Name), epoch: time.Now(), drained: make(chan struct{})}
	s.complaints.log, s.troubles.log = s.log, s.log
	s.maxClients.Store(int64(cfg.MaxClients))
	s.maxAhead.Store(int64(cfg.MaxAhead))
	s.proofKey = newProofKey()
	s.setUsers(cfg.Users)
	return s
}

func setDefaults(cfg *Config) {
	setDefault(&cfg.MaxClients, 50_000)
	setDefault(&cfg.MaxFrame, 262_144)
	setDefault(&cfg.MaxAhead, 1_048_576)
	setDefault(&cfg.MaxHeld, 256<<20)
	setDefault(&cfg.FrameTimeout, 30*time.Second)
	setDefault(&cfg.GreetingTimeout, 10*time.Second)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Name is the registry's.
func (s *Server) Name() string { return s.name }

// Start opens the listeners, then the sessions. After an error nothing is left open.
func (s *Server) Start() error {
	for _, l := range s.cfg.Listeners {
		ln, err := listen(l)
		if err != nil {
			s.closeListeners()
			return err
		}
		s.listeners = append(s.listeners, ln)
	}
	loop, err := newLoop(s.log)
	if err != nil {
		s.closeListeners()
		return err
	}
	s.loop = loop
	s.verifier = newVerifier(loop.Post)
	go s.verifier.run()
	up := s.cfg.Upstream
	up.Name, up.Logger = s.cfg.Name, s.log
	up.OnGreeting = s.learn
	up.OnDrained = func(cut int) {
		s.cut = cut
		close(s.drained)
	}
	s.account = upstream.NewAccount(up, loop)
	s.alarm = upstream.NewAlarm(loop, s.clock, s.tick)
	loop.Post(s.account.Start)
	for _, ln := range s.listeners {
		s.serve(ln)
	}
	return nil
}

// serve begins to accept.
func (s *Server) serve(ln *listener) {
	s.accepting.Add(1)
	go s.accept(ln)
	s.log.Info("listening", "listener", ln.String())
}

// errDrainTimeout says that not everything ended in time.
var errDrainTimeout = errors.New("drain: not every session logged out in time")

const (
	// drainGrace is how long after the drain's deadline closing may take.
	drainGrace = 2 * time.Second

	// farewellPause is how long clients stay after the last session has been logged out. One that
	// is between two commands then hears "not sent" to the next, where the end of its connection
	// could cross it and leave it in doubt.
	farewellPause = 500 * time.Millisecond
)

// Drain takes no new clients, lets what waits and is in flight end within the given time, logs all
// sessions out and closes the clients. Then Close must be called.
func (s *Server) Drain(within time.Duration) error {
	s.closeListeners()
	for _, ln := range s.listeners {
		<-ln.ended
	}
	s.loop.Post(func() {
		s.draining = true
		s.account.Drain(within)
	})
	late := time.NewTimer(within + drainGrace)
	defer late.Stop()
	var err error
	select {
	case <-s.drained:
		if s.cut > 0 {
			err = fmt.Errorf("%w: %d closed without", errDrainTimeout, s.cut)
		}
	case <-late.C:
		err = errDrainTimeout
	}
	s.leftBy(min(within, farewellPause))
	s.farewell()
	return err
}

// farewell closes the clients that are left in such a way that they can read their last answers.
func (s *Server) farewell() {
	done := make(chan struct{})
	s.loop.Post(func() {
		defer close(done)
		for c, next := s.clients, (*client)(nil); c != nil; c = next {
			next = c.next
			c.linger(closedShutdown)
		}
	})
	<-done
	s.leftBy(lingerTimeout / 2)
}

// leftBy waits until all clients have gone, for the given time at most.
func (s *Server) leftBy(within time.Duration) {
	for deadline := time.Now().Add(within); s.connections.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
}

// Close closes everything at once and waits for it; called again, it waits for the first call and
// returns the same.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.closeListeners()
		s.handshakes.stop()
		s.accepting.Wait()
		s.verifier.stop()
		s.account.Close()
		s.closeErr = s.loop.stop()
		s.alarm.Stop()
	})
	return s.closeErr
}

func (s *Server) closeListeners() {
	for _, ln := range s.listeners {
		ln.close()
	}
}

func (s *Server) clock() time.Duration { return time.Since(s.epoch) }

// tick looks at the clients whose timers have come.
func (s *Server) tick() {
	now := s.clock()
	for c := s.timers.due(now); c != nil; c = s.timers.due(now) {
		c.due(now)
	}
	s.rearm()
}

func (s *Server) rearm() { s.alarm.Before(s.timers.next()) }

// opened takes a client in, on the loop.
func (s *Server) opened(c *client) {
	s.lastClient++
	c.id = s.lastClient
	if c.next = s.clients; c.next != nil {
		c.next.prev = c
	}
	s.clients = c
	s.nclients++
}

// forget takes a client out, on the loop.
func (s *Server) forget(c *client) {
	s.timers.remove(c)
	if c.next != nil {
		c.next.prev = c.prev
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.clients = c.next
	}
	s.nclients--
	s.connections.Add(-1)
}

func (s *Server) closed(r closeReason) { s.counts.Closes[r]++ }

const svTRIDDigits = "0123456789abcdef"

// nextSvTRID is the svTRID of a message of our own: "eppmux-", the time of the start and a running
// number. Borrowed until the next call.
func (s *Server) nextSvTRID() []byte {
	s.svTRIDs++
	s.svTRID = append(s.svTRID[:0], "eppmux-"...)
	s.svTRID = appendHex(s.svTRID, uint64(s.epoch.UnixMicro()), 14)
	s.svTRID = append(s.svTRID, '-')
	s.svTRID = appendHex(s.svTRID, s.svTRIDs, 8)
	return s.svTRID
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, svTRIDDigits[v>>(4*i)&15])
	}
	return dst
}
