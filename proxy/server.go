package proxy

import (
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// Services says what is done with a login that lists services which the registry does not offer.
type Services uint8

const (
	ServicesAccept  Services = iota // it is accepted, and counted
	ServicesEnforce                 // it is refused, with 2307 or 2103
)

// Encodings says what is done with frames of clients in single-octet encodings such as ISO-8859-1,
// where they hold more than ASCII.
type Encodings uint8

const (
	EncodingsAccept Encodings = iota // they go on as UTF-8
	EncodingsRefuse                  // they are refused, with 2001
)

// UnknownOutcome says what a client sees of a transform that was sent and has no answer.
type UnknownOutcome uint8

const (
	UnknownClose UnknownOutcome = iota // its connection is closed, as a direct one would have been
	UnknownFail                        // result code 2400, with words that say so
)

// Config says how the clients of one registry are served. Zero values mean what the comments say.
type Config struct {
	Listeners []Listener

	MaxClients int // 0: 50000
	MaxFrame   int // octets of a client's payload, without the header; 0: 262144
	MaxAhead   int // octets that a client may send ahead; 0: 1048576
	// MaxMemory is how much memory may be taken for octets of all clients together, in octets; 0:
	// 268435456. See setBounds.
	MaxMemory       int
	IdleTimeout     time.Duration // of a client without a command; 0: none
	FrameTimeout    time.Duration // from a frame's first octet to its last; 0: 30 s
	GreetingTimeout time.Duration // a client's wait while no greeting has been learnt; 0: 10 s
	Services        Services
	Encodings       Encodings
	// Users are the client ids that may log in, with their passwords. A client must log in before
	// its first command; hello and logout need no login. Nil: any login is right, and none is
	// needed.
	Users          map[string]PasswordHash
	UnknownOutcome UnknownOutcome
	Poll           PollPolicy
	PollLease      time.Duration // under PollExclusive, from when a client is given a message; 0: 60 s
	// PollWait is how long another client's poll request waits for the message queue, under
	// PollExclusive, before it is answered that there are no messages; 0: not at all.
	PollWait time.Duration

	Logger *slog.Logger // nil: silent
}

// Counters count since the start. The loop owns them; a scrape takes a copy.
type Counters struct {
	Closes         [numCloseReasons]uint64
	Faults         uint64 // frames that were refused here, unknown commands too
	Disallowed     uint64 // commands that their listener does not allow
	ServicesDiffer uint64 // logins with services that the registry does not offer
	AcceptErrors   uint64 // failures of the host to take a client in
	LoginsRefused  [numRefusals]uint64
	NotLoggedIn    uint64 // commands before login, where it is needed
	PollsHeld      uint64 // polls that were answered here since another client had the message queue
	PollsLapsed    uint64 // leases of the message queue that ended without an acknowledgement
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

// Hoarders is how many connections ended because all clients together took too much memory, and
// they held most.
func (c *Counters) Hoarders() uint64 { return c.Closes[closedMemory] }

// Server serves the clients of one registry account, on the account's loop.
type Server struct {
	// Immutable after New.
	log      *slog.Logger
	loop     loop.Loop
	account  *upstream.Account
	epoch    time.Time
	verifier *verifier
	proofKey [sha256.Size]byte
	left     chan struct{} // holds one when the last connection has gone; not closed

	// Owned by the caller of Listen, Serve, Reload, Refuse, Farewell and Close, one after the
	// other.
	listeners []*listener
	serving   bool // Serve was called

	closing sync.Once

	// Used by any goroutine.
	accepting   sync.WaitGroup // goroutines of accept and shakeHands
	handshakes  loop.Handshakes
	maxClients  atomic.Int64
	maxAhead    atomic.Int64
	connections atomic.Int64               // accepted and not closed
	root        atomic.Pointer[frame.Root] // of the registry's greeting; nil until it is learnt
	complaints  complaints                 // about clients
	troubles    complaints                 // about taking them in

	// Owned by the loop.
	cfg            Config // but for the Logger, of New; see Reload
	scanner        frame.Scanner
	clients        *client // all of them
	nclients       int
	identities     map[identityKey]*identity
	shares         map[shareKey]*share
	crowds         pool.Heap[*share] // all of them; the one with most connections first
	idlers         idlers
	known          ledger // of clients that may send commands
	strangers      ledger
	memory         int // octets held for all clients, see client.weigh
	handling       int // calls of handle on the stack
	timers         timers
	alarm          *loop.Alarm
	out            []byte         // message of our own being written, see client.reply
	greeting       []byte         // payload; nil until it is learnt
	greetingFault  string         // why the registry's last greeting was not; empty: it was
	greetingDate   frame.Span     // of svDate in it
	greetingBuilt  time.Time      // when greetingCached was made
	greetingCached []byte         // see greetingUnit
	offered        frame.Greeting // by the registry
	svTRID         []byte         // see nextSvTRID
	svTRIDs        uint64
	users          map[string]*credential // by client id; nil: any login is right
	doubts         doubts                 // see line
	polls          polls
	decoy          PasswordHash // for unknown client ids: no password matches, and it takes as long
	counts         Counters
	blamed         blamed // last
	acceptError    string // the last one
}

// New returns a server of account's clients. It lives on the account's loop.
func New(cfg Config, account *upstream.Account) *Server {
	setDefaults(&cfg)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: cfg.Logger, loop: account.Loop(), account: account, epoch: time.Now(),
		left: make(chan struct{}, 1), verifier: newVerifier(account.Loop().Post), proofKey: newProofKey(),
		doubts: make(doubts)}
	s.complaints.log, s.troubles.log = s.log, s.log
	s.handshakes.Max = handshakesMax
	s.maxClients.Store(int64(cfg.MaxClients))
	s.maxAhead.Store(int64(cfg.MaxAhead))
	s.identities, s.shares = map[identityKey]*identity{}, map[shareKey]*share{}
	s.setBounds()
	s.setUsers(cfg.Users)
	s.setEncodings()
	s.alarm = loop.NewAlarm(s.loop, s.clock, s.tick)
	s.polls.init(s)
	return s
}

// setDefaults replaces the zero values of cfg.
func setDefaults(cfg *Config) {
	setDefault(&cfg.MaxClients, 50_000)
	setDefault(&cfg.MaxFrame, 262_144)
	setDefault(&cfg.MaxAhead, 1_048_576)
	setDefault(&cfg.MaxMemory, 256<<20)
	setDefault(&cfg.FrameTimeout, 30*time.Second)
	setDefault(&cfg.GreetingTimeout, 10*time.Second)
	setDefault(&cfg.PollLease, time.Minute)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Name is the name of the registry.
func (s *Server) Name() string { return s.account.Name() }

// Account is the account that the clients use.
func (s *Server) Account() *upstream.Account { return s.account }

// Listen opens the listeners; clients that connect wait until Serve. After an error nothing is left
// open.
func (s *Server) Listen() error {
	for _, l := range s.cfg.Listeners {
		ln, err := listen(l)
		if err != nil {
			s.closeListeners()
			s.listeners = nil
			return err
		}
		s.listeners = append(s.listeners, ln)
	}
	return nil
}

// Serve begins to take clients. The account has been started.
func (s *Server) Serve() {
	s.serving = true
	go s.verifier.run()
	s.loop.Post(func() { s.account.OnGreeting(s.learn) })
	for _, ln := range s.listeners {
		s.serve(ln)
	}
}

// serve begins to accept.
func (s *Server) serve(ln *listener) {
	s.accepting.Add(1)
	go s.accept(ln)
	s.log.Info("listening", "listener", ln.String())
}

// farewellPause is how long clients stay after the last session has been logged out. A client that
// is between two commands then hears "not sent" to the next. If its connection ended at once, the
// end could cross the command and leave the client in doubt.
const farewellPause = 500 * time.Millisecond

// Refuse closes the listeners; connected clients stay. It returns when the last client that had
// connected before is on the loop, or in its TLS handshake.
func (s *Server) Refuse() {
	s.closeListeners()
	for _, ln := range s.listeners {
		if s.serving {
			<-ln.ended
		}
	}
}

// Farewell closes the clients that have not left within farewellPause, or within the given time if
// that is shorter. They can read their last answers before. It is called after Refuse, when the
// account has been drained.
func (s *Server) Farewell(within time.Duration) {
	s.awaitLast(min(within, farewellPause))
	done := make(chan struct{}) // closed on the loop
	s.loop.Post(func() {
		defer close(done)
		s.each(func(c *client) {
			c.handle(func() { c.linger(closedShutdown) })
		})
	})
	<-done
	s.awaitLast(lingerTimeout / 2)
}

// awaitLast waits until all clients have gone, for the given time at most.
func (s *Server) awaitLast(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	for s.connections.Load() > 0 {
		select {
		case <-s.left:
		case <-late.C:
			return
		}
	}
}

// disconnected counts a connection as gone.
func (s *Server) disconnected() {
	if s.connections.Add(-1) == 0 {
		select {
		case s.left <- struct{}{}:
		default:
		}
	}
}

// Close closes the listeners and all clients at once, and waits until nothing of the server is left
// on the loop, which must still run. Called again, it waits for the first call.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.closeListeners()
		s.handshakes.Stop()
		s.accepting.Wait()
		if s.serving {
			s.verifier.stop()
		}
		done := make(chan struct{}) // closed on the loop
		s.loop.Post(func() {
			defer close(done)
			s.each(func(c *client) { c.close(closedShutdown) })
			s.alarm.Stop()
			s.polls.alarm.Stop()
		})
		<-done
	})
}

// each calls f for all clients, on the loop; f may close the client.
func (s *Server) each(f func(*client)) {
	for c, next := s.clients, (*client)(nil); c != nil; c = next {
		next = c.next
		f(c)
	}
}

// closeListeners closes the listeners; those that are closed already stay so.
func (s *Server) closeListeners() {
	for _, ln := range s.listeners {
		ln.close()
	}
}

// clock is the time since New; clients' instants are by this clock.
func (s *Server) clock() time.Duration { return time.Since(s.epoch) }

// tick looks at the clients whose timers have come.
func (s *Server) tick() {
	now := s.clock()
	for c := s.timers.due(now); c != nil; c = s.timers.due(now) {
		c.due(now)
	}
	s.alarm.Before(s.timers.next())
}

// addClient takes a client in, on the loop.
func (s *Server) addClient(c *client) {
	c.id = s.account.NextID()
	if c.next = s.clients; c.next != nil {
		c.next.prev = c
	}
	s.clients = c
	s.nclients++
}

// removeClient takes a client out, on the loop.
func (s *Server) removeClient(c *client) {
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
	s.disconnected()
}

// countClose counts the end of a client's connection.
func (s *Server) countClose(r closeReason) { s.counts.Closes[r]++ }

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

// appendHex appends v with that many hexadecimal digits.
func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, svTRIDDigits[v>>(4*i)&15])
	}
	return dst
}
