package carry

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// Carrier carries orders. From any goroutine.
type Carrier struct {
	table  Table // nil: there are no keys
	recent *recent
	orders atomic.Uint64 // for ids of those without a key
	ends   sync.WaitGroup

	// send carries a command; of callers, but in tests.
	send func(context.Context, *User, *Registry, upstream.Call) (upstream.Result, error)
}

// New returns a Carrier. table nil: keys are refused with ErrKeyStorage.
func New(table Table) *Carrier {
	return &Carrier{table: table, recent: newRecent(), send: newCallers().send}
}

// Wait returns when the ends of all commands are written down whose callers have gone. The accounts are
// closed, so that all have ended, and Do is called no more.
func (c *Carrier) Wait() { c.ends.Wait() }

// Do carries an order and returns how it ended. When ctx ends first, a command that waits is not sent,
// and one that was sent is Unknown to this caller; its answer is still recorded for a repeat.
// An error is one of this package's, or a *mapping.Fault.
func (c *Carrier) Do(ctx context.Context, o Order) (Answer, error) {
	w, err := c.prepare(o)
	if err != nil {
		return Answer{}, err
	}
	if !w.transform {
		w.Key = nil
	}
	if w.Key != nil {
		w.id = "key " + o.User.Name + "\x00" + o.Key.Name
		return c.doKeyed(ctx, &w)
	}
	if w.transform {
		w.id = "order " + strconv.FormatUint(c.orders.Add(1), 10)
	}
	began := time.Now()
	c.note(&w)
	r, err := c.send(ctx, o.User, o.Registry, upstream.Call{Payload: w.payload})
	if err != nil {
		return Answer{}, refused(err)
	}
	a := answer(r)
	if w.transform && a.Outcome == Unknown {
		return c.resolve(ctx, &w, a, Entry{Command: w.payload, MuxTRID: a.MuxTRID, Sent: began, Until: time.Now()}), nil
	}
	return a, nil
}

// note remembers that a transform is about to be sent, where that may be asked.
func (c *Carrier) note(w *work) {
	if !w.transform || !w.Registry.Reconcile {
		return
	}
	if wanted := wishOf(w.payload); wanted != nil {
		c.recent.note(w.Registry.Name, wanted, w.id)
	}
}

// refused is an error of an account about a payload.
func refused(err error) error { return &mapping.Fault{Why: err.Error()} }

// answer is what became of a command in the words of this package.
func answer(r upstream.Result) Answer {
	a := Answer{Outcome: outcomes[r.End], Cause: r.Cause, MuxTRID: r.MuxTRID}
	switch r.End {
	case pool.EndNotSent:
		a.RetryAfter = retryAfter(r.Cause)
	case pool.EndAnswered:
		a.Payload = r.Payload
		a.Response = read(r.Payload, r.Code)
	}
	return a
}

var outcomes = [pool.NumEnds]Outcome{pool.EndNotSent: NotSent, pool.EndAnswered: Answered, pool.EndUnknown: Unknown}

// read reads the payload of an answer. An answer that cannot be read is still one: its code is known.
func read(payload []byte, code int) *mapping.Response {
	r, err := mapping.Unmarshal(payload)
	if err != nil {
		return &mapping.Response{Results: []mapping.Result{{Code: code}}}
	}
	return r
}

// doKeyed does a transform that has a key: it is sent by the first who brings the key, and only by that.
func (c *Carrier) doKeyed(ctx context.Context, w *work) (Answer, error) {
	if c.table == nil {
		return Answer{}, fmt.Errorf("%w: there is no state.dir", ErrKeyStorage)
	}
	if n := len(w.Key.Name); n < 1 || n > maxKey {
		return Answer{}, &mapping.Fault{Why: fmt.Sprintf("the key has %d octets, not 1 to %d", n, maxKey)}
	}
	e, first, err := c.table.Begin(ctx, w.User.Name, w.Registry.Name, w.Key, w.payload)
	switch {
	case err != nil:
		return Answer{}, err
	case first:
		return c.sendKeyed(ctx, w)
	case e.Outcome == Unknown:
		return c.resolve(ctx, w, replay(e), e), nil
	}
	return replay(e), nil
}

// maxKey is the longest name of a key, in octets.
const maxKey = 255

// sendKeyed sends a transform whose key is claimed, and has its end written down, whatever it is.
func (c *Carrier) sendKeyed(ctx context.Context, w *work) (a Answer, err error) {
	c.ends.Add(1)
	ended := false // or the goroutine of After ends it
	defer func() {
		if !ended { // a panic: the claim must not hold its repeats for ever
			c.ends.Done()
			c.end(w, Answer{Outcome: Unknown})
		}
	}()
	began := time.Now()
	c.note(w)
	r, err := c.send(ctx, w.User, w.Registry, upstream.Call{Payload: w.payload, After: func(r upstream.Result) {
		go c.endLate(w, r) // the loop does not write to disk
	}})
	left := err == nil && r.End == pool.EndUnknown && r.Cause == pool.CauseClientGone
	if !left {
		c.ends.Done()
	}
	if ended = true; err != nil {
		c.end(w, Answer{Outcome: NotSent})
		return Answer{}, refused(err)
	}
	a = answer(r)
	if left {
		return a, nil
	}
	c.end(w, a)
	if a.Outcome == Unknown {
		return c.resolve(ctx, w, a, Entry{Command: w.payload, MuxTRID: a.MuxTRID, Sent: began, Until: time.Now()}), nil
	}
	return a, nil
}

// endLate writes down the end of a command whose caller has gone. It ends by itself; Wait waits for it.
func (c *Carrier) endLate(w *work, r upstream.Result) {
	defer c.ends.Done()
	c.end(w, answer(r))
}

// end writes down what became of a transform. An error changes nothing for its caller, who has the
// answer: the table still knows it while the process lives, and counts the error. After a restart it is
// unknown.
func (c *Carrier) end(w *work, a Answer) {
	_ = c.table.End(w.User.Name, w.Registry.Name, w.Key, a)
}

// replay is the answer to a repeat.
func replay(e Entry) Answer {
	a := Answer{Outcome: e.Outcome, MuxTRID: e.MuxTRID, Replayed: true, Settled: e.Settled}
	if e.Outcome == Answered {
		a.Payload, a.Response = e.Payload, read(e.Payload, e.Code)
	}
	return a
}
