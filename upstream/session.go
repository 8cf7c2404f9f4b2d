package upstream

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// carrier moves the messages of one session between the loop and the registry. tlsCarrier carries
// them over TCP and TLS; anything else that can carry commands implements it too.
//
// Its methods are called on the loop, in a turn, and must not block. It reads and writes by itself,
// and tells its session of what has come: loggedIn or notOpened once, then message, poison and
// closed.
type carrier interface {
	// recall gives up opening the session, unless its login is on its way.
	recall()
	// cancel gives up opening the session at once.
	cancel()
	// sendExchange writes a client's command, or calls session.unsent where nothing may be written
	// any more.
	sendExchange(x *Exchange)
	// sendKeepalive and sendLogout write a message of our own, see session.ownMessage.
	sendKeepalive()
	sendLogout()
	// close closes the connection; session.closed has been called when it returns.
	close()
}

// session is what an Account has of a pool.Session, whatever carries it: it knows our own messages,
// which answer belongs to which command, and what an answer means.
type session struct {
	// Immutable after startOpening.
	a       *Account
	s       *pool.Session
	carrier carrier
	settle  func(ticket uint64, ok bool) // tells the account that a note has ended

	// Owned by the goroutine that opens the session, then by the loop.
	seen    seen
	muxTRID []byte // of our own command in flight; of a hello it has no meaning

	// Owned by the loop.
	out []byte // the message of our own being written
}

func sessionOf(s *pool.Session) *session { return s.Shell.(*session) }
func carrierOf(s *pool.Session) carrier  { return sessionOf(s).carrier }

func (a *Account) startOpening(ps *pool.Session) {
	if a.closed {
		return
	}
	s := &session{a: a, s: ps, settle: func(ticket uint64, ok bool) { a.settle(ps, ticket, ok) }}
	s.renewOwn()
	ctx, cancel := context.WithCancel(a.ctx)
	t := &tlsCarrier{session: s, giveUp: cancel}
	s.carrier, ps.Shell = t, s
	a.dials.Add(1)
	go a.open(ctx, t, a.target)
}

// renewOwn makes a transaction id for a command of our own.
func (s *session) renewOwn() {
	s.muxTRID = s.a.trids.appendMuxTRID(s.muxTRID[:0], nil, nil, s.a.wall())
}

// ownMessage is the message of our own that the pool wants sent, as a data unit. Borrowed until the
// next call.
func (s *session) ownMessage() []byte {
	switch s.s.InFlight() {
	case pool.HelloInFlight:
		s.out = frame.AppendHello(s.out[:0])
	case pool.PollInFlight:
		s.renewOwn()
		s.out = frame.AppendPoll(s.out[:0], string(s.muxTRID))
	case pool.LogoutInFlight:
		s.renewOwn()
		s.out = frame.AppendLogout(s.out[:0], string(s.muxTRID))
	default:
		panic("BUG: no message of our own is due")
	}
	return s.out
}

// begin notes that x is being written, and returns its data unit.
func (s *session) begin(x *Exchange) []byte {
	x.exposed = true
	s.a.counts.sent(x)
	return x.unit()
}

// unsent says that x was not written, since nothing may be written any more for the given cause.
func (s *session) unsent(x *Exchange, cause pool.Cause) {
	s.a.pool.Unsent(s.s, &x.Exchange, cause, s.a.now())
}

// loggedIn tells the pool that the session has logged in.
func (s *session) loggedIn() {
	a := s.a
	a.counts.Logins[LoginOK]++
	a.log.Info("session opened", "session", s.s.ID)
	a.trouble, a.cause = "", pool.CauseNone
	a.pool.Opened(s.s, a.now())
}

// spoilt tells the pool that the session was lost behind the login's answer.
func (s *session) spoilt(cause pool.Cause) {
	a := s.a
	a.log.Warn("session could not be opened", "session", s.s.ID, "reason", cause.String())
	a.counts.Logins[LoginFailed]++
	a.troubled("behind the login: "+cause.String(), cause)
	a.pool.OpenFailed(s.s, cause, a.now())
}

// closed tells the pool that the connection of an opened session is closed.
func (s *session) closed() {
	a := s.a
	a.pool.Closed(s.s, a.now())
	a.counts.SessionCloses[s.s.Cause()]++
	a.log.Info("session closed", "session", s.s.ID, "reason", s.s.Cause().String())
}

// poison ends the session for cause, and with it the command in flight.
func (s *session) poison(cause pool.Cause) {
	s.a.inTurn()
	s.note(cause)
	s.a.pool.Poison(s.s, cause)
}

// note counts a session that is out of step: octets came that do not belong where they came.
func (s *session) note(cause pool.Cause) {
	if slices.Contains(pool.DesyncCauses, cause) {
		s.a.counts.Desync[cause]++
		s.a.log.Error("session is out of step with the registry and carries nothing more",
			"session", s.s.ID, "reason", cause.String())
	}
}

// news takes from a message that nobody asked for what there is to learn: a greeting says what the
// registry offers now. The payload is borrowed.
func (s *session) news(payload []byte) {
	if m, err := s.a.scanner.Scan(payload); err == nil && m.Kind == frame.KindGreeting {
		s.a.greeted(bytes.Clone(m.Payload))
	}
}

// message takes the message that answers the command in flight, and ends the session behind it
// unless end is CauseNone. The payload is borrowed until the turn ends.
func (s *session) message(payload []byte, end pool.Cause) {
	a := s.a
	a.inTurn()
	m, err := a.scanner.Scan(payload)
	switch {
	case err != nil:
		a.log.Error("registry sent a message that does not parse", "session", s.s.ID, "err", err.Error())
		s.poison(pool.CauseFrame)
		return
	case !s.matches(m):
		s.poison(pool.CauseMismatch)
		return
	}
	end = s.ending(m, end)
	if s.s.InFlight() == pool.HelloInFlight {
		a.greeted(bytes.Clone(m.Payload))
	}
	s.note(end)
	a.inHand = m
	if !s.rejected(m, end) {
		a.pool.Answered(s.s, end, a.now())
	}
}

// ending is why the session ends behind m, which came with end: m's own code, where that ends
// sessions. The end of the connection may have come in the same read; m is its reason all the same.
func (s *session) ending(m *frame.Message, end pool.Cause) pool.Cause {
	a := s.a
	switch {
	case end != pool.CauseNone && end != pool.CauseRegistryClosed, !closes(m.Code),
		s.s.InFlight() == pool.LogoutInFlight, matchAny(a.cfg.Throttled, m):
		return end
	}
	a.troubled(s.farewell(m), pool.CauseCodeCloses)
	a.log.Warn("registry ends a session by its answer; often too many commands: compare rate_limits with what it allows",
		"session", s.s.ID, "code", m.Code, "err", a.trouble)
	return pool.CauseCodeCloses
}

// farewell is what is known of an answer that ends the session. What is said about a client's
// command stays between the registry and the client: it may repeat what stands in the command, an
// authInfo for one.
func (s *session) farewell(m *frame.Message) string {
	if s.s.InFlight() == pool.CommandInFlight {
		return fmt.Sprintf("result code %d", m.Code)
	}
	return refusal(m, &s.a.target.login).Error()
}

// rejected deals with an answer that says that the command was not executed, since the session has
// lost its login or since the registry wants fewer commands. It reports whether m was one.
func (s *session) rejected(m *frame.Message, end pool.Cause) bool {
	a, x := s.a, of(s.s.Exchange())
	switch {
	case s.s.InFlight() == pool.LogoutInFlight:
	case matchAny(a.cfg.Lost, m):
		a.log.Warn("registry says that the session is not logged in; it is replaced", "session", s.s.ID, "code", m.Code)
		rejection := a.rejection(x, m) // while x is still this session's
		if a.pool.LoginLost(s.s, a.now()) || x == nil {
			a.note(rejection)
		}
		return true
	case matchAny(a.cfg.Throttled, m):
		a.note(a.rejection(x, m))
		a.counts.Throttled++
		a.pool.Throttled(s.s, end, a.now())
		return true
	}
	return false
}

// closes reports whether a result code ends the session. RFC 5730 section 3: the second digit 5 is
// "connection management"; registries use it in codes that the RFC does not list, such as 1501.
func closes(code int) bool { return code/100%10 == 5 }

// matches reports whether m is the answer to the command in flight. RFC 5730 section 2.6: a response
// carries the clTRID of its command. Some carry none, which does no harm while one command is in
// flight; another's is never delivered.
func (s *session) matches(m *frame.Message) bool {
	if s.s.InFlight() == pool.HelloInFlight {
		return m.Kind == frame.KindGreeting
	}
	if m.Kind != frame.KindResponse {
		return false
	}
	if !m.ClTRID.Present() {
		return true
	}
	id := s.muxTRID
	if x := of(s.s.Exchange()); x != nil {
		id = x.MuxTRID()
	}
	if id == nil { // nothing to compare with, but it must not be one that we gave to another command
		return !isMuxTRID(m.ClTRID.Value)
	}
	return bytes.Equal(m.ClTRID.Value, id)
}

// answered is what x's client is told of its answer. Borrowed until the next call, and as long as
// m.
func (a *Account) answered(m *frame.Message, x *Exchange) Outcome {
	return Outcome{End: pool.EndAnswered, Code: m.Code, Unit: a.restore(m, x), SvTRID: m.Payload[m.SvTRID.Start:m.SvTRID.End]}
}

// restore builds the answer for x's client from m: the client's own clTRID, octet for octet, or
// none if it sent none, and the same in every paTRID. Borrowed until the next call.
func (a *Account) restore(m *frame.Message, x *Exchange) []byte {
	a.edits = a.edits[:0]
	for i := range m.PaTRID {
		content, known := a.trids.resolve(m.PaTRID[i].Value)
		a.replace(&m.PaTRID[i], content, known)
	}
	if m.ClTRID.Present() && x.muxTRIDAt > 0 {
		if x.clTRIDLen > 0 {
			a.replace(&m.ClTRID, x.OwnClTRID(), tridKnown)
		} else {
			a.replace(&m.ClTRID, nil, tridNone)
		}
	}
	if len(a.edits) > 1 { // a response's trID may stand before its resData only against the schema
		slices.SortFunc(a.edits, func(x, y frame.Edit) int { return x.Span.Start - y.Span.Start })
	}
	a.answer = frame.AppendUnit(a.answer[:0], m.Payload, a.edits)
	unit := a.answer
	if cap(a.answer) > readKept {
		a.answer = nil
	}
	return unit
}

func (a *Account) replace(id *frame.ClTRID, content []byte, known stoodFor) {
	switch known {
	case tridKnown:
		a.edits = append(a.edits, frame.Edit{Span: id.Content, With: content})
	case tridNone:
		a.edits = append(a.edits, frame.Edit{Span: id.Element})
	}
}
