package cluster

import "time"

// Tenant is what a Node tells of one account: who owns it. Its methods are called on goroutines of the
// Node, one after the other for one account, and must not block.
type Tenant interface {
	// Own: this host owns the account from now on, and may write to the registry until t.Fence.
	Own(t Tenure)
	// Follow: another host owns it.
	Follow(o Owner)
	// Orphan: nobody is known to own it. What waits goes on waiting.
	Orphan()
	// Yield: this host is to give the account up within the given time, in good order: what waits goes
	// on waiting, what is in flight ends, sessions are logged out, the ledger is written for the last
	// time by t.Keep. done is called once, from any goroutine, behind all that. Lose may come before.
	Yield(within time.Duration, done func())
	// Lose: the fence has passed, or another host owns the account. Sessions are closed at once, and
	// nothing more is written. Follow, Orphan or Own comes next.
	Lose()
	// Down returns for how long the account, while this host owns it, wanted a session and had none; 0:
	// it has one, or wants none.
	Down() time.Duration
}

// Tenure is one time of owning an account.
type Tenure struct {
	Term  uint64
	Fence *Fence // nil: it never passes, as without an engine
	// Ledger is what was kept last; nil: nothing. Lost: something was, and it is gone.
	Ledger []byte
	Lost   bool
	// Skew is by how much the wall clock of this host may be ahead of the one by which Ledger was
	// written.
	Skew time.Duration
	// Keep writes content in place of what was kept, as upstream.Keeper says. It does not block; it may
	// be called until Lose, and while Yield is under way.
	Keep func(content []byte, ticket uint64, done func(ticket uint64, ok bool))
}

// Owner is the host that owns an account.
type Owner struct {
	Host string
	Peer string // host:port, where it takes lanes
	Term uint64
}

// Account is an account of which a Node takes part in the election.
type Account struct {
	Key    string   // see AccountKey
	Name   string   // of the registry in the config, for logs and status
	Prefer []string // hosts, the first is the best; those that are not named come behind them
}

// Reason is why an account has changed hands.
type Reason string

const (
	ReasonFirst    Reason = "first"    // nobody owned it
	ReasonReleased Reason = "released" // its owner had ended, and nobody was named
	ReasonHandover Reason = "handover" // an operator wanted it
	ReasonShutdown Reason = "shutdown" // its owner has ended
	ReasonBetter   Reason = "better"   // a member came back that is to own it
	ReasonYield    Reason = "yield"    // its owner could open no session
	ReasonClock    Reason = "clock"    // its owner's wall clock differs from the others'
	ReasonLoss     Reason = "loss"     // its owner did not renew the lease
)

// Reasons are all of them, for tables.
var Reasons = []Reason{ReasonFirst, ReasonReleased, ReasonHandover, ReasonShutdown, ReasonBetter, ReasonYield,
	ReasonClock, ReasonLoss}
