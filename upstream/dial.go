package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// openError says at which step a session could not be opened.
type openError struct {
	step  string
	cause pool.Cause
	err   error
}

func (e *openError) Error() string { return e.step + ": " + e.err.Error() }
func (e *openError) Unwrap() error { return e.err }

// open opens t's session: connect, TLS, greeting, login, and over to the loop. It runs on a
// goroutine of its own, which ends with the attempt or with ctx; Close waits for it.
func (a *Account) open(ctx context.Context, t *tlsCarrier, to target) {
	defer a.dials.Done()
	defer t.giveUp()
	greeting, err := t.logIn(ctx, to)
	if err == nil {
		err = a.enroll(t)
	}
	a.loop.Post(func() {
		if greeting != nil {
			a.greeted(greeting)
		}
		a.learn(t.s, t.seen)
		if err == nil {
			a.turn(t.ready)
		} else {
			a.turn(func() { a.openFailed(t, err) })
		}
	})
}

func (a *Account) enroll(t *tlsCarrier) error {
	if err := t.socket.Conn.SetDeadline(time.Time{}); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	if err := a.loop.Enroll(t.socket.Conn, t); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	return nil
}

func (a *Account) openFailed(t *tlsCarrier, err error) {
	cause := pool.CauseConnect
	if e := (*openError)(nil); errors.As(err, &e) {
		cause = e.cause
	}
	if t.login.Load() == loginRecalled { // we gave it up: how it ended says nothing
		cause = pool.CauseShutdown
	} else {
		a.counts.Logins[loginResult(cause)]++
		a.log.Warn("session could not be opened", "session", t.s.ID, "reason", cause.String(), "err", err.Error())
		a.troubled(err.Error(), cause)
	}
	a.pool.OpenFailed(t.s, cause, a.now())
}

// troubled notes why there is no session, or one less.
func (a *Account) troubled(why string, cause pool.Cause) {
	if a.trouble == "" {
		a.troubleSince = a.clock()
	}
	a.trouble, a.cause = why, cause
}

// logIn does all that comes before the session is the loop's, with blocking calls. It returns the
// greeting's payload as soon as there was one, also with an error.
func (t *tlsCarrier) logIn(ctx context.Context, to target) (greeting []byte, err error) {
	if err := t.connect(ctx, to); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { t.socket.Conn.Close() })
	defer func() {
		if !stop() && err == nil {
			err = &openError{"login", pool.CauseRegistryClosed, ctx.Err()}
		}
		if err != nil {
			t.socket.Conn.Close()
		}
	}()
	scanner := new(frame.Scanner)
	m, err := t.receive(scanner, to.greetingTimeout, to.maxResponse)
	if alerted(err) { // with TLS 1.3, a client's certificate is judged after the handshake
		return nil, &openError{"tls: the registry does not accept our certificate", pool.CauseTLS, err}
	}
	if err != nil {
		return nil, &openError{"greeting", pool.CauseGreeting, err}
	}
	if m.Kind != frame.KindGreeting {
		return nil, &openError{"greeting", pool.CauseGreeting, fmt.Errorf("got a %v", m.Kind)}
	}
	greeting = append(greeting, m.Payload...)
	g, err := frame.ParseGreeting(greeting)
	if err != nil {
		return nil, &openError{"greeting", pool.CauseGreeting, err}
	}
	return greeting, t.authenticate(scanner, g, to)
}

// connect connects and shakes hands.
func (t *tlsCarrier) connect(ctx context.Context, to target) error {
	ctx, cancel := context.WithTimeout(ctx, to.connectTimeout)
	defer cancel()
	nc, err := to.dial(ctx)
	if err != nil {
		return &openError{"connect", pool.CauseConnect, err}
	}
	t.socket = &loop.Conn{Conn: nc}
	t.conn = t.socket
	if to.tls != nil {
		tc := tls.Client(t.socket, to.tls)
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return &openError{"tls", pool.CauseTLS, err}
		}
		t.conn = tc
		t.seen.certificate(tc.ConnectionState())
	}
	return nil
}

// alerted reports whether an error is an alert of the other side's TLS.
func alerted(err error) bool {
	e := (*net.OpError)(nil)
	return errors.As(err, &e) && e.Op == "remote error"
}

// lookupFailed reports whether a name could not be looked up.
func lookupFailed(err error) bool {
	e := (*net.DNSError)(nil)
	return errors.As(err, &e)
}

// authenticate sends the login and reads its answer.
func (t *tlsCarrier) authenticate(scanner *frame.Scanner, g frame.Greeting, to target) error {
	if len(t.in) > 0 { // it would be taken for the login's answer, and that for the first command's
		return &openError{"login", pool.CauseUnasked, errors.New("octets behind the greeting")}
	}
	l := to.login
	l.Version = "1.0"
	if len(l.ObjectURIs) == 0 {
		l.ObjectURIs = g.ObjectURIs
	}
	if len(l.ExtensionURIs) == 0 {
		l.ExtensionURIs = g.ExtensionURIs
	}
	l.Language = language(l.Language, g.Languages)
	l.ClTRID = string(t.muxTRID)
	if !t.login.CompareAndSwap(loginOpen, loginSent) {
		return &openError{"login", pool.CauseShutdown, errors.New("recalled")}
	}
	t.conn.SetWriteDeadline(time.Now().Add(to.loginTimeout))
	if _, err := t.conn.Write(frame.AppendLogin(nil, &l)); err != nil {
		return &openError{"login", pool.CauseRegistryClosed, err}
	}
	m, err := t.receive(scanner, to.loginTimeout, to.maxResponse)
	if err != nil {
		return &openError{"login", pool.CauseRegistryClosed, err}
	}
	if m.Kind != frame.KindResponse || m.ClTRID.Present() && string(m.ClTRID.Value) != l.ClTRID {
		return &openError{"login", pool.CauseMismatch, fmt.Errorf("got a %v that is not its answer", m.Kind)}
	}
	t.seen.answer(m, &l)
	if m.Code >= 2000 {
		return &openError{"login", loginCause(m.Code), refusal(m, &l)}
	}
	if closes(m.Code) {
		return &openError{"login", pool.CauseCodeCloses, refusal(m, &l)}
	}
	return nil
}

// language is the one that is wanted, or else one that the registry has: English, if it can be.
func language(want string, have []string) string {
	switch {
	case want != "":
		return want
	case len(have) == 0 || slices.Contains(have, "en"):
		return "en"
	}
	return have[0]
}

// loginCause sorts refusals by what a retry does. Those of the server (24xx, 2500) pass; 2502 is
// the session limit; the others are about what we send, and stay until the operator changes
// something.
func loginCause(code int) pool.Cause {
	switch {
	case code == 2502:
		return pool.CauseTooManySessions
	case code == 2500 || code/100 == 24:
		return pool.CauseRegistryClosed
	}
	return pool.CauseLoginRefused
}

// maxRefusal is how much of a registry's words is logged, in octets.
const maxRefusal = 200

// refusal is what the registry says to a message of our own, without the passwords of l, which it
// may have said as well.
func refusal(m *frame.Message, l *frame.Login) error {
	msg := wordsOf(m)
	if msg == "" {
		return fmt.Errorf("result code %d", m.Code)
	}
	return fmt.Errorf("result code %d: %q", m.Code, shorten(l.Hide(msg)))
}

// shorten is text as far as it is kept.
func shorten(text string) string {
	if len(text) <= maxRefusal {
		return text
	}
	return strings.ToValidUTF8(text[:maxRefusal], "") + "..."
}

// receive reads one message with blocking calls. Octets behind it stay in t.in.
func (t *tlsCarrier) receive(scanner *frame.Scanner, within time.Duration, limit int) (*frame.Message, error) {
	if err := t.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	for {
		n, err := frame.Size(t.in, limit)
		if err != nil {
			return nil, err
		}
		if n > 0 && len(t.in) >= n {
			m, err := scanner.Scan(append([]byte(nil), t.in[frame.HeaderLen:n]...))
			t.in = append(t.in[:0], t.in[n:]...)
			return m, err
		}
		var chunk [4096]byte
		k, err := t.conn.Read(chunk[:])
		t.in = append(t.in, chunk[:k]...)
		if err != nil && k == 0 {
			if errors.Is(err, io.EOF) {
				err = errors.New("the registry closed the connection")
			}
			return nil, err
		}
	}
}
