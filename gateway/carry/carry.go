package carry

import (
	"context"
	"errors"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// User is who sends a request, as the gateway has found out. Immutable.
type User struct {
	Name       string           // of the config; a listener's peer where nobody need log in
	Listener   string           // address
	Client     string           // the peer's address, or its user on a unix socket
	Weight     uint8            // share beside clients of EPP; 0: 1
	Registries []string         // names of those that the user may use; empty: all
	Commands   *pool.CommandSet // that the user may send; nil: all
}

// Registry is one account that the gateway may use. Immutable but for what Account does inside.
type Registry struct {
	Name      string
	Address   string   // host:port, as in the config
	Zones     []string // suffixes of names, in lower case, without a dot in front: it, co.uk
	CheckMax  int      // names in one check
	HostAttr  bool     // name servers are written as attributes (RFC 5731 section 1.1)
	Reconcile bool     // what is unknown is settled by a look at the registry, see settle.go
	// ClID is the client id of Account's login, by which the registry calls us in clID and crID; empty:
	// nothing is settled, see Reconcile.
	ClID    string
	Account *upstream.Account
}

// Order is one command to be carried.
type Order struct {
	User     *User
	Registry *Registry
	Command  mapping.Command // nil: Payload is the command
	Payload  []byte          // XML of a command, for Command nil
	// RequestID becomes the clTRID of the command: 3 to 64 visible ASCII characters. So the audit log,
	// and the registry's, have it.
	RequestID string
	// Key makes a transform repeatable, see package keys; empty: it is not.
	Key *Key
}

// Key is what the caller calls one change by. The same Name with another Digest is refused.
type Key struct {
	Name   string   // 1 to 255 octets
	Digest [32]byte // of all that makes the request: method, path, body
}

// Outcome is the word for what became of a command.
type Outcome string

const (
	Answered Outcome = "answered"
	NotSent  Outcome = "not_sent"
	Unknown  Outcome = "unknown"
)

// Answer is what became of a command.
type Answer struct {
	Outcome    Outcome
	Cause      pool.Cause        // CauseNone for Answered
	RetryAfter time.Duration     // for NotSent: when it may be tried again
	Response   *mapping.Response // Answered only
	Payload    []byte            // the registry's answer as XML; Answered only
	MuxTRID    string            // the id under which the registry knows the command; may be empty
	Replayed   bool              // it is the answer to an earlier request with the same Key
	Settled    bool              // found out by a look at the registry, see Registry.Reconcile
}

// Errors of Do, of which nothing was sent.
var (
	ErrForbidden   = errors.New("the user may not do this")
	ErrKeyReused   = errors.New("the key was used for another request")
	ErrKeyInFlight = errors.New("the request with this key is still under way")
	ErrKeyStorage  = errors.New("the key cannot be written down")
)

// Table remembers what became of the transforms that have a key. Package keys has one in a file.
type Table interface {
	// Begin claims key for user. entry is what is known of it when first is false; first is
	// true for the one caller that shall send the command, and only once the claim would outlive the
	// process. It waits while another caller's is in flight: ErrKeyInFlight when ctx ends first.
	// ErrKeyReused: the digest differs. ErrKeyStorage: the claim cannot be written.
	Begin(ctx context.Context, user, registry string, key *Key, transform []byte) (entry Entry, first bool, err error)
	// End writes down what became of it: of one that Begin gave to its caller, or of one that is Unknown
	// and is Settled. NotSent takes the claim back. After an error the process still knows it.
	End(user, registry string, key *Key, a Answer) error
}

// Entry is what a Table knows of a key.
type Entry struct {
	Outcome Outcome
	Code    int
	Payload []byte // of the answer
	MuxTRID string
	Command []byte    // the payload that was sent, without passwords; for reconciling
	Sent    time.Time // when it was claimed, which is before it was sent
	Until   time.Time // Unknown: when it was given up, or when the process began that found it without an end
	Settled bool
}
