package upstream

import (
	"bytes"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// What an answer says of its session's login by its code alone. What becomes of it is decided in
// pool/login.go.

// heldMost is the longest answer that is held, in octets. Refusals are short.
const heldMost = 16 << 10

// asWithoutLogin reports whether code is one by which registries answer commands of a session that has
// lost its login: 2002 (wrong order of commands), 2200, 2201 and, rarely, 2202. RFC 5730 section 3.
func asWithoutLogin(code int) bool {
	switch code {
	case 2002, 2200, 2201, 2202:
		return true
	}
	return false
}

// showsLogin reports whether only a session that is logged in gets an answer of that code: success, or a
// refusal that takes a look at the account or the object. A registry may read a command, and refuse it
// for its form, or since it has no such command, or for trouble of its own, before it asks for a login.
func showsLogin(code int) bool {
	switch {
	case code == 2202:
		return false
	case code < 2000, code >= 2104 && code < 2200, code >= 2300 && code < 2400:
		return true
	}
	return false
}

// doubted reports whether the pool has taken over m, the answer to a client's command, since it may say
// that the session is not logged in.
func (s *session) doubted(m *frame.Message, end pool.Cause) bool {
	if !s.doubtable(m, end) {
		return false
	}
	d := pool.DoubtWeak
	if m.Code == 2200 {
		d = pool.DoubtStrong
	}
	s.doubt(m, d)
	return true
}

// doubtable reports whether m can be held until the session has been asked.
func (s *session) doubtable(m *frame.Message, end pool.Cause) bool {
	x := of(s.s.Exchange())
	return x != nil && !x.LoginLost() && end == pool.CauseNone && asWithoutLogin(m.Code) && len(m.Payload) <= heldMost
}

// doubt has the pool take over m, which is doubtable.
func (s *session) doubt(m *frame.Message, d pool.Doubt) {
	a, x := s.a, of(s.s.Exchange())
	rejection := a.rejection(x, m) // while x is still this session's
	switch a.pool.Doubted(s.s, d, a.now()) {
	case pool.RuledHeld:
		a.counts.Held++
		x.held, x.heldAt = bytes.Clone(m.Payload), a.now()
	case pool.RuledLost:
		s.warnOfLoss(m.Code)
		a.note(rejection)
	case pool.RuledGone:
		s.warnOfLoss(m.Code)
	}
}

// pollRefused takes m, the answer to our own poll, by which the session is not logged in.
func (s *session) pollRefused(m *frame.Message) {
	a, means := s.a, s.a.pool.PollsMean()
	x := of(s.s.Doubted())
	switch ruling := a.pool.PollRefused(s.s, a.now()); {
	case ruling != pool.RuledAnswered:
		s.warnOfLoss(m.Code)
		if ruling == pool.RuledLost {
			a.note(a.rejection(x, a.answerTo(x)))
		}
	case means:
		a.log.Warn("registry refuses polls on sessions that are logged in: a lost login is known by its words only",
			"session", s.s.ID, "code", m.Code)
	}
}

func (s *session) warnOfLoss(code int) {
	s.a.log.Warn("registry says that the session is not logged in; it is replaced", "session", s.s.ID, "code", code)
}

// answerTo returns the answer by which x ends: the one that is held for it, or else the one that the
// pool was told of last. Valid in this turn.
func (a *Account) answerTo(x *Exchange) *frame.Message {
	if x.held == nil {
		return a.inHand
	}
	m, _, err := readAnswer(new(frame.Scanner), x.held, nil)
	if err != nil {
		panic("BUG: an answer that was read is none: " + err.Error())
	}
	return m
}
