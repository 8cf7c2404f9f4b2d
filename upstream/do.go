package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Result is how a command of Do ended.
type Result struct {
	End   pool.End
	Cause pool.Cause // CauseNone for EndAnswered
	Code  int        // the registry's result code; EndAnswered only
	// Payload is the registry's answer, with the command's own clTRID in it; EndAnswered only. It
	// is the caller's.
	Payload []byte
	SvTRID  string // the registry's id in it; EndAnswered only
	// MuxTRID is the transaction id under which the registry knows the command, for a look-up when
	// End is EndUnknown; empty where nothing was sent, or the payload has no place for one.
	MuxTRID string
}

// ErrNotCarried is returned for a payload that an account does not carry: a hello, a login, a
// logout, or a registry's message.
var ErrNotCarried = errors.New("this message is not carried to a registry")

// Do carries one command for a caller that is no EPP client, and returns how it ended. The command
// waits in the queue like that of a client of weight 1. From any goroutine but the loop.
//
// Do returns early when ctx is done: a command that still waits ends as EndNotSent, one that was
// sent as EndUnknown, both for CauseClientGone. The registry's answer to the latter is still read
// and recorded. Close ends all calls for CauseShutdown. The payload must not change until Do
// returns.
//
// An error is about the payload, of which nothing was sent: a *frame.Fault where it does not parse,
// or ErrNotCarried. What became of the command is in the Result alone.
func (a *Account) Do(ctx context.Context, payload []byte) (Result, error) {
	return a.do(ctx, Call{Payload: payload})
}

func (a *Account) do(ctx context.Context, call Call) (Result, error) {
	// The scanner's results are borrowed; this one lives as long as the call.
	m, err := new(frame.Scanner).Scan(call.Payload)
	if err != nil {
		return Result{}, fmt.Errorf("command: %w", err)
	}
	if !Carried(m) {
		return Result{}, ErrNotCarried
	}
	d := &doing{a: a, ctx: ctx, m: m, after: call.After, ended: make(chan Result, 1)}
	if !a.admit(d) {
		return Result{End: pool.EndNotSent, Cause: pool.CauseShutdown}, nil
	}
	select {
	case r := <-d.ended:
		return r, nil
	case <-ctx.Done():
	}
	a.loop.Post(func() { d.giveUp(pool.CauseClientGone) })
	return <-d.ended, nil
}

// Carried reports whether m is a command that an account carries: logging in and out is its own
// affair.
func Carried(m *frame.Message) bool {
	return (m.Kind == frame.KindCommand || m.Kind == frame.KindExtension) &&
		m.Command != frame.CommandLogin && m.Command != frame.CommandLogout
}

// admit hands d to the loop and reports whether it could: it cannot once the account is closed.
func (a *Account) admit(d *doing) bool {
	a.gate.RLock()
	defer a.gate.RUnlock()
	if !a.shut {
		a.loop.Post(d.begin)
	}
	return !a.shut
}

// shutGate lets no more commands of Do in. All that were let in were posted before it returns.
func (a *Account) shutGate() {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.shut = true
}

// doing is one call of Do. It is the Client of its exchange.
type doing struct {
	a     *Account        // immutable
	ctx   context.Context // of the call; immutable
	m     *frame.Message  // immutable; its octets belong to the caller of Do
	after func(Result)    // see Call; nil: nobody asks
	ended chan Result     // the one result, which needs no receiver; not closed

	// Owned by the loop.
	x    *Exchange // nil: before begin, or the call has ended
	left bool      // Do has returned, and after is owed the end
}

// begin submits the command, unless its caller waits no more. On the loop.
func (d *doing) begin() {
	if d.ctx.Err() != nil {
		d.ended <- Result{End: pool.EndNotSent, Cause: pool.CauseClientGone}
		return
	}
	d.x = d.a.Exchange(Sender{Client: d, Since: d.a.Now()}, d.m)
	d.a.doings[d] = struct{}{}
	d.a.Submit(d.x)
}

// Finish implements Client.
func (d *doing) Finish(x *Exchange, o Outcome) {
	r := Result{End: o.End, Cause: o.Cause, Code: o.Code, SvTRID: string(o.SvTRID)}
	if o.End == pool.EndAnswered {
		r.Payload = bytes.Clone(o.Unit[frame.HeaderLen:])
	}
	if o.End != pool.EndNotSent {
		r.MuxTRID = string(x.MuxTRID())
	}
	d.end(r)
}

// giveUp ends the call for the given cause, unless it has ended. On the loop.
func (d *doing) giveUp(cause pool.Cause) {
	x := d.x
	if x == nil {
		return
	}
	r := Result{End: x.EndNow(), Cause: cause}
	if r.End == pool.EndUnknown {
		r.MuxTRID = string(x.MuxTRID())
		if d.after != nil && cause == pool.CauseClientGone {
			d.left = true
			d.ended <- r
			return
		}
	}
	d.end(r)
	d.a.Cancel(x)
}

// end has Do return r, or tells after of it.
func (d *doing) end(r Result) {
	d.x = nil
	delete(d.a.doings, d)
	if d.left {
		d.after(r)
		return
	}
	d.ended <- r
}
