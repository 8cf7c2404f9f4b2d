package cluster

import "time"

// Snapshot is what a Node knows, for status and metrics. Instants are by this host's wall clock.
type Snapshot struct {
	Cluster string
	Host    string
	TTL     time.Duration
	Engine  EngineState
	Members []MemberState // this host too; by Host
	// MaxSkew is by how much the wall clocks of two members may differ.
	MaxSkew time.Duration
	// Twin is the peer address of another process that goes by the name of this host; empty: none was
	// seen.
	Twin string
	// Accounts are those that take part, in the order in which they were joined.
	Accounts []AccountState
}

// Static is EngineState.Name where there is no engine.
const Static = "static"

// EngineState is how the engine answers.
type EngineState struct {
	Name  string    // see Engine.Name; Static without one
	Up    bool      // the last request was answered
	Since time.Time // when Up became what it is
	Err   string    // of the last request; empty: it was answered
	// Requests are counts of requests since the start, and how long they took together.
	Requests uint64
	Took     time.Duration
	Failures uint64
}

// MemberState is a host of the cluster.
type MemberState struct {
	Host    string
	Peer    string // host:port, where it takes lanes
	Version string // of the program
	Self    bool
	Alive   bool // its record has changed within a ttl
	Leaving bool // it is about to end
	Since   time.Time
	Skew    time.Duration // its wall clock less ours, by this much at the least; 0: they may be equal
	Odd     bool          // its wall clock differs from the others' by more than max_clock_skew: it owns nothing
	SameAs  string        // another member with the same peer address; empty: none
}

// Role is what this host is for an account.
type Role uint8

const (
	RoleNone     Role = iota // nobody is known to own it
	RoleFollower             // another host owns it
	RoleOwner                // this host does
	RoleYielding             // this host does, and is about to give it up
	NumRoles
)

func (r Role) String() string { return [NumRoles]string{"none", "follower", "owner", "yielding"}[r] }

// AccountState is who owns an account.
type AccountState struct {
	Key   string
	Name  string // of the registry
	Role  Role
	Owner Owner     // Host empty: nobody is known
	Since time.Time // when the owner, or RoleNone, began
	// Left is how long this host may go on to write without another renewal; RoleOwner and
	// RoleYielding only.
	Left    time.Duration
	Unfit   []string          // hosts that could open no session, and do not own it for a while
	Best    string            // the host that is to own it, of those that are there and fit
	Changes map[Reason]uint64 // of owners, as seen from here, since the start
	Last    Reason            // why the owner of now owns it; empty: it did before this host looked
	// Fenced are the times that this host has run into its fence, the last one at FencedAt.
	Fenced   uint64
	FencedAt time.Time
	// LedgerAt is when the ledger was written last by this host; zero: it was not.
	LedgerAt time.Time
	// Lanes are those of this host. A Node does not know them: who shows the Snapshot asks the account.
	// Nil: the account did not answer.
	Lanes *LaneState
}
