package upstream

import "context"

// Caller is one who has commands and is no EPP client, such as a user of package gateway. It takes turns
// with the clients as one of them, of its weight: one of its commands waits for a session, the others wait
// behind that one, in order; any number may be in flight. From any goroutine but the loop.
type Caller struct{ a *Account }

// CallerConfig says who a Caller is. The words are for the audit log, the list of clients and blame.
type CallerConfig struct {
	Listener, Client string // see Originator
	Identity         string // see Proven; what several Callers share is blamed on all
	Weight           uint8  // 0: 1
}

// NewCaller returns a Caller. It needs no end: nothing is kept of one that has no command.
func (a *Account) NewCaller(c CallerConfig) *Caller { return &Caller{a: a} }

// Call is one command of a Caller.
type Call struct {
	// Payload is the command. It must not change until Do returns.
	Payload []byte
	// Late, unless nil, is called on the loop, once at most, when the command is about to be written or
	// handed to the owner: what it returns is sent in place of Payload, unless it is nil. It must be quick,
	// must not block, and return a command of the same kind that asks for no less; queries only. The
	// result is read before Late is called again, and belongs to the Account from then on. A query that
	// is sent once more after a lost session goes as it went.
	Late func() []byte
	// After, unless nil, is called on the loop, once, with how the command ended, where Do has returned
	// EndUnknown for CauseClientGone: its caller had gone while it was in flight. It must not block.
	After func(Result)
}

// Do carries one command, see Account.Do, which is a Caller's of weight 1.
func (c *Caller) Do(ctx context.Context, call Call) (Result, error) { return c.a.do(ctx, call) }
