package upstream

import (
	"sync"
	"time"

	"eppmux/audit"
	"eppmux/frame"
)

// Auditor keeps a record of commands. Its methods but Flush are called on the loop; none blocks,
// and none keeps the entry.
type Auditor interface {
	// Announce records that a command is about to be sent. done is called with turn once the record
	// would outlive the process, or with false when it cannot be made; from any goroutine, also
	// before Announce returns.
	Announce(e *audit.Entry, turn uint64, done func(turn uint64, ok bool))
	// Add records something that has happened.
	Add(e *audit.Entry)
	// Flush has written what was recorded so far, soon.
	Flush()
}

// Originator is a Client that can be named in the record.
type Originator interface {
	// Origin is the listener's address and the client's, or its user.
	Origin() (listener, client string)
}

// queryFlush is how long the end of a query may wait to be written: nobody needs to look for it
// after a crash.
const queryFlush = 50 * time.Millisecond

// auditing is an Account's way to its Auditor.
type auditing struct {
	// Owned by the loop.
	entry   audit.Entry // handed over, one at a time
	posted  bool        // flush is posted
	queries *Alarm      // calls flush
	spare   []announced // for settled

	mu      sync.Mutex
	settled []announced // guarded by mu: announcements that have ended and are not told the pool
}

// announced is an announcement that has ended.
type announced struct {
	s    *Session
	turn uint64
	ok   bool
}

// announce tells the Auditor that x is about to be written on s.
func (a *Account) announce(s *Session, x *Exchange, turn uint64) {
	if a.cfg.Audit == nil { // the pool's config says otherwise
		a.pool.Announced(s, turn, true, a.now)
		return
	}
	if x.sent {
		a.renew(x)
	}
	x.announced = true
	a.cfg.Audit.Announce(a.entry(x, audit.Sending), turn, s.transport().announced)
	a.flushSoon()
}

// flushSoon has written what is recorded now and in the rest of this turn of the loop: many
// commands share one write.
func (a *Account) flushSoon() {
	if !a.auditing.posted {
		a.auditing.posted = true
		a.loop.Post(a.flush)
	}
}

func (a *Account) flush() {
	a.auditing.posted = false
	a.cfg.Audit.Flush()
}

// settle takes the end of an announcement, from any goroutine: those that end together reach the
// loop together.
func (a *Account) settle(s *Session, turn uint64, ok bool) {
	g := &a.auditing
	g.mu.Lock()
	g.settled = append(g.settled, announced{s, turn, ok})
	first := len(g.settled) == 1
	g.mu.Unlock()
	if first {
		a.loop.Post(a.tell)
	}
}

// tell tells the pool which announcements have ended.
func (a *Account) tell() {
	g := &a.auditing
	g.mu.Lock()
	ended := g.settled
	g.settled = g.spare[:0]
	g.mu.Unlock()
	a.enter()
	for _, d := range ended {
		a.pool.Announced(d.s, d.turn, d.ok, a.now)
	}
	a.leave()
	clear(ended)
	g.spare = ended
}

// entry fills in an Entry about x. It is valid until the next call, and as long as x's octets are.
func (a *Account) entry(x *Exchange, ev audit.Event) *audit.Entry {
	e := &a.auditing.entry
	x.name()
	*e = audit.Entry{Time: time.Now(), Event: ev, Registry: a.cfg.Name, Listener: x.listener, Client: x.from, Session: x.carrier,
		Command: x.Command.String(), ClTRID: x.OwnClTRID(), MuxTRID: x.MuxTRID(), Payload: x.buf.B[frame.HeaderLen:x.unit]}
	if x.Op != frame.OpNone {
		e.Op = x.Op.String()
	}
	return e
}

// name notes whose x is, while its client is there: one that has gone cannot be asked.
func (x *Exchange) name() {
	if o, ok := x.client.(Originator); ok && x.from == "" {
		x.listener, x.from = o.Origin()
	}
}

// rejection is the record that the registry did not execute x, valid as entry's; nil where there is
// none to be made, as of a command of our own.
func (a *Account) rejection(x *Exchange, m *frame.Message) *audit.Entry {
	if x == nil || !x.announced {
		return nil
	}
	e := a.entry(x, audit.Rejected)
	e.Code, e.Answer, e.SvTRID = m.Code, m.Payload, m.Payload[m.SvTRID.Start:m.SvTRID.End]
	e.Wait, e.RTT = x.sentAt-x.queuedAt, a.now-x.sentAt
	return e
}

func (a *Account) audit(e *audit.Entry) {
	if e != nil {
		a.cfg.Audit.Add(e)
		a.flushSoon()
	}
}

// auditEnd records the end of x, if its sending was or if ends of queries are wanted.
func (a *Account) auditEnd(x *Exchange, o Outcome) {
	if a.cfg.Audit == nil || !x.announced && !(a.cfg.AuditQueries && x.Query) {
		return
	}
	e := a.entry(x, audit.End)
	e.End, e.Code, e.Orphan = o.End.String(), o.Code, x.orphan
	if o.Cause != CauseNone {
		e.Cause = o.Cause.String()
	}
	if o.End == EndAnswered {
		e.Answer, e.SvTRID = o.Unit[frame.HeaderLen:], o.SvTRID
		e.RTT = a.now - x.sentAt
	}
	if x.sentAt > 0 {
		e.Wait = x.sentAt - x.queuedAt
	}
	a.cfg.Audit.Add(e)
	if x.announced {
		a.flushSoon()
	} else {
		a.auditing.queries.Before(a.now + queryFlush)
	}
}
