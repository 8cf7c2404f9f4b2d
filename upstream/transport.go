package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"

	"eppmux/frame"
)

const (
	// readSize is what a session's buffer has room for at the least, in octets: a TLS record.
	readSize = 16 << 10
	// readKept is the largest buffer that a session keeps once it is empty.
	readKept = 256 << 10
)

// transport is a Session's octets on the loop, which owns it: it writes commands and reads answers.
// It is the Handler of the session's socket.
type transport struct {
	a        *Account
	s        *Session
	socket   *LoopConn
	conn     net.Conn           // tls.Conn over socket, or socket itself
	in       []byte             // what has been read and not taken
	out      []byte             // message of our own
	cancel   context.CancelFunc // gives up opening
	decided  atomic.Bool        // the login may be sent, or may not any more: whoever sets this has decided
	own      []byte             // its transaction id; nil for a hello
	doing    doing
	opened   bool // the pool knows of it
	recalled bool // before the login was sent
	closed   bool
	seen     seen // owned by open, then by the loop

	announced func(turn uint64, ok bool) // tells the account that an announcement has ended; immutable
}

// doing is what a session has in flight.
type doing uint8

const (
	doingNothing doing = iota
	doingExchange
	doingHello
	doingPoll
	doingLogout
)

func (d doing) String() string { return [...]string{"", "command", "hello", "poll", "logout"}[d] }

func (s *Session) transport() *transport { return s.Transport.(*transport) }

// Opened is Handler's.
func (t *transport) Opened(s Socket) { t.socket.Attach(s) }

// Closed is Handler's.
func (t *transport) Closed(error) {
	t.socket.Detach()
	t.closed = true
	if !t.opened { // login is not yet told: ready finds it closed
		return
	}
	a := t.a
	a.enter()
	a.pool.Closed(t.s, a.now)
	a.counts.SessionCloses[t.s.cause]++
	a.log.Info("session closed", "session", t.s.ID, "reason", t.s.cause.String())
	a.leave()
}

// ready tells the pool that the session has logged in, unless something has come behind the login's
// answer: nobody asked for that, or it is the end.
func (t *transport) ready() {
	a := t.a
	a.enter()
	defer a.leave()
	end := CauseRegistryClosed
	if !t.closed {
		end = t.fill()
	}
	if len(t.in) > 0 {
		end = CauseUnasked
	}
	if end != CauseNone || t.closed {
		t.note(end)
		t.close()
		a.log.Warn("session could not be opened", "session", t.s.ID, "reason", end.String())
		a.counts.Logins[LoginFailed]++
		a.troubled("behind the login: "+end.String(), end)
		a.pool.OpenFailed(t.s, end, a.now)
		return
	}
	t.opened = true
	a.counts.Logins[LoginOK]++
	a.log.Info("session opened", "session", t.s.ID)
	a.trouble, a.cause = "", CauseNone
	a.pool.Opened(t.s, a.now)
}

func (t *transport) close() {
	if !t.closed {
		_ = t.socket.Close() // Closed has been called when it returns
	}
}

// recall gives up opening the session, unless its login is on its way.
func (t *transport) recall() {
	if t.decided.CompareAndSwap(false, true) {
		t.recalled = true
		t.cancel()
	}
}

// poison ends the session for cause, and with it what is in flight.
func (t *transport) poison(cause Cause) {
	t.note(cause)
	t.a.pool.Poison(t.s, cause)
}

// note records a session that is out of step: octets came that do not belong where they came.
func (t *transport) note(cause Cause) {
	switch cause {
	case CauseFrame, CauseMismatch, CauseUnasked:
		t.a.counts.Desync[cause]++
		t.a.log.Error("session is out of step with the registry and carries nothing more",
			"session", t.s.ID, "reason", cause.String())
	}
}

// write writes a whole data unit at once, so that it becomes one TLS record where it fits. An error
// needs no care: the socket is closed then, and Closed has told the pool.
func (t *transport) write(unit []byte, what doing) {
	t.doing = what
	_, _ = t.conn.Write(unit)
}

// pending says whether the registry has sent something, or its end, since its last message was
// taken: an answer that nobody waits for must not be taken for the next command's, and behind the
// end nothing must be written. It is asked before each command, also right behind an answer, since
// registries close there.
func (t *transport) pending() bool {
	return t.socket.Pending() || t.conn != net.Conn(t.socket) && t.socket.records.partial()
}

// sendExchange writes a client's command, unless the session is at its end or has something to say.
func (t *transport) sendExchange(x *Exchange) {
	a := t.a
	switch {
	case t.s.x != x: // it has ended with the session
		return
	case t.closed || t.s.state != SessionBusy:
		a.pool.Unsent(t.s, x, CauseRegistryClosed, a.now)
		return
	case t.pending():
		a.pool.Unsent(t.s, x, CauseUnasked, a.now)
		return
	}
	if x.sent {
		a.renew(x)
	}
	x.sent = true
	a.counts.sent(x)
	t.write(x.buf.B[:x.unit], doingExchange)
}

func (t *transport) sendKeepalive() {
	if t.unfit() {
		return
	}
	if t.a.cfg.Pool.KeepaliveCommand == frame.CommandPoll {
		t.renewOwn()
		t.out = frame.AppendPoll(t.out[:0], string(t.own))
		t.write(t.out, doingPoll)
		return
	}
	t.out = frame.AppendHello(t.out[:0])
	t.write(t.out, doingHello)
}

func (t *transport) sendLogout() {
	if t.unfit() {
		return
	}
	t.renewOwn()
	t.out = frame.AppendLogout(t.out[:0], string(t.own))
	t.write(t.out, doingLogout)
}

// unfit ends the session where a command of our own finds it at its end, or with something to say.
func (t *transport) unfit() bool {
	if t.closed || t.s.state == SessionClosing {
		return true
	}
	if t.pending() {
		t.poison(CauseUnasked)
		return true
	}
	return false
}

// renewOwn makes a transaction id for a command of our own.
func (t *transport) renewOwn() {
	t.own = t.a.trids.appendMuxTRID(t.own[:0], nil, nil, t.a.wall())
}

// Readable is Handler's.
func (t *transport) Readable() {
	if !t.opened {
		return // read when the pool knows of the session
	}
	t.a.enter()
	t.read()
	t.a.leave()
}

// read reads what has come and takes the message in it.
func (t *transport) read() {
	end := t.fill()
	t.take(end)
}

// fill reads what has come. It returns why the session ends, or CauseNone.
func (t *transport) fill() Cause {
	for !t.closed {
		t.in = slices.Grow(t.in, readSize)
		n, err := t.conn.Read(t.in[len(t.in):cap(t.in)])
		t.in = t.in[:len(t.in)+n]
		switch {
		case err == nil && len(t.in) < cap(t.in) && t.socket.Drained():
			return CauseNone
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return CauseNone
		default:
			return readCause(err)
		}
	}
	return CauseRegistryClosed
}

// readCause tells the registry's closing from octets that TLS does not accept.
func readCause(err error) Cause {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return CauseRegistryClosed
	}
	return CauseFrame
}

// take takes the message that has come whole. One is due at most: whatever comes behind it nobody
// asked for, and the session ends. It also ends for the given cause, unless that is CauseNone,
// after the message has been taken.
func (t *transport) take(end Cause) {
	if t.closed || t.s.state == SessionClosing {
		return
	}
	n, err := frame.Size(t.in, t.a.cfg.MaxResponse)
	switch {
	case len(t.in) == 0:
	case t.doing == doingNothing:
		end = CauseUnasked
		if err == nil && n > 0 && len(t.in) >= n {
			t.news(t.in[frame.HeaderLen:n])
		}
	case err != nil:
		end = CauseFrame
	case n == 0 || len(t.in) < n:
	default:
		if len(t.in) > n {
			end = CauseUnasked
		}
		t.message(t.in[frame.HeaderLen:n], end)
		if t.in = t.in[:0]; cap(t.in) > readKept {
			t.in = nil
		}
		return
	}
	if end != CauseNone {
		t.poison(end)
	}
}

// news takes from a message that nobody asked for what there is to learn: a greeting says what the
// registry offers now.
func (t *transport) news(payload []byte) {
	if m, err := t.a.scanner.Scan(payload); err == nil && m.Kind == frame.KindGreeting {
		t.a.cfg.OnGreeting(bytes.Clone(m.Payload))
	}
}

// message takes the message that ends what is in flight, and the session with it unless end is
// CauseNone.
func (t *transport) message(payload []byte, end Cause) {
	a := t.a
	m, err := a.scanner.Scan(payload)
	switch {
	case err != nil:
		a.log.Error("registry sent a message that does not parse", "session", t.s.ID, "err", err.Error())
		t.poison(CauseFrame)
		return
	case !t.matches(m):
		t.poison(CauseMismatch)
		return
	}
	// The end of the connection may have come in the same read: the answer is its reason all the
	// same.
	if (end == CauseNone || end == CauseRegistryClosed) && closes(m.Code) && t.doing != doingLogout && !matchAny(a.cfg.Throttled, m) {
		end = CauseCodeCloses
		a.troubled(t.farewell(m), end)
		a.log.Warn("registry ends a session by its answer; often too many commands: compare rate_limits with what it allows",
			"session", t.s.ID, "code", m.Code, "err", a.trouble)
	}
	if t.doing == doingHello {
		a.cfg.OnGreeting(bytes.Clone(m.Payload))
	}
	what := t.doing
	t.doing = doingNothing
	t.note(end)
	if what != doingLogout && t.rejected(m, end) {
		return
	}
	x := t.s.x
	var o Outcome
	if x != nil {
		o = a.answered(m, x)
	}
	a.pool.Answered(t.s, end, a.now)
	if x != nil {
		a.finish(x, o)
	}
}

// farewell is what is known of an answer that ends the session. What is said about a client's
// command stays between the registry and the client: it may repeat what stands in the command, an
// authInfo for one.
func (t *transport) farewell(m *frame.Message) string {
	if t.doing == doingExchange {
		return fmt.Sprintf("result code %d", m.Code)
	}
	return refusal(m, &t.a.target.login).Error()
}

// rejected deals with an answer that says that the command was not executed since the session has
// lost its login, or since the registry wants fewer. It is false when the answer is the client's.
func (t *transport) rejected(m *frame.Message, end Cause) bool {
	a := t.a
	switch {
	case matchAny(a.cfg.Lost, m):
		a.log.Warn("registry says that the session is not logged in; it is replaced", "session", t.s.ID, "code", m.Code)
		x := t.s.x
		rejected := a.rejection(x, m) // of the session that it is on now
		if a.pool.LoginLost(t.s, a.now) || x == nil {
			a.audit(rejected)
			return true
		}
		a.finish(x, a.answered(m, x))
		return true
	case matchAny(a.cfg.Throttled, m):
		a.audit(a.rejection(t.s.x, m))
		a.counts.Throttled++
		a.pool.Throttled(t.s, end, a.now)
		return true
	}
	return false
}

// closes says whether a result code ends the session. RFC 5730 section 3: the second digit 5 is
// "connection management"; registries use it in codes that the RFC does not list, such as 1501.
func closes(code int) bool { return code/100%10 == 5 }

// matches says whether m is the answer to what is in flight. RFC 5730 section 2.6: a response
// carries the clTRID of its command. Some carry none, which does no harm while one command is in
// flight; another's is never delivered.
func (t *transport) matches(m *frame.Message) bool {
	if t.doing == doingHello {
		return m.Kind == frame.KindGreeting
	}
	if m.Kind != frame.KindResponse {
		return false
	}
	if !m.ClTRID.Present() {
		return true
	}
	id := t.own
	if t.doing == doingExchange {
		id = t.s.x.MuxTRID()
	}
	if id == nil { // nothing to compare with, but it must not be one that we gave to another command
		return !isMuxTRID(m.ClTRID.Value)
	}
	return bytes.Equal(m.ClTRID.Value, id)
}

// answered is what x's client is told of its answer. Borrowed until the next call, and as long as
// m.
func (a *Account) answered(m *frame.Message, x *Exchange) Outcome {
	return Outcome{End: EndAnswered, Code: m.Code, Unit: a.restore(m, x), SvTRID: m.Payload[m.SvTRID.Start:m.SvTRID.End]}
}

// restore builds the answer for x's client from m: the client's own clTRID, octet for octet, or
// none if it sent none, and the same in every paTRID. Borrowed until the next call.
func (a *Account) restore(m *frame.Message, x *Exchange) []byte {
	a.edits = a.edits[:0]
	for i := range m.PaTRID {
		content, known := a.trids.resolve(m.PaTRID[i].Value)
		a.replace(&m.PaTRID[i], content, known)
	}
	if m.ClTRID.Present() && x.tridAt > 0 {
		if x.own > 0 {
			a.replace(&m.ClTRID, x.OwnClTRID(), ownContent)
		} else {
			a.replace(&m.ClTRID, nil, ownNone)
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

func (a *Account) replace(id *frame.ClTRID, content []byte, known own) {
	switch known {
	case ownContent:
		a.edits = append(a.edits, frame.Edit{Span: id.Content, With: content})
	case ownNone:
		a.edits = append(a.edits, frame.Edit{Span: id.Element})
	}
}
