package keys

import (
	"errors"
	"fmt"
	"time"

	"eppmux/audit"
	"eppmux/gateway/carry"
)

// endPatience is how long End waits for the disk. What is not written then still is, when the disk goes on.
const endPatience = 5 * time.Second

// End implements carry.Table.
func (t *Table) End(user, registry string, key *carry.Key, a carry.Answer) error {
	id := keyOf(user, key.Name)
	f := t.endingOf(id)
	if f == nil {
		return t.settled(id, key, a)
	}
	end := f.outcome(a) // before it is shown: it takes a while
	t.mu.Lock()
	f.end = end
	t.mu.Unlock()
	c := &change{key: id, becomes: f.settle}
	t.submit(c)
	err := await(c)
	t.finish(f, err)
	if err != nil {
		return fmt.Errorf("%w: %w", carry.ErrKeyStorage, err)
	}
	return nil
}

// endingOf is the flight of a key whose end is told now; nil: there is none.
func (t *Table) endingOf(id string) *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.flights[id]
	if f == nil || !f.claimed || f.ending {
		return nil
	}
	f.ending = true
	return f
}

// await waits for a change, for endPatience.
func await(c *change) error {
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case err := <-c.done:
		return err
	case <-timer.C:
		return errSlow
	}
}

var errSlow = errors.New("the disk does not answer")

// outcome is the record of a command that ended as a says; nil: it was not sent.
func (f *flight) outcome(a carry.Answer) *record {
	r := f.claim
	r.muxTRID = a.MuxTRID
	switch a.Outcome {
	case carry.NotSent:
		return nil
	case carry.Answered:
		r.answered(a, f.sent)
	default:
		r.state, r.until = stateUnknown, time.Now().UnixNano()
	}
	return &r
}

// answered puts an answer into r. command is what it answers. An answer that cannot be read with certainty
// may have a secret anywhere: only its code is kept.
func (r *record) answered(a carry.Answer, command []byte) {
	r.state, r.settled, r.command = stateAnswered, a.Settled, nil
	if a.Response != nil && len(a.Response.Results) > 0 {
		r.code = int64(a.Response.Results[0].Code)
	}
	r.answer, _ = audit.WithoutSecrets(a.Payload, command)
}

// settled writes the answer to a key that was unknown. The first that is found out stays.
func (t *Table) settled(id string, key *carry.Key, a carry.Answer) error {
	if a.Outcome != carry.Answered {
		return nil
	}
	c := &change{key: id, becomes: func(old *record) (*record, bool) {
		if old == nil || !old.readable() || old.state == stateAnswered || old.digest != key.Digest {
			return nil, true
		}
		r := *old
		r.answered(a, old.command)
		if a.MuxTRID != "" {
			r.muxTRID = a.MuxTRID
		}
		return &r, false
	}}
	t.submit(c)
	if err := await(c); err != nil {
		return fmt.Errorf("%w: %w", carry.ErrKeyStorage, err)
	}
	return nil
}
