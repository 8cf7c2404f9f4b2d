package pool

import (
	"testing"
	"time"
)

// What the pool does when the process was stopped, or the host slept: the first that it hears may be
// an answer, long after deadlines that nobody has looked at (row 50).

// TestStoppedQueue: an answer that comes behind the deadlines of those that wait sends none of them.
func TestStoppedQueue(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	busy := d.ask(false)
	late, query := d.ask(false), d.ask(true)
	d.now += 9 * time.Second // stopped: nobody calls Advance
	d.answer(s, CauseNone)
	d.wantSent(busy)
	d.wantEnd(late, EndNotSent, CauseQueueTimeout)
	d.wantEnd(query, EndNotSent, CauseQueueTimeout)
	if s.State() != SessionIdle {
		t.Errorf("the session is %v, want it idle", s.State())
	}
	d.wantSent(d.ask(true))
}

// TestStoppedRecord: a note that is kept behind the deadline of its exchange has it not sent.
func TestStoppedRecord(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record, c.QueueTimeout = RecordIfCan, 500*time.Millisecond })
	s := d.open()
	x := d.ask(false)
	d.now += 2 * time.Second
	d.Recorded(s, s.ticket, true, d.now)
	d.step()
	d.wantSent()
	d.wantEnd(x, EndNotSent, CauseQueueTimeout)
}

// TestStoppedDrain: behind the deadline of a drain nothing is written, neither a command nor a
// logout.
func TestStoppedDrain(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.QueueTimeout = time.Minute })
	s := d.open()
	busy, waits := d.ask(false), d.ask(false)
	d.Drain(d.now+5*time.Second, d.now)
	d.step()
	d.now += 6 * time.Second
	d.answer(s, CauseNone)
	d.wantSent(busy)
	d.wantEnd(waits, EndNotSent, CauseShutdown)
	if len(d.leaving) > 0 || d.Abandoned() != 1 || d.drained != 1 {
		t.Errorf("%d logouts are written, %d sessions abandoned, drained %d times", len(d.leaving), d.Abandoned(), d.drained)
	}
}
