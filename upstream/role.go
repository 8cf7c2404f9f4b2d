package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"eppmux/upstream/lane"
)

// Fence is the end of the time for which an account may write to its registry. Any goroutine may use
// it.
type Fence interface{ Passed() bool }

// Ownership is what an Account has while its host owns it in a cluster.
type Ownership struct {
	Term  uint64
	Fence Fence // nil: it never passes
	// Ledger and Memory stand for those of the Config: what the owner before has kept, and where it is
	// kept from now on. A nil Ledger: nothing is kept.
	Ledger Keeper
	Memory Memory
	// Skew is by how much the clocks of two hosts may differ.
	Skew time.Duration
}

// Lanes is how an Account reaches the host that owns it.
type Lanes struct {
	Owner string // the host
	Peer  string // host:port, where it takes lanes
	Term  uint64
	TLS   *tls.Config // mutual, TLS 1.3, lane.Protocol; ServerName is set; nil: plain, for tests
	Hello lane.Hello  // but for the wall clock
	Max   int         // lanes at the same time, from 1
	// Patience is how long the owner may keep a command, in its queue and in flight: a lane waits for
	// that and a second.
	Patience time.Duration
	// Dial connects to the peer; nil: TCP to Peer. It must end when ctx does.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Role is what an Account is to its registry.
type Role uint8

const (
	// RoleSole: it is in no cluster, and owns its account for good.
	RoleSole Role = iota
	// RoleNone: nobody is known to own it, or one role ends before the next begins. What waits goes on
	// waiting.
	RoleNone
	RoleOwner
	RoleFollower
	numRoles
)

func (r Role) String() string { return [numRoles]string{"sole", "none", "owner", "follower"}[r] }

// duty is the role of an Account and what belongs to it. Owned by the loop.
type duty struct {
	role   Role
	term   uint64   // of the owner, here or elsewhere
	onRole []func() // see OnRole
}

// Role returns what the account is to its registry by now. On the loop.
func (a *Account) Role() Role { return a.duty.role }

// OwnerTerm returns the term under which this host owns the account, and whether it does. It does not
// any more while it gives the account up. On the loop.
func (a *Account) OwnerTerm() (term uint64, ok bool) {
	return a.duty.term, a.duty.role == RoleOwner || a.duty.role == RoleSole
}

// OnRole calls f on the loop whenever the account begins or ceases to be its registry's owner. When it
// ceases, nothing more that waits is sent, and f may withdraw it; what is in flight still ends. f is
// called within a turn. On the loop.
func (a *Account) OnRole(f func()) { a.duty.onRole = append(a.duty.onRole, f) }

// Greeting returns the payload of the registry's last greeting; nil: there was none. It must not be
// changed, and may be kept. On the loop.
func (a *Account) Greeting() []byte { return a.greeting }
