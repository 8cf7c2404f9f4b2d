package upstream

import (
	"sync"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// Auditor keeps a record of commands. Its methods are called on the loop. They must not block, and
// must not keep the entry.
type Auditor interface {
	// Record notes that a command is about to be sent. It calls done once, from any goroutine and
	// possibly before it returns: with true when the note would outlive the process, with false
	// when the note cannot be kept.
	Record(e *audit.Entry, ticket uint64, done func(ticket uint64, ok bool))
	// Add notes something that has happened.
	Add(e *audit.Entry)
	// Flush begins to write everything that was noted so far.
	Flush()
}

// queryFlush is the longest that the end of a query waits to be written: nobody needs it after a
// crash.
const queryFlush = 50 * time.Millisecond

// recording is an Account's way to its Auditor.
type recording struct {
	// Owned by the loop.
	entry   audit.Entry // lent to the Auditor, one at a time
	posted  bool        // flush is posted
	queries *loop.Alarm // calls flush for ends of queries
	spare   []kept      // memory for settled

	mu      sync.Mutex
	settled []kept // notes that have ended, and the pool does not know; guarded by mu
}

// kept is the end of a note: it was kept, or could not be.
type kept struct {
	s      *pool.Session
	ticket uint64
	ok     bool
}

// record has the Auditor note that x is about to be written on s.
func (a *Account) record(s *pool.Session, x *Exchange, ticket uint64) {
	if a.cfg.Audit == nil { // though pool.Config.Record asks for notes
		a.pool.Recorded(s, ticket, true, a.now())
		return
	}
	x.recorded = true
	a.cfg.Audit.Record(a.entry(x, audit.Sending), ticket, sessionOf(s).settle)
	a.flushSoon()
}

// flushSoon posts a flush, unless one is posted already: all that is noted until it runs shares one
// write.
func (a *Account) flushSoon() {
	if !a.recording.posted {
		a.recording.posted = true
		a.loop.Post(a.flush)
	}
}

// flush has the Auditor write its notes.
func (a *Account) flush() {
	a.recording.posted = false
	a.cfg.Audit.Flush()
}

// settle takes the end of a note. Notes that end together reach the loop together. From any
// goroutine.
func (a *Account) settle(s *pool.Session, ticket uint64, ok bool) {
	g := &a.recording
	g.mu.Lock()
	g.settled = append(g.settled, kept{s, ticket, ok})
	first := len(g.settled) == 1
	g.mu.Unlock()
	if first {
		a.loop.Post(a.tell)
	}
}

// tell tells the pool which notes have ended.
func (a *Account) tell() {
	g := &a.recording
	g.mu.Lock()
	ended := g.settled
	g.settled = g.spare[:0]
	g.mu.Unlock()
	a.turn(func() {
		for _, k := range ended {
			a.pool.Recorded(k.s, k.ticket, k.ok, a.now())
		}
	})
	clear(ended)
	g.spare = ended
}

// entry returns an Entry about x. It is valid until the next call, and as long as x's octets are.
func (a *Account) entry(x *Exchange, ev audit.Event) *audit.Entry {
	e := &a.recording.entry
	x.name()
	*e = audit.Entry{Time: time.Now(), Event: ev, Registry: a.name, Listener: x.listener, Client: x.from,
		Session: x.SentOn(), Command: x.Command.String(), Transform: !x.Query,
		ClTRID: x.OwnClTRID(), MuxTRID: x.MuxTRID(),
		Payload: x.unit()[frame.HeaderLen:]}
	if x.Op != frame.OpNone {
		e.Op = x.Op.String()
	}
	return e
}

// rejection returns an Entry that the registry did not execute x, by its answer m. It is valid as
// long as one of entry. Nil where no sending of x was noted, and for a command of our own.
func (a *Account) rejection(x *Exchange, m *frame.Message) *audit.Entry {
	if x == nil || !x.recorded {
		return nil
	}
	e := a.entry(x, audit.Rejected)
	e.Code, e.Answer, e.SvTRID = m.Code, m.Payload, m.Payload[m.SvTRID.Start:m.SvTRID.End]
	e.Wait, e.RTT = x.Wait(), x.rtt(a.now())
	return e
}

// note has the Auditor add an entry, unless it is nil.
func (a *Account) note(e *audit.Entry) {
	if e != nil {
		a.cfg.Audit.Add(e)
		a.flushSoon()
	}
}

// recordEnd notes the end of x, if its sending was noted, or if it is a query and AuditQueries is
// set.
func (a *Account) recordEnd(x *Exchange, o Outcome) {
	if a.cfg.Audit == nil || !x.recorded && !(a.cfg.AuditQueries && x.Query) {
		return
	}
	e := a.entry(x, audit.End)
	e.End, e.Code, e.Orphan = o.End.String(), o.Code, x.Orphan()
	if o.Cause != pool.CauseNone {
		e.Cause = o.Cause.String()
	}
	if o.End == pool.EndAnswered {
		e.Answer, e.SvTRID = o.Unit[frame.HeaderLen:], o.SvTRID
		e.RTT = x.rtt(a.now())
	}
	e.Wait = x.Wait()
	a.cfg.Audit.Add(e)
	if x.recorded {
		a.flushSoon()
	} else {
		a.recording.queries.Before(a.now() + queryFlush)
	}
}
