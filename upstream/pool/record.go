package pool

import "time"

// Record says whether a note of a transform is to be kept, as in an audit log, before the transform
// is written.
type Record uint8

const (
	RecordNot Record = iota
	// RecordIfCan: the transform is also written when the note cannot be kept, or takes longer than
	// recordTimeout.
	RecordIfCan
	// RecordAlways: the transform ends as not sent then.
	RecordAlways
)

// recordTimeout is how long a session waits for a note. A healthy disk takes less than a thousandth
// of it.
const recordTimeout = time.Second

// record asks for a note that x is about to be written on s. Nothing of x is sent until Recorded.
func (p *Pool) record(s *Session, x *Exchange, now time.Duration) {
	s.ticket++
	s.recording = true
	s.deadline = min(x.deadline, now+recordTimeout)
	p.wakeAt(s.deadline)
	p.do(Action{Do: DoRecord, Session: s, Exchange: x, Ticket: s.ticket})
}

// Recorded says that the note of a DoRecord with this ticket is kept, or that it could not be. It
// has no effect when it comes too late.
func (p *Pool) Recorded(s *Session, ticket uint64, ok bool, now time.Duration) {
	switch {
	case !s.recording || s.ticket != ticket || s.state != SessionBusy:
	case ok || p.cfg.Record != RecordAlways:
		p.recorded(s, now)
	default:
		p.takeBack(s, CauseAudit, now)
	}
}

// recorded asks for the exchange of s to be written, unless it is overdue by now, the account is
// paused, suspended or throttled, or s is of a registry or a role that was left.
func (p *Pool) recorded(s *Session, now time.Duration) {
	switch {
	case now >= p.lastSend():
		p.takeBack(s, CauseShutdown, now)
		return
	case now >= s.x.deadline:
		p.takeBack(s, p.waitCause(s.x, now), now)
		return
	case p.halted() || now < p.throttledUntil || s.ofOld():
		x := p.unsend(s, now)
		p.again(x, now)
		p.rested(s, CauseNone, now)
		return
	}
	s.recording = false
	s.x.sentAt = now
	s.since, s.deadline = now, now+p.cfg.CommandTimeout
	p.wakeAt(s.deadline)
	p.write(s)
}

// recordLate decides about the exchange of s when its note is late, or when it has waited too long.
func (p *Pool) recordLate(s *Session, now time.Duration) {
	switch {
	case now < s.since+recordTimeout: // it had waited for nearly as long as it may already
		p.takeBack(s, p.waitCause(s.x, now), now)
		return
	case now >= s.x.deadline || p.cfg.Record == RecordAlways:
		p.takeBack(s, CauseAudit, now)
		return
	}
	p.recorded(s, now)
}

// takeBack ends the exchange of s as not sent, and makes s idle.
func (p *Pool) takeBack(s *Session, cause Cause, now time.Duration) {
	x := p.unsend(s, now)
	p.ended(x)
	p.finish(x, cause)
	p.rested(s, CauseNone, now)
	p.checkDone(now)
}
