package upstream

import (
	"crypto/tls"
	"time"

	"eppmux/upstream/lane"
)

// Fence is the end of the time for which an account may write to its registry. Any goroutine may use
// it.
type Fence interface{ Passed() bool }

// Ownership is what an Account has while its host owns it in a cluster.
type Ownership struct {
	Term   uint64
	Fence  Fence  // nil: it never passes
	Ledger Keeper // nil: nothing is kept
	Memory Memory // what the owner before has kept
	// Skew is by how much the clocks of two hosts may differ.
	Skew time.Duration
}

// Lanes is how an Account reaches the host that owns it.
type Lanes struct {
	Owner string // the host
	Peer  string // host:port, where it takes lanes
	Term  uint64
	TLS   *tls.Config // mutual, TLS 1.3, lane.Protocol; ServerName is set
	Hello lane.Hello  // but for the wall clock
	Max   int         // lanes at the same time
	// Patience is how long the owner may keep a command, in its queue and in flight: a lane waits for
	// that and a second.
	Patience time.Duration
}
