package upstream

import (
	"errors"
	"fmt"
	"strings"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// What is said when a session logs in, whatever carries it. A carrier calls these on the goroutine
// that opens the session.

// openError is why a session could not be opened, with the step that failed.
type openError struct {
	step  string
	cause pool.Cause
	err   error
}

func (e *openError) Error() string { return e.step + ": " + e.err.Error() }
func (e *openError) Unwrap() error { return e.err }

// errRecalled is why a session was not opened whose opening was given up before its login was sent.
var errRecalled = &openError{"login", pool.CauseShutdown, errors.New("recalled")}

// errFenced is why a session was not opened whose login would have been behind the fence.
var errFenced = &openError{"login", pool.CauseFenced, loop.ErrBarred}

// openCause is the kind of an error by which a session could not be opened.
func openCause(err error) pool.Cause {
	if e := (*openError)(nil); errors.As(err, &e) {
		return e.cause
	}
	return pool.CauseConnect
}

// loginFor composes the login of a session: that of the target, with services and language from the
// registry's greeting where the target names none.
func (s *session) loginFor(to *target, g *frame.Greeting) frame.Login {
	l := to.login
	l.Version = "1.0"
	l.Complete(*g)
	s.root, s.services, s.asked = l.Root, servicesOf(&l, &to.login), setOf(&l)
	if len(g.Languages) > 0 && l.Language != "" && !g.Offers(l.Language) {
		s.seen.language = l.Language
	}
	l.ClTRID = string(s.muxTRID)
	return l
}

// judgeLogin takes the answer to l, and returns why the session is not logged in; nil if it is.
func (s *session) judgeLogin(m *frame.Message, l *frame.Login) error {
	ok := m.Kind == frame.KindResponse
	if ok && m.ClTRID.Present() {
		var odd Oddity
		if odd, ok = answersID(m.ClTRID.Value, s.muxTRID, nil); ok && odd != OddNone {
			s.atLogin = odd
		}
	} else if m.EmptyID.Present() {
		s.atLogin = OddIDEmpty
	}
	if !ok {
		return &openError{"login", pool.CauseMismatch, fmt.Errorf("got a %v that is not its answer", m.Kind)}
	}
	s.seen.answer(m, l)
	cause := pool.CauseCodeCloses
	switch {
	case m.Code >= 2000:
		cause = loginCause(m.Code)
	case !frame.Code(m.Code).Ends():
		return nil
	}
	cause = s.unlessTold(cause, m)
	err := refusal(m, l)
	if aboutServices(m.Code) {
		err = fmt.Errorf("%w; %s", err, s.services)
	}
	return &openError{"login", cause, err}
}

// unlessTold returns cause, the kind of the refusal m, unless that is the session limit and m names a
// time to wait: then the registry wants fewer logins for that long, and no ceiling is learnt.
func (s *session) unlessTold(cause pool.Cause, m *frame.Message) pool.Cause {
	if cause != pool.CauseTooManySessions {
		return cause
	}
	if s.told = waitNamed(wordsOf(m), nil); s.told > 0 {
		return pool.CauseThrottled
	}
	return cause
}

// ungreeted is the error of a message in place of the greeting, or right behind it, before a login
// was sent. Many registries say there why they do not serve us: 2502 above the ceiling of sessions, 2400
// and 2500 while they work on themselves, 2200 or 2501 to an address that they do not know.
func (s *session) ungreeted(m *frame.Message, l *frame.Login) error {
	if m.Kind != frame.KindResponse {
		return &openError{"greeting", pool.CauseGreeting, fmt.Errorf("got a %v", m.Kind)}
	}
	cause := pool.CauseGreeting
	if m.Code == 2502 {
		cause = pool.CauseTooManySessions
	}
	return &openError{"greeting: got a response in its place", s.unlessTold(cause, m), refusal(m, l)}
}

// loginCause is the kind of a refused login, by what a retry does. Failures of the server (24xx,
// 2500) pass, as does 2002, which is about the order of commands: some say so while they count another
// session of the account. 2502 is the session limit. Any other code is about what we send, the
// credentials (2200, 2201, 2501) or the rest, and comes again until the operator changes something.
func loginCause(code int) pool.Cause {
	switch {
	case code == 2502:
		return pool.CauseTooManySessions
	case code == 2002 || code == 2500 || code/100 == 24:
		return pool.CauseRegistryClosed
	}
	return pool.CauseLoginRefused
}

// maxRefusal is the longest part of a registry's words that is logged, in octets.
const maxRefusal = 200

// refusal is what the registry answers to a message of our own, without the passwords of l, which
// the answer may repeat. A password is what can have broken its XML, so such an answer is not shown.
func refusal(m *frame.Message, l *frame.Login) error {
	if m.Broken {
		return fmt.Errorf("result code %d, in words that are no good XML", m.Code)
	}
	msg := wordsOf(m)
	if msg == "" {
		return fmt.Errorf("result code %d", m.Code)
	}
	return fmt.Errorf("result code %d: %q", m.Code, shorten(l.Hide(msg)))
}

// shorten returns the part of text that is kept.
func shorten(text string) string {
	if len(text) <= maxRefusal {
		return text
	}
	return strings.ToValidUTF8(text[:maxRefusal], "") + "..."
}
