package sandbox

import "bytes"

// exchange is one message on its way through a session, from the wire to its answer.
type exchange struct {
	in       inbound
	req      request
	bad      *fault // why the payload cannot be read; nil if it can
	svTRID   string // empty for a hello that is greeted
	play     *Fault // the fault to be played on the message; nil if none
	answer   answer
	executed bool // the command was carried out and succeeded
}

// is reports whether the message is the command verb, or hello.
func (ex *exchange) is(verb string) bool {
	return ex.bad == nil && ex.req.kind <= kindCommand && ex.req.verb == verb
}

// fate tells what becomes of an answer.
type fate uint8

const (
	fateWritten  fate = iota
	fateHangup        // nothing is written, the connection is closed
	fateWithheld      // nothing is written, the connection stays
)

func hangup() answer { return answer{fate: fateHangup} }

// bar is a reason against carrying out a message. It reports whether it applies to the message, and
// returns the answer in that case.
type bar func(*session, *exchange) (answer, bool)

// bars are asked in this order, and the first that applies decides. It is the order of a registry
// that trusts nobody: can the message be heard, is it EPP, may this client speak, may it speak now.
var bars = []bar{
	(*session).muted,
	(*session).crowded,
	(*session).unreadable,
	(*session).stranger,
	(*session).repeated,
	(*session).faulty,
	(*session).odd,
	(*session).loginLost,
	(*session).punished,
	(*session).limited,
	(*session).overQuota,
}

// consequence follows from an answer that has been decided and is not written yet. It may change
// the answer.
type consequence func(*session, *exchange)

// consequences run in this order, so that alter has the last word: what a fault does to an answer
// has no consequences of its own. They do not run for a message that a bar leaves unanswered.
var consequences = []consequence{
	(*session).score,
	(*session).bill,
	(*session).tarpit,
	(*session).closeOnErrors,
	(*session).closeOnCount,
	(*session).alter,
}

// decide finds the answer to a message. Unless a bar applies, it carries out the command.
func (s *session) decide(ex *exchange) answer {
	for _, b := range bars {
		if a, applies := b(s, ex); applies {
			return a
		}
	}
	a := s.carryOut(ex)
	ex.executed = a.code >= 1000 && a.code < 2000
	return a
}

// carryOut runs a command against session and store.
func (s *session) carryOut(ex *exchange) answer {
	switch {
	case ex.is("hello"):
		return answer{}
	case ex.is("login"):
		return s.login(&ex.req)
	case ex.is("logout"):
		return s.logout(&ex.req)
	}
	client := s.who()
	a := s.command(&ex.req, client, ex.svTRID)
	if a.queue == nil {
		a.queue = s.r.store.head(client)
	}
	return a
}

// muted withholds all answers after a fault that ends in silence.
func (s *session) muted(*exchange) (answer, bool) { return answer{fate: fateWithheld}, s.mute }

// crowded closes by Rules.OneFramePerRead. deliver looks again when the answer is ready.
func (s *session) crowded(ex *exchange) (answer, bool) {
	return hangup(), s.r.cfg.Rules.OneFramePerRead && (s.split.Load() || s.overtaken(ex.in.end))
}

// unreadable answers a payload that readRequest could not read, or closes by Quirks.
func (s *session) unreadable(ex *exchange) (answer, bool) {
	if ex.bad == nil {
		return answer{}, false
	}
	s.r.tally.add(func(c *Counters) { c.Breaches.Unparseable++ })
	if q := &s.r.cfg.Quirks; q.MalformedCloses || q.LongClTRIDCloses && ex.req.longID {
		return hangup(), true
	}
	return ex.bad.answer(), true
}

// stranger refuses commands other than login while nobody is logged in.
func (s *session) stranger(ex *exchange) (answer, bool) {
	if s.who() != "" || ex.is("hello") || ex.is("login") {
		return answer{}, false
	}
	if s.expired {
		return sessionTimeout(), true
	}
	s.r.tally.add(func(c *Counters) { c.Breaches.BeforeLogin++ })
	return refuse(s.r.cfg.Quirks.LoginFirst, "not logged in"), true
}

// repeated remembers the clTRID and closes by Quirks.RepeatCloses. tryLogin remembers the clTRID of
// a login, since only a login that succeeds has an account.
func (s *session) repeated(ex *exchange) (answer, bool) {
	if ex.is("hello") || ex.is("login") {
		return answer{}, false
	}
	return hangup(), s.r.tally.clTRID(s.who(), ex.req.clTRID) && s.r.cfg.Quirks.RepeatCloses
}

// odd closes on hello, on some logins or on unknown commands, by Quirks.
func (s *session) odd(ex *exchange) (answer, bool) {
	q := &s.r.cfg.Quirks
	return hangup(), q.HelloCloses && ex.is("hello") ||
		q.PrefixedLoginCloses && ex.is("login") && bytes.Contains(ex.in.payload, []byte("<ns0:login")) ||
		q.UnknownCloses && (ex.req.kind == kindUnknown || ex.req.kind == kindExtension)
}
