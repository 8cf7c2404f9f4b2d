package upstream

import (
	"bytes"
	"context"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// calls are the calls of Do, by all Callers, that have not ended. Owned by the loop.
type calls struct {
	all    map[*calling]struct{}
	behind pool.Heap[*calling] // those that are not submitted, by when they have waited too long
	seq    uint64              // of behind
	closed bool                // nothing more is submitted
	reader frame.Scanner       // of what is submitted, and of what Late returns
}

// calling is one call of Do. It is the Client of its exchange.
type calling struct {
	// Immutable.
	c     *Caller
	ctx   context.Context
	ended chan Result // the one result, which needs no receiver; not closed

	// Owned by the loop.
	call       Call
	asked      time.Duration // when it came
	x          *Exchange     // nil: it is not submitted, or has ended
	place      pool.Place    // in calls.behind
	prev, next *calling      // of its Caller's that wait behind the others
	left       bool          // Do has returned, and After is owed the end
}

// Origin implements Originator.
func (k *calling) Origin() (listener, client string) { return k.c.Origin() }

// admit hands k to the loop and reports whether it could: it cannot once the account is closed. From any
// goroutine.
func (a *Account) admit(k *calling) bool {
	a.gate.RLock()
	defer a.gate.RUnlock()
	if !a.shut {
		a.loop.Post(k.begin)
	}
	return !a.shut
}

// shutGate lets no more commands of Callers in. All that were let in were posted before it returns.
func (a *Account) shutGate() {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.shut = true
}

// begin lets the command wait for its turn among those of its Caller, unless the one who has called waits
// no more.
func (k *calling) begin() {
	a, now := k.c.a, k.c.a.clock()
	cause := a.pool.Refuses()
	if k.ctx.Err() != nil {
		cause = pool.CauseClientGone
	}
	if cause != pool.CauseNone {
		k.end(Result{End: pool.EndNotSent, Cause: cause})
		return
	}
	if k.c.served == 0 {
		k.c.served = now
	}
	k.asked = now
	a.calls.all[k] = struct{}{}
	a.calls.seq++
	by := now + a.pool.Patience(now)
	a.calls.behind.Push(k, &k.place, pool.Key{At: by, Seq: a.calls.seq})
	a.alarm.Before(by)
	k.c.push(k)
	k.c.next()
}

// drop takes k out of those that are not submitted.
func (k *calling) drop() {
	k.c.a.calls.behind.Remove(k.place)
	k.c.remove(k)
}

// submit submits the command.
func (k *calling) submit() {
	k.drop()
	c, a := k.c, k.c.a
	m, err := a.calls.reader.Scan(k.call.Payload)
	if err != nil || !Carried(m) {
		panic("BUG: the payload of a call has changed")
	}
	x := a.Exchange(Sender{Client: k, Budget: a.Budget("caller " + c.cfg.Identity), Weight: c.cfg.Weight, ID: c.id,
		Identity: c.cfg.Identity, Known: c.known, Answers: c.answers, Since: c.served}, m)
	x.Author.Shell, x.Flow, x.Asked = c, &c.flow, k.asked
	if x.caller, x.late = c, k.call.Late; x.late != nil {
		x.object = string(m.Object)
	}
	k.x = x
	c.under = append(c.under, x)
	a.Submit(x)
}

// Finish implements Client.
func (k *calling) Finish(x *Exchange, o Outcome) {
	r := Result{End: o.End, Cause: o.Cause, Code: o.Code, SvTRID: string(o.SvTRID)}
	if o.End == pool.EndAnswered {
		r.Payload = bytes.Clone(o.Unit[frame.HeaderLen:])
	}
	if o.End != pool.EndNotSent {
		r.MuxTRID = string(x.MuxTRID())
	}
	k.end(r)
}

// giveUp ends the call for the given cause, unless it has ended.
func (k *calling) giveUp(cause pool.Cause) {
	x := k.x
	switch {
	case k.place.In():
		k.drop()
		k.end(Result{End: pool.EndNotSent, Cause: cause})
	case x != nil:
		r := Result{End: x.EndNow(), Cause: cause}
		if r.End == pool.EndUnknown {
			r.MuxTRID = string(x.MuxTRID())
			if k.call.After != nil && cause == pool.CauseClientGone && !k.left {
				k.left = true
				k.ended <- r
				return
			}
		}
		k.end(r)
		k.c.a.Cancel(x)
	}
}

// end has Do return r, or tells After of it.
func (k *calling) end(r Result) {
	k.x = nil
	delete(k.c.a.calls.all, k)
	if k.left {
		k.call.After(r)
		return
	}
	k.ended <- r
}

// expire ends the calls that have waited too long without being submitted.
func (c *calls) expire(a *Account) {
	for k, key, ok := c.behind.First(); ok; k, key, ok = c.behind.First() {
		if key.At > a.now() {
			a.alarm.Before(key.At)
			return
		}
		k.drop()
		k.end(Result{End: pool.EndNotSent, Cause: a.pool.WaitCause(a.now())})
	}
}

// refuse ends the calls that are not submitted, for the given cause.
func (c *calls) refuse(cause pool.Cause) {
	for k, _, ok := c.behind.First(); ok; k, _, ok = c.behind.First() {
		k.giveUp(cause)
	}
}

// close ends all calls: those that wait as not sent, and those that were sent as unknown.
func (c *calls) close() {
	c.closed = true
	for k := range c.all {
		k.giveUp(pool.CauseShutdown)
	}
}

// oldest returns the longest time that a call has waited without being submitted. Deadlines are in the
// order of calls, nearly, so the first one tells.
func (c *calls) oldest(now time.Duration) time.Duration {
	if k, _, ok := c.behind.First(); ok {
		return now - k.asked
	}
	return 0
}
