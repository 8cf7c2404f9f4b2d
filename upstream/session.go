package upstream

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// carrier moves the messages of one session between the loop and the registry. tcpCarrier does so
// over TCP, with TLS or without. What the messages say is the session's affair, whatever carries
// it.
//
// target.carry makes a carrier and begins to open the session. The carrier logs in, with what
// session.loginFor composes, and takes the answer to session.judgeLogin. Then it calls, on the loop
// and in a turn:
//
//   - session.shown once, with the greeting if one has come; this one also outside a turn
//   - session.loggedIn, session.notOpened or session.spoilt once
//   - session.message for each message that comes after loggedIn while a command is in flight, and
//     session.news and session.poison for one that nobody asked for
//   - session.closed once, when the connection of a session that was logged in is closed, by
//     whichever side
//
// Its methods are called on the loop, in a turn, and must not block.
type carrier interface {
	// recall gives up opening the session, unless its login may have been sent. If it does,
	// session.notOpened(errRecalled) follows.
	recall()
	// cancel gives up opening the session at once. session.notOpened follows.
	cancel()
	// sendExchange writes the unit of session.begin(x). Where nothing may be written any more it
	// calls session.unsent instead. It does nothing where x is not the session's exchange: x has
	// ended.
	sendExchange(x *Exchange)
	// sendKeepalive writes session.ownMessage, or poisons the session where nothing may be written
	// any more. It does nothing on a session that is closing.
	sendKeepalive()
	// sendLogout is as sendKeepalive.
	sendLogout()
	// close closes the connection; session.closed has been called when it returns.
	close()
	// hear takes the answer that has come, unread so far, before the session is closed. It is called
	// outside a turn.
	hear()
}

// session is an Account's part of a pool.Session. It knows our own messages, which answer belongs
// to which command, and what an answer means.
type session struct {
	// Immutable after startOpening.
	a       *Account
	s       *pool.Session
	carrier carrier
	settle  func(ticket uint64, ok bool) // tells the account that a note has ended
	barred  func() bool                  // by the fence; nil: there is none

	// Owned by the goroutine that opens the session, then by the loop.
	seen    seen
	muxTRID []byte     // of our own command in flight; a hello has none
	root    frame.Root // of the registry's greeting, in which our own messages are written

	services string        // that the login asks for, in words
	asked    string        // the same, see setOf
	told     time.Duration // that 2502 to the attempt asks to wait; 0: it names none
	atLogin  Oddity        // of the login's answer
	atFirst  Oddity        // of the greeting that it began with

	// Owned by the loop.
	last        []byte // muxTRID of the command that was written last, a client's or ours
	parting     string // what the registry said as it ended the session unasked; empty: nothing
	partingCode int    // its result code
	out         []byte // the message of our own being written
	named       bool   // an answer had the muxTRID of its command; that to the login does not count
	odd         uint16 // a bit for each Oddity that an answer had, and one for the greeting
}

func sessionOf(s *pool.Session) *session { return s.Shell.(*session) }
func carrierOf(s *pool.Session) carrier  { return sessionOf(s).carrier }

// startOpening has a carrier open the session, unless the account is closed.
func (a *Account) startOpening(ps *pool.Session) {
	if a.ctx.Err() != nil {
		return
	}
	s := &session{a: a, s: ps, settle: func(ticket uint64, ok bool) { a.settle(ps, ticket, ok) }}
	if f := a.duty.own.Fence; f != nil {
		s.barred = f.Passed
	}
	s.renewOwn()
	ps.Shell = s
	s.carrier = a.target.carry(s)
}

// renewOwn makes a transaction id for a command of our own, which is about to be written.
func (s *session) renewOwn() {
	s.muxTRID = s.a.trids.appendMuxTRID(s.muxTRID[:0], nil, nil, s.a.wall())
	s.last = append(s.last[:0], s.muxTRID...)
}

// ownMessage returns the message of our own that the pool wants sent, as a data unit. Borrowed
// until the next call.
func (s *session) ownMessage() []byte {
	switch s.s.InFlight() {
	case pool.HelloInFlight:
		s.out = s.root.AppendHello(s.out[:0])
	case pool.PollInFlight:
		s.renewOwn()
		s.out = s.root.AppendPoll(s.out[:0], s.muxTRID)
	case pool.LogoutInFlight:
		s.renewOwn()
		s.out = s.root.AppendLogout(s.out[:0], s.muxTRID)
	default:
		panic("BUG: no message of our own is due")
	}
	return s.out
}

// begin notes that x is about to be written, and returns its data unit. Borrowed until x ends.
func (s *session) begin(x *Exchange) []byte {
	if x.late != nil {
		s.a.fillLate(x)
	}
	x.exposed, x.forwarded, x.held = true, false, nil
	s.last = append(s.last[:0], x.MuxTRID()...)
	s.a.counts.sent(x)
	return x.unit()
}

// unsent tells the pool that x was not written: nothing may be written any more, for the given
// cause.
func (s *session) unsent(x *Exchange, cause pool.Cause) {
	s.a.pool.Unsent(s.s, &x.Exchange, cause, s.a.now())
}

// shown takes what an attempt to open the session has shown, whether it succeeds or not: the
// payload of the registry's greeting, nil where none has come, and what is in seen.
func (s *session) shown(greeting []byte) {
	if greeting != nil {
		s.greeted(greeting)
	}
	s.countOddGreeting(s.atFirst)
	s.countOdd(s.atLogin)
	s.a.learn(s.s, s.seen)
}

// loggedIn tells the pool that the session has logged in.
func (s *session) loggedIn() {
	a := s.a
	a.counts.Logins[LoginOK]++
	a.log.Info("session opened", "session", s.s.ID)
	a.trouble, a.cause = "", pool.CauseNone
	s.s.LogsInWith(s.asked)
	a.pool.Opened(s.s, a.now())
}

// notOpened tells the pool that the session could not be opened. errRecalled says that it was given
// up before its login was sent.
func (s *session) notOpened(err error) {
	a, cause := s.a, openCause(err)
	switch {
	case s.s.Cause() == pool.CauseChanged: // how it failed says nothing of the registry that is ours now
		a.log.Info("a session with the registry before the reload is not opened any more", "session", s.s.ID)
	case cause == pool.CauseFenced:
		a.fenced()
		cause = pool.CauseShutdown // nothing of the login is out
	case cause != pool.CauseShutdown:
		a.counts.Logins[loginResult(cause)]++
		a.log.Warn("session could not be opened", "session", s.s.ID, "reason", cause.String(), "err", err.Error())
		a.troubled(err.Error(), cause)
	}
	if s.told > 0 {
		s.s.ToldToWait(s.told)
	}
	s.openFailed(cause)
}

// openFailed tells the pool that the session could not be opened, and logs what the pool makes of it.
func (s *session) openFailed(cause pool.Cause) {
	a := s.a
	allowed := a.pool.Allowed()
	a.pool.OpenFailed(s.s, cause, a.now())
	switch now := a.pool.Allowed(); {
	case cause == pool.CauseTooManySessions && a.pool.OwnCounted():
		a.log.Info("the registry most likely still counts a session of ours that has ended; "+
			"the login is tried again soon",
			"session", s.s.ID)
	case now < allowed && cause != pool.CauseTooManySessions:
		a.log.Warn("registry does not open a session beside those that are open; taken for the most that it grants",
			"session", s.s.ID, "sessions", now)
	}
}

// troubled notes why there is no session, or one less.
func (a *Account) troubled(why string, cause pool.Cause) {
	if a.trouble == "" {
		a.troubleSince = a.clock()
	}
	a.trouble, a.cause = why, cause
}

// spoilt tells the pool that the session was lost right behind the login's answer.
func (s *session) spoilt(cause pool.Cause) {
	a, why := s.a, cmp.Or(s.parting, cause.String())
	if s.partingCode == 2502 {
		cause = pool.CauseTooManySessions
	}
	a.log.Warn("session could not be opened", "session", s.s.ID, "reason", cause.String(), "err", why)
	a.counts.Logins[LoginFailed]++
	a.troubled("behind the login: "+why, cause)
	s.openFailed(cause)
}

// closed tells the pool that the connection of a session that was logged in is closed. There is a line
// in the log for each session, so the budget of logins bounds them.
func (s *session) closed() {
	a, inFlight := s.a, s.s.InFlight()
	a.pool.Closed(s.s, a.now())
	a.nameIdleLimit()
	a.counts.SessionCloses[s.s.Cause()]++
	about := []any{"session", s.s.ID, "reason", s.s.Cause().String()}
	if why := s.end(inFlight); why != "" {
		about = append(about, "err", why)
	}
	b := s.s.Blame()
	if b == nil {
		a.log.Info("session closed", about...)
		return
	}
	c := a.culprit(b)
	about = append(about, "command", c.Command, "listener", c.Listener, "client", c.Client,
		"identity", c.Identity, "id", c.ID)
	if !c.HeldBack {
		a.log.Info("session closed behind a command", about...)
		return
	}
	a.counts.Blamed[c.Cause]++
	a.log.Warn("session closed behind a command; commands like it are held back",
		append(about, "ends", c.Ends, "for", c.Wait.Round(time.Millisecond))...)
}

// end is what is known of why the session has ended, beside the cause; empty: nothing. inFlight is what was
// under way by then.
func (s *session) end(inFlight pool.InFlight) string {
	byHello := inFlight == pool.HelloInFlight &&
		slices.Contains([]pool.Cause{pool.CauseCommandTimeout, pool.CauseRegistryClosed, pool.CauseMismatch},
			s.s.Cause())
	if !byHello {
		return s.parting
	}
	why := "hello was not answered by a greeting; " +
		"if the registry does not take hello, set sessions.keepalive_command: poll"
	if s.parting != "" {
		why = s.parting + "; " + why
	}
	return why
}

// nameIdleLimit logs the silence behind which sessions end, once it is known, and again when it was
// unknown meanwhile.
func (a *Account) nameIdleLimit() {
	limit := a.pool.IdleLimit(a.now())
	if limit > 0 && !a.idleNamed {
		a.log.Warn("sessions end behind silence, several in a row behind the same: set keepalive below "+
			limit.Truncate(time.Second).String(), "silence", limit.Round(10*time.Millisecond))
	}
	a.idleNamed = limit > 0
}

// poison ends the session for the given cause, and with it the command in flight.
func (s *session) poison(cause pool.Cause) {
	s.a.inTurn()
	s.countDesync(cause)
	s.a.pool.Poison(s.s, cause)
}

// countDesync counts the session as out of step if cause says so: octets came that do not belong
// where they came.
func (s *session) countDesync(cause pool.Cause) {
	if slices.Contains(pool.DesyncCauses, cause) {
		s.a.counts.Desync[cause]++
		s.a.log.Error("session is out of step with the registry and carries nothing more",
			"session", s.s.ID, "reason", cause.String())
	}
}

// news takes a message that nobody asked for, and returns why the session ends by it. A greeting says
// what the registry offers now. The payload is borrowed.
func (s *session) news(payload []byte) pool.Cause {
	m, err := s.a.scanner.Scan(payload)
	if err != nil {
		return pool.CauseUnasked
	}
	if m.Kind == frame.KindGreeting {
		s.greeted(bytes.Clone(m.Payload))
	}
	return s.strange(m, pool.CauseUnasked)
}

// strange returns why the session ends by m, which answers nothing: otherwise, unless the registry says
// by it that it ends the session. It does so by a code x5xx, without a clTRID or with that of the last
// command. Then nothing is out of step, whether the end of the connection has come yet or not.
func (s *session) strange(m *frame.Message, otherwise pool.Cause) pool.Cause {
	if m.Kind != frame.KindResponse || !frame.Code(m.Code).Ends() ||
		m.ClTRID.Present() && !bytes.Equal(m.ClTRID.Value, s.last) {
		return otherwise
	}
	s.parting, s.partingCode = fmt.Sprintf("result code %d", m.Code), m.Code
	if !m.ClTRID.Present() && s.s.InFlight() == pool.NothingInFlight { // nobody's command is in its words
		s.parting = refusal(m, &s.a.target.login).Error()
	}
	return pool.CauseRegistryClosed
}

// message takes the message that should answer the command in flight, and ends the session behind
// it for the cause end, unless that is CauseNone. The payload is borrowed until the turn ends.
func (s *session) message(payload []byte, end pool.Cause) {
	a := s.a
	a.inTurn()
	m, odd, err := s.read(payload, end)
	if err != nil {
		a.log.Error("registry sent a message that does not parse", "session", s.s.ID, "err", err.Error())
		s.poison(pool.CauseFrame)
		return
	}
	oddID, ok := s.matches(m)
	if !ok {
		s.poison(s.strange(m, pool.CauseMismatch))
		return
	}
	end = s.ending(m, end)
	if s.s.InFlight() == pool.HelloInFlight {
		s.countOddGreeting(odd)
		s.greeted(bytes.Clone(m.Payload))
	} else {
		s.countOdd(odd)
		s.countOdd(oddID)
	}
	s.countDesync(end)
	if s.s.InFlight() == pool.CommandInFlight || s.s.InFlight() == pool.PollInFlight {
		a.pool.Heard(s.s, m.Code, a.now())
	}
	a.mailbox.hear(m, of(s.s.Exchange()), s.s.InFlight(), a.now())
	a.inHand = m
	switch {
	case s.rejected(m, end) || s.doubted(m, end):
	case showsLogin(m.Code):
		a.pool.Answered(s.s, end, a.now())
	default:
		a.pool.AnsweredUnproven(s.s, end, a.now())
	}
}

// ending returns why the session ends behind m, which came together with end. A code that ends
// sessions is the reason also where the end of the connection came in the same read.
func (s *session) ending(m *frame.Message, end pool.Cause) pool.Cause {
	a := s.a
	switch {
	case end != pool.CauseNone && end != pool.CauseRegistryClosed, !frame.Code(m.Code).Ends(),
		s.s.InFlight() == pool.LogoutInFlight, s.matchAny(a.cfg.Throttled, m):
		return end
	}
	a.troubled(s.wordsOfEnd(m), pool.CauseCodeCloses)
	a.log.Warn("registry ends a session by its answer; "+
		"often too many commands: compare rate_limits with what it allows",
		"session", s.s.ID, "code", m.Code, "err", a.trouble)
	return pool.CauseCodeCloses
}

// wordsOfEnd returns what is logged of an answer that ends the session. The words of an answer to a
// client's command stay between the registry and the client: they may repeat an authInfo in it.
func (s *session) wordsOfEnd(m *frame.Message) string {
	if s.s.InFlight() == pool.CommandInFlight {
		return fmt.Sprintf("result code %d", m.Code)
	}
	return refusal(m, &s.a.target.login).Error()
}

// rejected reports whether m says that the command was not executed, since the session has lost its
// login or since the registry wants fewer commands. If so, it tells the pool. That the login is lost
// counts once for a command: another session that says so of it may mean the command, which must not
// cost a session each time.
func (s *session) rejected(m *frame.Message, end pool.Cause) bool {
	a, x := s.a, of(s.s.Exchange())
	switch {
	case s.s.InFlight() == pool.LogoutInFlight, s.s.InFlight() == pool.HelloInFlight:
	case x == nil && (asWithoutLogin(m.Code) || s.matchAny(a.cfg.Lost, m)):
		s.pollRefused(m)
		return true
	case x != nil && !x.LoginLost() && s.matchAny(a.cfg.Lost, m):
		if s.doubtable(m, end) { // the words may mean the command all the same, which must cost no session
			s.doubt(m, pool.DoubtStrong)
			return true
		}
		s.warnOfLoss(m.Code)
		rejection := a.rejection(x, m) // while x is still this session's
		if a.pool.LoginLost(s.s, a.now()) {
			a.note(rejection)
		}
		return true
	case s.matchAny(a.cfg.Throttled, m):
		a.note(a.rejection(x, m))
		a.counts.Throttled++
		if d := waitNamed(wordsOf(m), s.command()); d > 0 {
			s.s.ToldToWait(d)
		}
		a.pool.Throttled(s.s, end, a.now())
		return true
	}
	return false
}

// matchAny reports whether m, the answer to the command in flight, matches one of the patterns by
// words of the registry's own.
func (s *session) matchAny(patterns []Pattern, m *frame.Message) bool {
	return matchAny(patterns, m, s.command())
}

// command returns the payload of the client's command in flight; nil where there is none.
func (s *session) command() []byte {
	if x := of(s.s.Exchange()); x != nil {
		return x.unit()[frame.HeaderLen:]
	}
	return nil
}

// matches reports whether m is the answer to the command in flight, and what is odd about its clTRID.
// RFC 5730 section 2.6: a response has the clTRID of its command. One with another command's never is
// the answer, see answersID; an empty one is as one that the registry has made up. One without is taken
// for it, since only one command is in flight, but not where it could be a second answer to an earlier
// command: on a session whose answers have them. Some registries leave it out where they could not read
// the command (2000 to 2005) all the same. Nobody is given the answer to a logout.
func (s *session) matches(m *frame.Message) (Oddity, bool) {
	if s.s.InFlight() == pool.HelloInFlight {
		return OddNone, m.Kind == frame.KindGreeting
	}
	if m.Kind != frame.KindResponse {
		return OddNone, false
	}
	id, own := s.sentID(), []byte(nil)
	if x := of(s.s.Exchange()); x != nil {
		own = x.OwnClTRID()
	}
	switch {
	case m.EmptyID.Present():
		return OddIDEmpty, true
	case !m.ClTRID.Present():
		return OddNone, !s.named || id == nil || m.Code >= 2000 && m.Code <= 2005 ||
			s.s.InFlight() == pool.LogoutInFlight
	}
	odd, ok := answersID(m.ClTRID.Value, id, own)
	if id == nil { // the command had no place for one, so any but another command's will do
		return OddNone, ok
	}
	s.named = s.named || odd == OddNone
	return odd, ok
}

// outcomeOf returns the Outcome of x by its answer m. Called for DoFinish, at the end of the turn.
// Borrowed until the next call, and as long as m is.
func (a *Account) outcomeOf(m *frame.Message, x *Exchange) Outcome {
	return Outcome{End: pool.EndAnswered, Code: m.Code, Unit: a.restore(m, x),
		SvTRID: m.Payload[m.SvTRID.Start:m.SvTRID.End]}
}

// restore builds the answer for x's client from m. The muxTRIDs in clTRID and paTRID become the
// clients' own clTRIDs, octet for octet; where a client sent none, the element is left out. The
// answer to a payload that had no place for a muxTRID keeps its clTRID. A muxTRID in paTRID stays
// where the answer would become longer than MaxResponse by the clTRID: a registry may repeat one ever
// so often. Borrowed until the next call.
func (a *Account) restore(m *frame.Message, x *Exchange) []byte {
	a.edits = a.edits[:0]
	size := len(m.Payload)
	if m.ClTRID.Present() && x.muxTRIDAt > 0 {
		if x.clTRIDLen > 0 {
			size += a.replace(&m.ClTRID, x.OwnClTRID(), tridKnown, math.MaxInt)
		} else {
			size += a.replace(&m.ClTRID, nil, tridNone, math.MaxInt)
		}
	}
	if m.EmptyID.Present() && x.muxTRIDAt > 0 {
		size += a.fill(m, x)
	}
	for i := range m.PaTRID {
		if x.visiting { // the follower restores them
			break
		}
		content, known := a.trids.resolve(m.PaTRID[i].Value)
		size += a.replace(&m.PaTRID[i], content, known, a.cfg.MaxResponse-size)
	}
	if m.Encoding.End > 0 && slices.ContainsFunc(a.edits, beyondASCII) {
		a.edits = append(a.edits, frame.Edit{Span: m.Encoding})
	}
	if len(a.edits) > 1 {
		slices.SortFunc(a.edits, func(x, y frame.Edit) int { return x.Span.Start - y.Span.Start })
	}
	a.answer = frame.AppendUnit(a.answer[:0], m.Payload, a.edits)
	unit := a.answer
	if cap(a.answer) > readKept {
		a.answer = nil
	}
	return unit
}

// beyondASCII reports whether e puts in octets that an answer which declares another encoding than
// UTF-8 cannot hold.
func beyondASCII(e frame.Edit) bool {
	return slices.ContainsFunc(e.With, func(c byte) bool { return c >= utf8.RuneSelf })
}

// replace adds an edit that puts a client's clTRID, or nothing, in the place of id, unless the
// payload grows by more than room. It returns by how many octets it grows, which may be negative.
func (a *Account) replace(id *frame.ClTRID, content []byte, known stoodFor, room int) int {
	var e frame.Edit
	switch known {
	case tridKnown:
		e = frame.Edit{Span: id.Content, With: content}
	case tridNone:
		e = frame.Edit{Span: id.Element}
	default:
		return 0
	}
	grows := len(e.With) - (e.Span.End - e.Span.Start)
	if grows > max(0, room) {
		return 0
	}
	a.edits = append(a.edits, e)
	return grows
}
