package upstream

import (
	"cmp"
	"context"
	"slices"
	"time"

	"eppmux/upstream/pool"
)

// Caller is one who has commands and is no EPP client, such as a user of package gateway. It takes turns
// with the clients as one of them, of its weight: one of its commands waits for a session, the others wait
// behind that one, in order; any number may be in flight. So one that a limit holds back holds back those
// behind it, as with an EPP client. What was sent and must go again, since its session was lost, waits
// beside the one. From any goroutine but the loop.
type Caller struct {
	// Immutable.
	a   *Account
	cfg CallerConfig
	id  uint64 // see Account.NextID

	// Owned by the loop.
	flow    pool.Flow
	served  time.Duration // when its last command was sent (over a lane: ended), or its first came; 0: none has
	under   []*Exchange   // submitted and not ended: those that wait, and one for each session at the most
	behind  *calling      // the first of those that wait to be submitted; nil: none does
	last    *calling      // of those
	known   pool.Kinds    // of commands to which it has had an answer
	answers uint32        // that it has had
}

// CallerConfig says who a Caller is. The words are for the audit log, the list of clients and blame.
type CallerConfig struct {
	Listener, Client string // see Originator
	// Identity is who is behind it, see Proven. What several Callers share is blamed on all, and counts for
	// all under limits of client scope. Empty: Client.
	Identity string
	Weight   uint8 // its share, against other clients, when commands wait; 0: 1
}

// NewCaller returns a Caller. It needs no end: nothing is kept of one that has no command. From any
// goroutine.
func (a *Account) NewCaller(cfg CallerConfig) *Caller {
	cfg.Identity, cfg.Weight = cmp.Or(cfg.Identity, cfg.Client), max(1, cfg.Weight)
	return &Caller{a: a, cfg: cfg, id: a.NextID()}
}

// NextID returns a new id for one who sends commands, see Sender: from 1, and never again in this process.
// All who are not on lanes have theirs from here. From any goroutine.
func (a *Account) NextID() uint64 { return a.lastID.Add(1) }

// Origin implements Originator.
func (c *Caller) Origin() (listener, client string) { return c.cfg.Listener, c.cfg.Client }

// Proven implements Proven.
func (c *Caller) Proven() string { return c.cfg.Identity }

// Call is one command of a Caller.
type Call struct {
	// Payload is the command. It must not change until Do returns.
	Payload []byte
	// Late, unless nil, is called on the loop, once at most, when the command, a check, is about to be
	// written or handed to the owner for the first time: what it returns is sent in place of Payload, unless
	// it is nil. It must be quick, must not block or call the Account, and return a check of the same kind of
	// objects that asks for no less. It is not called where the Payload must go as it is: under a limit that
	// counts objects, and behind ends of sessions that are blamed on commands like it. What it returns is
	// read before Late is called again, of any Call, and not behind that. If it is no such check, Payload
	// is sent. A check that is sent once more after a lost session goes as it went.
	Late func() []byte
	// After, unless nil, is called on the loop, once, with how the command ended, where Do has returned
	// EndUnknown for CauseClientGone: its caller had gone while it was in flight. It must not block.
	After func(Result)
}

// Do carries one command, and returns how it ended. It may wait for as long as the pool's QueueTimeout,
// behind others of its Caller too. From any goroutine but the loop.
//
// Do returns early when ctx is done: a command that still waits ends as EndNotSent, one that was
// sent as EndUnknown, both for CauseClientGone. The registry's answer to the latter is still read
// and recorded. Close ends all calls for CauseShutdown.
//
// An error is about the payload, of which nothing was sent: a *frame.Fault where it does not parse,
// or ErrNotCarried. What became of the command is in the Result alone.
func (c *Caller) Do(ctx context.Context, call Call) (Result, error) {
	if err := c.a.carries(call.Payload); err != nil {
		return Result{}, err
	}
	k := &calling{c: c, ctx: ctx, call: call, ended: make(chan Result, 1)}
	if !c.a.admit(k) {
		return Result{End: pool.EndNotSent, Cause: pool.CauseShutdown}, nil
	}
	select {
	case r := <-k.ended:
		return r, nil
	case <-ctx.Done():
	}
	c.a.loop.Post(func() { k.giveUp(pool.CauseClientGone) })
	return <-k.ended, nil
}

// The rest is on the loop.

// push lets k wait behind the others.
func (c *Caller) push(k *calling) {
	if k.prev = c.last; k.prev != nil {
		k.prev.next = k
	} else {
		c.behind = k
	}
	c.last = k
}

// remove takes k out of those that wait behind the others.
func (c *Caller) remove(k *calling) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		c.behind = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		c.last = k.prev
	}
	k.prev, k.next = nil, nil
}

// waits reports whether a command of c waits for a session.
func (c *Caller) waits() bool {
	return slices.ContainsFunc(c.under, func(x *Exchange) bool { return x.Waits() })
}

// next submits commands until one waits for a session. It is called when one has been sent, and when one
// has ended.
func (c *Caller) next() {
	for c.behind != nil && !c.a.calls.closed && !c.waits() {
		c.behind.submit()
	}
}

// sent notes that x has been handed to a session.
func (c *Caller) sent(x *Exchange) {
	c.served = max(c.served, x.SentAt())
	c.next()
}

// left notes that x, which was submitted, has ended as o.
func (c *Caller) left(x *Exchange, o Outcome) {
	if i := slices.Index(c.under, x); i >= 0 {
		c.under = slices.Delete(c.under, i, i+1)
	}
	c.served = max(c.served, x.ServedAt(o.End, c.a.now()))
	if o.End == pool.EndAnswered {
		c.known = c.known.With(x.Author.Kind)
		c.answers++
	}
}
