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
	Name       string // of the config; a listener's peer where nobody need log in
	Listener   string // address
	Client     string // the peer's address, or its user on a unix socket
	Weight     uint8  // share beside clients of EPP; 0: 1
	Registries []string
	Commands   *pool.CommandSet // that the user may send; nil: all
}

// Registry is one account that the gateway may use. Immutable but for what Account does inside.
type Registry struct {
	Name      string
	Address   string   // host:port, as in the config
	Zones     []string // suffixes of names, in lower case, without a dot in front: it, co.uk
	CheckMax  int      // names in one check
	HostAttr  bool     // name servers are written as attributes (RFC 5731 section 1.1)
	Reconcile bool
	Account   *upstream.Account
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
	ErrForbidden  = errors.New("the user may not do this")
	ErrKeyReused  = errors.New("the key was used for another request")
	ErrKeyStorage = errors.New("the key cannot be written down")
)

// Carrier carries orders. From any goroutine.
type Carrier struct{ table Table }

// Table remembers what became of the transforms that have a key. Package keys has one in a file.
type Table interface {
	// Begin claims key for user. entry is what is known of it when first is false; first is
	// true for the one caller that shall send the command, and only once the claim would outlive the
	// process. It waits while another caller's is in flight. ErrKeyReused: the digest differs.
	Begin(ctx context.Context, user, registry string, key *Key, transform []byte) (entry Entry, first bool, err error)
	// End writes down what became of it. NotSent takes the claim back.
	End(user, registry string, key *Key, a Answer) error
}

// Entry is what a Table knows of a key.
type Entry struct {
	Outcome Outcome
	Code    int
	Payload []byte // of the answer
	MuxTRID string
	Command []byte // the payload that was sent, without passwords; for reconciling
	Sent    time.Time
	Settled bool
}

// New returns a Carrier. table nil: keys are refused with ErrKeyStorage.
func New(table Table) *Carrier { return &Carrier{table: table} }

// Do carries an order and returns how it ended. When ctx ends first, a command that waits is not sent,
// and one that was sent is Unknown to this caller; its answer is still recorded for a repeat.
// An error is one of this package's, or a *mapping.Fault.
func (c *Carrier) Do(ctx context.Context, o Order) (Answer, error) { panic("not built") }
