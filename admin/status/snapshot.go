package status

import (
	"time"

	"eppmux/audit"
	"eppmux/upstream"
)

// Subject is a registry to be watched: how to look at it, and what the config says of it.
// Immutable.
type Subject struct {
	Name string
	// Looker is also the identity of the subject: a registry that comes back with another one after
	// a reload has no history.
	Looker                   Looker
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
	// Unresolved is how many transforms of unknown outcome the audit log has for the registry that
	// nobody has resolved, and when the oldest was sent; known is not set while the log is not read
	// yet. Nil: none is kept.
	Unresolved func() (n int, oldest time.Time, known bool)
}

// Looker is an account at a registry that can be looked at. Its dynamic type must be comparable.
type Looker interface {
	// Look returns how the account is now, or nil if it does not answer. It may be called from any
	// goroutine, several at a time, and may take a second or two. The result is the caller's.
	Look() *Snapshot
}

// Snapshot is an account and its clients as one moment shows them.
type Snapshot struct {
	At       time.Time
	Account  upstream.Snapshot
	Sessions []upstream.SessionInfo
	Clients  ClientsSnapshot
}

// ClientsSnapshot are the clients of an account as one moment shows them. The counts are sums since
// the start.
type ClientsSnapshot struct {
	Connected         int
	Memory, MaxMemory int    // octets kept for all clients together, and their bound
	Faults            uint64 // frames that were refused
	Closed            uint64 // connections that were closed for a fault of the client
	Hoarders          uint64 // those of Closed that left for want of memory for all clients
	AcceptErrors      uint64 // clients that the host could not take in
	Blame             *Blame // the client that was at fault last; nil: none was
	AcceptError       string // why a client could not be taken in, the last time; empty: all could
	Greets            bool   // clients are greeted
	GreetingFault     string // why the registry's last greeting was not passed on to clients; empty: it was
}

// ungreeted reports whether clients are not greeted, whatever sessions there are.
func (c *ClientsSnapshot) ungreeted() bool { return !c.Greets && c.GreetingFault != "" }
