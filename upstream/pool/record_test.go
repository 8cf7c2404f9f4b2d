package pool

import (
	"testing"
	"time"
)

// TestRecordKinds: when a transform is written, by what is asked for and by what became of the note.
func TestRecordKinds(t *testing.T) {
	late := func(d *desk, _ *Session) { d.wait(recordTimeout) }
	told := func(ok bool) func(*desk, *Session) {
		return func(d *desk, s *Session) { d.Recorded(s, d.notes[0].Ticket, ok, d.now); d.step() }
	}
	for _, tt := range []struct {
		name   string
		record Record
		does   func(*desk, *Session)
		sent   bool
	}{
		{"if can, kept", RecordIfCan, told(true), true},
		{"if can, not kept", RecordIfCan, told(false), true},
		{"if can, late", RecordIfCan, late, true},
		{"always, kept", RecordAlways, told(true), true},
		{"always, not kept", RecordAlways, told(false), false},
		{"always, late", RecordAlways, late, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(c *Config) { c.Record = tt.record })
			s := d.open()
			x := d.ask(false)
			d.wantSent()
			if len(d.notes) != 1 || d.notes[0].Exchange != x || d.notes[0].Session != s {
				t.Fatalf("got notes %+v", d.notes)
			}
			if s.InFlight() != NothingInFlight {
				t.Errorf("%v is in flight before the note", s.InFlight())
			}
			tt.does(d, s)
			if tt.sent {
				d.wantSent(x)
				d.answer(s, CauseNone)
				d.wantEnd(x, EndAnswered, CauseNone)
				return
			}
			d.wantSent()
			d.wantEnd(x, EndNotSent, CauseAudit)
			d.wantStates(SessionIdle)
		})
	}
}

// TestRecordNone: queries are not recorded, and nothing is where no notes are asked for.
func TestRecordNone(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	d.open()
	d.wantSent()
	x := d.ask(true)
	d.wantSent(x)
	d = newDesk(t, func(*Config) {})
	d.open()
	y := d.ask(false)
	d.wantSent(y)
	if len(d.notes) > 0 {
		t.Errorf("got notes %+v", d.notes)
	}
}

// TestRecordedLate: a note that ends after its session has gone on says nothing of what is there now.
func TestRecordedLate(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	x := d.ask(false)
	d.Cancel(x, d.now)
	d.step()
	y := d.ask(false)
	if len(d.notes) != 2 || d.notes[0].Ticket == d.notes[1].Ticket {
		t.Fatalf("got notes %+v", d.notes)
	}
	d.Recorded(s, d.notes[0].Ticket, false, d.now) // of x
	d.step()
	d.Recorded(s, d.notes[1].Ticket, true, d.now)
	d.step()
	d.wantSent(y)
	d.Recorded(s, d.notes[1].Ticket, false, d.now) // once more
	d.step()
	d.answer(s, CauseNone)
	d.wantEnd(y, EndAnswered, CauseNone)
}

// TestRecordedWhile: a transform whose note is kept while the account is paused or throttled is not
// written; it waits.
func TestRecordedWhile(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions, c.Record = 2, 2, RecordAlways })
	one, two := d.open(), d.open()
	q := d.ask(true) // on the first
	x := d.ask(false)
	d.Throttled(one, CauseNone, d.now)
	d.step()
	d.Recorded(two, d.notes[0].Ticket, true, d.now)
	d.step()
	d.wantSent(q)
	d.wantWaiting(x)
	d.wait(time.Second)
	d.Recorded(d.notes[1].Session, d.notes[1].Ticket, true, d.now)
	d.step()
	d.wantSent(q, x)

	d = newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	x = d.ask(false)
	d.Pause(d.now)
	d.Recorded(s, d.notes[0].Ticket, true, d.now)
	d.step()
	d.wantSent()
	d.wantWaiting(x)
	d.logOut()
}

// TestRecordLost: a session that closes while its exchange is being recorded has sent nothing: the
// exchange waits again, and its slots are free.
func TestRecordLost(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	x := d.ask(false)
	d.breaks(s)
	d.wantWaiting(x)
	if x.EndNow() != EndNotSent {
		t.Errorf("it would end as %v", x.EndNow())
	}
	d.pass(5*time.Second, d.wantsToOpen)
	two := d.open()
	d.Recorded(two, d.notes[1].Ticket, true, d.now)
	d.step()
	d.wantSent(x)
}

// TestRecordDeadline: an exchange that waited until shortly before its deadline does not wait for its
// note beyond that, and ends for what it waited for.
func TestRecordDeadline(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	busy := d.ask(true)
	x := d.ask(false)
	d.wait(7900 * time.Millisecond)
	d.answer(s, CauseNone)
	d.wantEnd(busy, EndAnswered, CauseNone)
	d.wait(99 * time.Millisecond)
	if len(d.ends) != 1 {
		t.Error("it has ended before its deadline")
	}
	d.wait(time.Millisecond)
	d.wantEnd(x, EndNotSent, CauseQueueTimeout)
	d.wantStates(SessionIdle)
}
