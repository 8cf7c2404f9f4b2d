package pool

import (
	"time"

	"eppmux/frame"
)

// What the codes of its answers say of a session: that the registry is about to end it, or that it has
// gone wrong where others work. Either costs a login, so it is bounded whatever clients do.
const (
	// errorsEvery is the least time between two sessions that are replaced for their equal errors. A
	// client that makes them faster has its sessions ended by the registry, and is blamed for that.
	errorsEvery = 10 * time.Second
	// errorsRest is how long such a session carries nothing, so that another is there before the next
	// error. Beyond it works on: a registry that lets nobody in must not take the session too.
	errorsRest = 2 * time.Second
	// failingFrom is the number of answers 2400 in a row from which a session is failing.
	failingFrom = 5
	// failingEvery is the least time between two sessions that are replaced for that: it may be the
	// commands of one client, which fail anywhere.
	failingEvery = 5 * time.Minute
)

// codes are the codes of a session's answers, but for those to hello, login and logout.
type codes struct {
	errors  [frame.NumCodes + 1]uint8 // by Code.Index: how many, up to 255
	equal   uint8                     // the most of one code
	fails   int                       // answers 2400 in a row
	failing time.Duration             // when the first of them came
	works   time.Duration             // when another answer came last; 0: none has
}

// Heard says which code the answer has of which the pool is about to be told.
func (p *Pool) Heard(s *Session, code int, now time.Duration) {
	if !p.telling(s) {
		return
	}
	c := &s.codes
	if code != 2400 {
		c.fails, c.works = 0, now
	} else if c.fails++; c.fails == 1 {
		c.failing = now
	}
	if code < 2000 || p.cfg.EqualErrors == 0 {
		return
	}
	n := &c.errors[frame.Code(code).Index()]
	*n = max(*n, *n+1)
	c.equal = max(c.equal, *n)
}

// judgeCodes has s, which is idle, replaced where the codes of its answers say so.
func (p *Pool) judgeCodes(s *Session, now time.Duration) {
	switch {
	case p.draining || p.halted() || s.outdated != CauseAge:
	case p.cfg.EqualErrors > 0 && int(s.codes.equal) >= p.cfg.EqualErrors-1 && now >= p.errorsAt:
		p.errorsAt = now + errorsEvery
		s.rests = max(s.rests, now+errorsRest)
		p.outdate(s, CauseErrors, now)
	case s.codes.fails >= failingFrom && now >= p.failingAt && p.othersWork(s):
		p.failingAt = now + failingEvery
		p.outdate(s, CauseFailing, now)
	}
}

// othersWork reports whether another session has answered otherwise since s began to fail, and still
// does.
func (p *Pool) othersWork(s *Session) bool {
	for _, t := range p.sessions {
		live := t.state == SessionIdle || t.state == SessionBusy
		if t != s && live && t.codes.fails == 0 && t.codes.works > s.codes.failing {
			return true
		}
	}
	return false
}
