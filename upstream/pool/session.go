package pool

import "time"

// SessionState is a stage in the life of a session.
type SessionState uint8

// The states, in the words of metrics and of the status page.
const (
	SessionDialing   SessionState = iota // connecting, TLS, greeting, login
	SessionIdle                          // logged in, waiting for a command
	SessionBusy                          // one command in flight: a client's or our keepalive
	SessionDraining                      // our logout is in flight
	SessionClosing                       // carries nothing more; its connection is about to be closed
	NumSessionStates                     // for tables by state
)

func (s SessionState) String() string {
	return [...]string{"dialing", "idle", "busy", "draining", "closing"}[s]
}

// InFlight is the kind of the command whose answer a session waits for.
type InFlight uint8

// The commands, in the words of the status page.
const (
	NothingInFlight InFlight = iota
	CommandInFlight          // of a client, see Session.Exchange
	HelloInFlight            // our keepalive
	PollInFlight             // our keepalive
	LogoutInFlight           // ours
	numInFlightKinds
)

func (f InFlight) String() string {
	return [numInFlightKinds]string{"", "command", "hello", "poll", "logout"}[f]
}

// Session is what the Pool knows of one authenticated connection to the registry, and owns.
type Session struct {
	ID    uint64 // from 1, never used again by this Pool; immutable
	Shell any    // the shell's; the Pool does not look at it

	// Owned by the Pool.
	lane       bool // it leads to the host that owns the account; immutable
	apart      bool // it is of another role, and has no place among those of this one
	aborted    bool // DoAbort was asked for
	laneLost   bool // its end is counted, see laneLost
	state      SessionState
	inFlight   InFlight
	recording  bool          // x waits for its record; nothing of it is sent
	proven     bool          // has answered a command since its login
	x          *Exchange     // the client's exchange in flight; nil: none, or a command of our own
	charges    charges       // of the command in flight
	deadline   time.Duration // when the state must have changed, or something is due
	since      time.Duration // when the state began
	opened     time.Duration // when the login was answered
	loggedInAt time.Duration // when it last showed that it is logged in
	expires    time.Duration // when it is to be replaced; never: by no instant
	outdated   Cause         // for which it expires
	ticket     uint64        // of its last DoRecord
	commands   int           // sent since the login, ours included
	answers    int           // to commands since the login, ours included; not to hellos
	most       int           // commands after which it is to be replaced; 0: no such limit
	cause      Cause         // for which it is draining or closing
	stale      LoginChange   // since the attempt to open it began; see ofOld
	beside     bool          // others were live when it was opened
	wasIdle    bool          // its state was SessionIdle when it ended
	told       time.Duration // for which the registry says that it wants nothing, see ToldToWait
	ghost      bool          // it is closed while the registry may be at work on what it was sent
	buckets    bucketSet     // of session scope
	rules      []Rule        // that the buckets belong to
	rests      time.Duration // until when it is not used, while it is idle
	services   string        // that its login asks for, see offers; empty: not known
	codes      codes

	// Whether it is logged in, see login.go.
	doubted  *Exchange     // whose answer is held until a poll of ours is answered; nil: none
	honestAt time.Duration // when a poll has shown last that such an answer was honest; never: none has
	askAt    time.Duration // when it is to be asked by a poll, while it is idle; 0: it is not
	passed   bool          // an answer has gone to its client since the last one that showed the login
	verify   bool          // opened behind a loss that only a refused poll has told
	shown    bool          // an answer to a client's command has shown the login
	doubtful int           // such answers in a row

	// The last client's command that was answered: whose it was, when it was sent, and when it was
	// answered; never: none was.
	answeredFor              Author
	answeredAs               standing
	answeredSent, answeredAt time.Duration
	blame                    *Blame // on whose command its end is blamed; nil: on none
}

// State returns the session's stage.
func (s *Session) State() SessionState { return s.state }

// InFlight returns the kind of the command whose answer the session waits for. Octets that come
// while it is NothingInFlight are unasked for.
func (s *Session) InFlight() InFlight { return s.inFlight }

// Exchange returns the client's exchange in flight on the session, or about to be written there;
// nil where there is none.
func (s *Session) Exchange() *Exchange { return s.x }

// Cause returns why the session is draining or closing; CauseNone while it is not.
func (s *Session) Cause() Cause { return s.cause }

// Since returns when the session's state began.
func (s *Session) Since() time.Duration { return s.since }

// Opened returns when the session's login was answered; 0 before.
func (s *Session) Opened() time.Duration { return s.opened }

// Blame returns on whose command the session's end is blamed; nil: on none. It is known when Closed
// returns.
func (s *Session) Blame() *Blame { return s.blame }

// Commands returns the number of commands sent since the login, ours included.
func (s *Session) Commands() int { return s.commands }

// toldMin and toldMax bound the time for which a registry may say that it wants nothing.
const (
	toldMin = time.Second
	toldMax = 10 * time.Minute
)

// ToldToWait says that the answer of which the pool is about to be told, by Throttled or by OpenFailed
// for CauseThrottled, names a time to wait.
func (s *Session) ToldToWait(d time.Duration) { s.told = min(max(d, toldMin), toldMax) }
