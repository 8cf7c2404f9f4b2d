package rpp

import (
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// step carries a query that belongs to a change, once for each key of the change: a repeat of the change
// gets the first answer to it, so that it goes the same way as the first time and has the same answer.
// Where that cannot be kept, the query is simply sent. Its key is the change's with the step's name behind a
// space, which no client's key has.
func (c *call) step(name string, cmd mapping.Command) (carry.Answer, *reply) {
	t := c.h.table
	payload, err := mapping.Marshal(cmd, c.clTRID)
	if t == nil || err != nil {
		return c.carry(c.order(cmd))
	}
	key := &carry.Key{Name: c.clTRID + " " + name, Digest: c.digest}
	e, first, err := t.Begin(c.r.Context(), c.user.Name, c.registry.Name, key, payload)
	switch {
	case err != nil:
	case first:
		return c.firstStep(key, cmd)
	case e.Outcome == carry.Answered:
		r, err := mapping.Unmarshal(e.Payload)
		if err != nil || len(r.Results) == 0 {
			break // only its code was kept
		}
		a := carry.Answer{Outcome: carry.Answered, Response: r, Payload: e.Payload, MuxTRID: e.MuxTRID, Replayed: true}
		if code(a) < 2000 {
			return a, nil
		}
		bad := c.failed(a)
		return a, &bad
	}
	return c.carry(c.order(cmd))
}

// firstStep carries a query whose key is claimed, and has its answer kept. A query without an answer may be
// sent again: its claim is taken back.
func (c *call) firstStep(key *carry.Key, cmd mapping.Command) (a carry.Answer, bad *reply) {
	end := carry.Answer{Outcome: carry.NotSent}
	defer func() {
		// An error changes nothing here: a repeat sends the query again.
		if err := c.h.table.End(c.user.Name, c.registry.Name, key, end); err != nil {
			c.h.log.Warn("the answer to a query of RPP was not kept", "error", err)
		}
	}()
	a, bad = c.carry(c.order(cmd))
	if a.Outcome == carry.Answered {
		end = a
	}
	return a, bad
}
