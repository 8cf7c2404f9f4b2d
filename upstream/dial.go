package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// openTCP makes the carrier of s over TCP, with TLS or without, and begins to open the session. On
// the loop.
func openTCP(s *session) carrier {
	ctx, cancel := context.WithCancel(s.a.ctx)
	t := &tcpCarrier{session: s}
	t.giveUp = cancel
	s.a.dials.Add(1)
	go t.open(ctx, s.a.target)
	return t
}

// open opens t's session: it connects, shakes hands, logs in, and hands the socket to the loop. It
// runs on a goroutine of its own, which ends with the attempt or with ctx; Account.Close waits for
// it.
func (t *tcpCarrier) open(ctx context.Context, to target) {
	a := t.a
	defer a.dials.Done()
	defer t.giveUp()
	greeting, err := t.logIn(ctx, to)
	if errors.Is(err, loop.ErrBarred) { // at whichever step
		err = errFenced
	}
	if ctx.Err() == nil { // given up by ourselves, it says nothing of the address
		err = to.judge(t.at, err)
	}
	if err == nil {
		err = t.enroll(a.loop, t)
	}
	a.loop.Post(func() {
		t.shown(greeting)
		switch {
		case err == nil:
			a.turn(t.ready)
		case t.login.Load() == loginRecalled: // how it failed says nothing of the registry
			a.turn(func() { t.notOpened(errRecalled) })
		default:
			a.turn(func() { t.notOpened(err) })
		}
	})
}

// logIn connects and logs in with blocking calls. It returns the payload of the greeting if one has
// come, also with an error.
func (t *tcpCarrier) logIn(ctx context.Context, to target) (greeting []byte, err error) {
	if err := t.connect(ctx, &to); err != nil {
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
	m, err := t.receiveMessage(to.greetingTimeout, to.maxResponse, func(payload []byte) (m *frame.Message, err error) {
		m, t.atFirst, err = readGreeting(scanner, payload)
		return m, err
	})
	if loop.Alerted(err) { // with TLS 1.3, a client's certificate is judged after the handshake
		return nil, t.handshakeFailed(err)
	}
	if err != nil {
		return nil, &openError{"greeting", pool.CauseGreeting, err}
	}
	if m.Kind != frame.KindGreeting {
		return nil, t.ungreeted(m, &to.login)
	}
	greeting = append(greeting, m.Payload...)
	g, err := frame.ParseGreeting(greeting)
	if err != nil {
		return nil, &openError{"greeting", pool.CauseGreeting, err}
	}
	return greeting, t.authenticate(scanner, &g, to)
}

// connect dials and shakes hands, unless nothing may be written to the registry any more.
func (t *tcpCarrier) connect(ctx context.Context, to *target) error {
	if t.barred != nil && t.barred() {
		return errFenced
	}
	if err := t.wire.connect(ctx, to, "the registry", t.barred); err != nil {
		return err
	}
	if tc, ok := t.conn.(*tls.Conn); ok {
		t.seen.certificate(tc.ConnectionState())
	}
	return nil
}

// authenticate sends the login and reads its answer.
func (t *tcpCarrier) authenticate(scanner *frame.Scanner, g *frame.Greeting, to target) error {
	if len(t.in) > 0 { // it would be taken for the login's answer, and that for the first command's
		return t.behindGreeting(scanner, &to)
	}
	l := t.loginFor(&to, g)
	if !t.login.CompareAndSwap(loginOpen, loginSent) {
		return errRecalled
	}
	t.conn.SetWriteDeadline(time.Now().Add(to.loginTimeout))
	if _, err := t.conn.Write(frame.AppendLogin(nil, &l)); err != nil {
		return &openError{"login", pool.CauseRegistryClosed, err}
	}
	m, err := t.receiveMessage(to.loginTimeout, to.maxResponse, func(payload []byte) (m *frame.Message, err error) {
		m, t.atLogin, err = readAnswer(scanner, payload, t.muxTRID)
		return m, err
	})
	if err != nil {
		return &openError{"login", pool.CauseRegistryClosed, err}
	}
	return t.judgeLogin(m, &l)
}

// receiveMessage receives one message with blocking calls, and reads it.
func (t *tcpCarrier) receiveMessage(within time.Duration, limit int,
	read func([]byte) (*frame.Message, error)) (*frame.Message, error) {
	payload, err := t.receive(within, limit)
	if err != nil {
		return nil, err
	}
	return read(payload)
}

// behindGreeting is the error of octets that came together with the greeting: a refusal, or nothing that
// is known.
func (t *tcpCarrier) behindGreeting(scanner *frame.Scanner, to *target) error {
	if n, err := frame.Size(t.in, to.maxResponse); err == nil && n > 0 && len(t.in) >= n {
		if m, err := scanner.Scan(t.in[frame.HeaderLen:n]); err == nil && m.Kind == frame.KindResponse {
			return t.ungreeted(m, &to.login)
		}
	}
	return &openError{"login", pool.CauseUnasked, errors.New("octets behind the greeting")}
}
