package upstream

import (
	"context"
	"net"
	"time"
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
	Term  uint64
	// Dial connects to the owner, over TLS with the ALPN protocol of lane.Protocol, and has said hello
	// and taken the welcome. It must end when ctx does. The connection is a *tls.Conn over a *loop.Conn.
	Dial func(ctx context.Context) (net.Conn, error)
	Max  int // lanes at the same time
	// QueueTimeout and CommandTimeout are the owner's, as far as is known: a lane waits for both and a
	// second.
	QueueTimeout, CommandTimeout time.Duration
}
