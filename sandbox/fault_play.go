package sandbox

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net"
	"slices"
	"time"
)

// Huge sends trickleSize octets every trickleGap: 8 MiB take some 50 s.
const (
	trickleSize = 16 << 10
	trickleGap  = 100 * time.Millisecond
)

// faulty plays the faults that keep a command from being carried out.
func (s *session) faulty(ex *exchange) (answer, bool) {
	if ex.play == nil {
		return answer{}, false
	}
	switch ex.play.Kind {
	case CloseBefore, ResetBefore:
		return hangup(), true
	case SilentBefore:
		return answer{fate: fateWithheld}, true
	case CloseWith2500:
		return answer{code: codeFailedEnding, ends: true}, true
	case Throttle:
		return refuse(codeLimitExceeded, "command rate exceeded; not carried out"), true
	case RefuseLogin:
		return answer{code: ex.play.Code, ends: ex.play.Code != codeAuthentication}, true
	case LostLogin:
		s.zombie = true
	case LostSession:
		s.expire()
		return sessionTimeout(), true
	}
	return answer{}, false
}

// alter plays the faults that change an answer before it is composed.
func (s *session) alter(ex *exchange) {
	if ex.play == nil {
		return
	}
	a := &ex.answer
	switch ex.play.Kind {
	case CloseAfter, Reset:
		a.fate = fateHangup
	case Silent:
		a.fate = fateWithheld
	case Slow:
		a.delay += ex.play.Delay
	case X5xx:
		if a.code != 0 {
			a.code, a.ends = cmp.Or(ex.play.Code, endingOf(a.code)), true
		}
	}
}

// perform plays the faults of writing. b is the data unit of the answer. It returns why the session
// ends, empty if it goes on. If written is false, the caller writes b as it is.
func (s *session) perform(ex *exchange, b []byte) (reason string, written bool) {
	if ex.play == nil {
		return "", false
	}
	switch f := ex.play; f.Kind {
	case Half:
		s.wrote(b[:len(b)/2])
		return "fault half", true
	case Stall:
		s.mute = true
		return s.wrote(b[:len(b)/2]), true
	case Duplicate:
		return s.wrote(slices.Concat(b, b)), true
	case Unasked:
		s.plan(f.Delay, ex)
	case Goodbye:
		s.unasked = unasked{goodbyeAfter, s.sentence(cmp.Or(f.Code, codeFailedEnding)), true}
	case Greeting:
		return s.wrote(s.greeting()), true
	case Garbage:
		return s.wrote(dataUnit([]byte("<<< not XML\x00\xff"))), true
	case OddXML:
		return s.wrote(dataUnit(bytes.Replace(b[headerLen:], []byte("</msg>"), []byte("\f</msg>"), 1))), true
	case BadLength:
		binary.BigEndian.PutUint32(b, f.Size)
		return s.wrote(b), true
	case Huge:
		return s.trickle(f.Size), true
	}
	return "", false
}

// wrote writes octets as they are. It returns why the session ends, empty if it goes on.
func (s *session) wrote(b []byte) string {
	if _, err := s.conn.Write(b); err != nil {
		return clientClosed
	}
	return ""
}

func dataUnit(payload []byte) []byte {
	b := append(beginFrame(nil), payload...)
	endFrame(b)
	return b
}

// trickle announces a data unit of size octets and sends it slowly, so that a client must judge by
// the header.
func (s *session) trickle(size uint32) string {
	header := binary.BigEndian.AppendUint32(nil, size)
	chunk := bytes.Repeat([]byte(" "), trickleSize)
	if reason := s.wrote(header); reason != "" {
		return reason
	}
	for left := int64(size) - headerLen; left > 0; left -= trickleSize {
		if reason := s.wrote(chunk[:min(left, trickleSize)]); reason != "" {
			return reason
		}
		if !s.pause(trickleGap) {
			return registryClosed
		}
	}
	return ""
}

// unasked is an answer that the session will write without a command.
type unasked struct {
	after time.Duration // time without a message before it is written; 0: none is planned
	unit  []byte
	last  bool // the session ends behind it
}

// goodbyeAfter is how long a session is idle before the fault Goodbye.
const goodbyeAfter = 100 * time.Millisecond

// sentence is the data unit of a response with the code that answers no command.
func (s *session) sentence(code int) []byte {
	return s.r.cfg.Quirks.dress(dataUnit(appendResponse(nil, answer{code: code}, "", s.r.nextSvTRID())), code)
}

// plan prepares the unasked answer, with the clTRID of the message that it repeats.
func (s *session) plan(after time.Duration, ex *exchange) {
	p := appendResponse(nil, done(""), ex.req.clTRID, s.r.nextSvTRID())
	s.unasked = unasked{after: after, unit: dataUnit(p)}
}

// speakUp writes the unasked answer.
func (s *session) speakUp() string {
	u := s.unasked
	s.unasked = unasked{}
	if reason := s.wrote(u.unit); reason != "" || !u.last {
		return reason
	}
	return "fault " + Goodbye.String()
}

// cut closes the connection, by TCP reset if it is over TCP. It goes past TLS, which would send a
// close_notify first.
func (s *session) cut() {
	conn := s.conn
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
