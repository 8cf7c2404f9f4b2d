package upstream

import "time"

// SessionState is where a session stands.
type SessionState uint8

const (
	SessionDialing  SessionState = iota // connecting, TLS, greeting, login
	SessionIdle                         // logged in, waiting for a command
	SessionBusy                         // one command in flight: a client's or our keepalive
	SessionDraining                     // our logout is in flight
	SessionClosing                      // carries nothing more; its socket is about to be closed
	numSessionStates
)

func (s SessionState) String() string {
	return [...]string{"dialing", "idle", "busy", "draining", "closing"}[s]
}

// Session is what the Pool knows of one authenticated connection to the registry. The Pool owns it;
// the shell may keep its own part in Transport.
type Session struct {
	ID        uint64 // from 1, never used again in this process
	Transport any    // the shell's

	state      SessionState
	x          *Exchange     // in flight; nil while idle, and for a command of our own
	charges    charges       // of what is in flight
	deadline   time.Duration // when the state must have changed, or something is due
	since      time.Duration // when the state began
	opened     time.Duration // when the login was answered
	fresh      time.Duration // when it last showed that it is logged in
	expires    time.Duration // when it is to be replaced; never when there is no max_age
	outdated   Cause         // why, then
	turn       uint64        // rises with each exchange that is announced
	commands   int           // sent since the login, ours included
	most       int           // commands after which it is to be replaced; 0: no such limit
	announcing bool          // x is to be written when it has been announced; nothing of it is sent
	proven     bool          // has answered a command since its login
	cause      Cause         // why it is draining or closing
	stale      Fresh         // what has changed since the attempt to open it began
	buckets    bucketSet
	rules      []Rule // that the buckets are of
}

// State says where the session stands.
func (s *Session) State() SessionState { return s.state }

// Exchange is the client's exchange in flight, or nil.
func (s *Session) Exchange() *Exchange { return s.x }

// Cause says why the session is draining or closing; CauseNone while it is not.
func (s *Session) Cause() Cause { return s.cause }
