package cluster

import "context"

// Table is a set of records at an Engine, by key.
type Table uint8

const (
	Leases     Table = iota // by account, see Lease
	Ledgers                 // by account: what its owner must remember, opaque
	Members                 // by host, see Member
	Identities              // by number, of muxTRIDs
	Settings                // by name, of the whole cluster
	NumTables
)

func (t Table) String() string {
	return [NumTables]string{"leases", "ledgers", "members", "identities", "settings"}[t]
}

// Tables are all of them.
var Tables = []Table{Leases, Ledgers, Members, Identities, Settings}

// Record is what stands at a key of a table. A nil Value is none.
type Record struct {
	Table Table
	Key   string // printable ASCII without spaces and slashes, 1 to 64 octets
	Value []byte // at most MaxValue octets
}

// MaxValue is the longest value that an Engine must take, in octets.
const MaxValue = 256 << 10

// Engine is a store that all members of a cluster reach. Its methods may be called from any goroutine,
// except the loops': they block until ctx ends.
//
// An Engine promises that Swap compares and sets in one step. It may be slow, fail, forget, or return
// to what it had before: the lease allows for that. A store that acknowledges a Swap and has another
// one succeed from the old value, as parts of a replicated store that have lost each other do, may
// have two owners for as long.
type Engine interface {
	// Name is the word for the engine in logs, metrics and status: "etcd", "redis".
	Name() string
	// Load returns the records of a table by key.
	Load(ctx context.Context, t Table) (map[string][]byte, error)
	// Get returns one record; nil: there is none.
	Get(ctx context.Context, t Table, key string) ([]byte, error)
	// Swap sets the record of r.Key to r.Value if it is old, octet for octet, and in the same step the
	// records of with, whatever they are. A nil value is none: a nil old wants it absent, a nil
	// r.Value removes it. It reports whether it did; otherwise now is the record that is there. After
	// an error nobody knows whether it did, or still will.
	Swap(ctx context.Context, r Record, old []byte, with ...Record) (done bool, now []byte, err error)
	// Watch calls changed, from any goroutine, when records of Leases or Members may have changed in a
	// way that Tells tells, until ctx ends. It is a hint: it may say so too often, and be silent where
	// something changed.
	Watch(ctx context.Context, changed func())
	// Close ends the connections. No method is called afterwards.
	Close() error
}
