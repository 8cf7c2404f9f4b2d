package pool

import "time"

// SessionState is where a session stands.
type SessionState uint8

// The states, in the words of metrics and of the status page.
const (
	SessionDialing   SessionState = iota // connecting, TLS, greeting, login
	SessionIdle                          // logged in, waiting for a command
	SessionBusy                          // one command in flight: a client's or our keepalive
	SessionDraining                      // our logout is in flight
	SessionClosing                       // carries nothing more; its socket is about to be closed
	NumSessionStates                     // for tables by state
)

func (s SessionState) String() string {
	return [...]string{"dialing", "idle", "busy", "draining", "closing"}[s]
}

// InFlight is the command of which a session waits for the answer.
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
	state     SessionState
	inFlight  InFlight
	recording bool          // x is to be written when it has been recorded; nothing of it is sent
	proven    bool          // has answered a command since its login
	x         *Exchange     // that it was handed; nil while idle, and for a command of our own
	charges   charges       // of the command in flight
	deadline  time.Duration // when the state must have changed, or something is due
	since     time.Duration // when the state began
	opened    time.Duration // when the login was answered
	fresh     time.Duration // when it last showed that it is logged in
	expires   time.Duration // when it is to be replaced; never when there is no max_age
	outdated  Cause         // why, then
	ticket    uint64        // of its last DoRecord
	commands  int           // sent since the login, ours included
	most      int           // commands after which it is to be replaced; 0: no such limit
	cause     Cause         // why it is draining or closing
	stale     Fresh         // what has changed since the attempt to open it began
	buckets   bucketSet
	rules     []Rule // that the buckets are of
}

// State is where the session stands.
func (s *Session) State() SessionState { return s.state }

// InFlight is the command of which the session waits for the answer. Octets that come while it is
// NothingInFlight are unasked for.
func (s *Session) InFlight() InFlight { return s.inFlight }

// Exchange is the client's exchange that the session was handed, or nil.
func (s *Session) Exchange() *Exchange { return s.x }

// Cause says why the session is draining or closing; CauseNone while it is not.
func (s *Session) Cause() Cause { return s.cause }

// Since is when the session's state began.
func (s *Session) Since() time.Duration { return s.since }

// Opened is when the session's login was answered; 0 before.
func (s *Session) Opened() time.Duration { return s.opened }

// Commands is the number of commands sent since the login, ours included.
func (s *Session) Commands() int { return s.commands }
