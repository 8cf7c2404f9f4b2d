package upstream

import (
	"bytes"
	"time"

	"eppmux/audit"
	"eppmux/frame"
)

// Auditor keeps a record of commands. Its methods are called on the loop and do not block.
type Auditor interface {
	// Announce records that a command is about to be sent. done is called once the record would outlive the process, or
	// with false when it cannot be made; from any goroutine, also before Announce returns.
	Announce(e *audit.Entry, done func(ok bool))
	// Add records something that has happened.
	Add(e *audit.Entry)
}

// Originator is a Client that can be named in the record.
type Originator interface {
	// Origin is the listener's address and the client's, or its user.
	Origin() (listener, client string)
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
	x.origin = nil
	x.origin = a.entry(x, audit.Sending)
	a.cfg.Audit.Announce(x.origin, func(ok bool) {
		a.loop.Post(func() {
			a.enter()
			a.pool.Announced(s, turn, ok, a.now)
			a.leave()
		})
	})
}

// entry begins an Entry about x, with a copy of what is sent.
func (a *Account) entry(x *Exchange, ev audit.Event) *audit.Entry {
	e := &audit.Entry{Event: ev, Registry: a.cfg.Name, Command: x.Command.String(), ClTRID: string(x.OwnClTRID())}
	if from := x.origin; from != nil {
		*e = *from
		e.Event = ev
	} else {
		e.Payload = bytes.Clone(x.buf.B[frame.HeaderLen:x.unit])
		if o, ok := x.client.(Originator); ok {
			e.Listener, e.Client = o.Origin()
		}
		if x.Op != frame.OpNone {
			e.Op = x.Op.String()
		}
	}
	e.Time = time.Now()
	e.MuxTRID, e.Session = string(x.MuxTRID()), x.carrier
	return e
}

// rejection is the record that the registry did not execute x; nil where there is none to be made, as of a command of our
// own.
func (a *Account) rejection(x *Exchange, m *frame.Message) *audit.Entry {
	if x == nil || x.origin == nil {
		return nil
	}
	e := a.entry(x, audit.Rejected)
	e.Code, e.Answer = m.Code, bytes.Clone(m.Payload)
	e.Wait, e.RTT = x.sentAt-x.queuedAt, a.now-x.sentAt
	return e
}

func (a *Account) audit(e *audit.Entry) {
	if e != nil {
		a.cfg.Audit.Add(e)
	}
}

// auditEnd records the end of x, if its sending was or if ends of queries are wanted.
func (a *Account) auditEnd(x *Exchange, o Outcome) {
	if a.cfg.Audit == nil || x.origin == nil && !(a.cfg.AuditQueries && x.Query) {
		return
	}
	e := a.entry(x, audit.End)
	e.End, e.Code, e.Orphan = o.End.String(), o.Code, x.orphan
	if o.Cause != CauseNone {
		e.Cause = o.Cause.String()
	}
	if o.End == EndAnswered {
		e.Answer = bytes.Clone(o.Unit[frame.HeaderLen:])
		e.RTT = a.now - x.sentAt
	}
	if x.sentAt > 0 {
		e.Wait = x.sentAt - x.queuedAt
	}
	a.cfg.Audit.Add(e)
}
