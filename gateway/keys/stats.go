package keys

import "time"

// Stats are numbers of a Table, for metrics.
type Stats struct {
	Entries int64 // keys that are known
	Unknown int64 // of them: without an answer, but for those in flight
	Flying  int64 // of them: in flight
	Octets  int64 // that they take, without what bbolt adds
	Broken  int64 // records that could not be read when the file was opened; they count as unknown

	// Trouble is why the last write failed, and TroubleAt when; empty: it did not. Ended: the file is not
	// written any more, until eppmux is started again.
	Trouble   string
	TroubleAt time.Time
	Ended     bool
	FullAt    time.Time // when a claim was refused for want of room, the last time; zero: none was

	// Since Open.
	Claims      uint64 // commands that were sent under a key
	Replays     uint64 // repeats that got the answer again
	Doubts      uint64 // repeats of which it is unknown
	Reused      uint64 // repeats with another digest
	Full        uint64 // refused, since there is no room
	WriteErrors uint64 // writes that failed, and those that were not tried since the file is not used any more
	Swept       uint64 // entries that were too old
}

// counts are what the Table counts. Those of the file change with it.
type counts struct {
	entries, unknown, octets, broken int64

	claims, replays, doubts, reused, full, writeErrors, swept uint64
}

// add counts a record of the file, of so many octets.
func (c *counts) add(r *record, size int, err error) {
	c.entries++
	c.octets += int64(size)
	if err != nil || r.state != stateAnswered {
		c.unknown++
	}
}

// remove takes a record out of the counts.
func (c *counts) remove(r *record, size int, err error) {
	c.entries--
	c.octets -= int64(size)
	if err != nil || r.state != stateAnswered {
		c.unknown--
	}
}

// plus adds what one transaction has changed.
func (c *counts) plus(d *counts) {
	c.entries += d.entries
	c.unknown += d.unknown
	c.octets += d.octets
	c.swept += d.swept
}

// Stats returns the numbers as of now. From any goroutine.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.counts
	s := Stats{Entries: c.entries, Unknown: c.unknown, Octets: c.octets, Broken: c.broken,
		Claims: c.claims, Replays: c.replays,
		Doubts: c.doubts, Reused: c.reused, Full: c.full, WriteErrors: c.writeErrors, Swept: c.swept}
	s.Ended, s.FullAt = t.broken != nil, t.fullAt
	if t.trouble != nil {
		s.Trouble, s.TroubleAt = t.trouble.Error(), t.troubleAt
	}
	for _, f := range t.flights {
		if f.claimed && !f.ending {
			s.Flying++
		}
	}
	s.Unknown = max(0, s.Unknown-s.Flying) // a claim in flight is unknown to the file
	return s
}
