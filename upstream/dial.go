package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// openTCP makes the carrier of s over TCP, with TLS or without, and begins to open the session. On
// the loop.
func openTCP(s *session) carrier {
	ctx, cancel := context.WithCancel(s.a.ctx)
	t := &tcpCarrier{session: s, giveUp: cancel}
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
	if ctx.Err() == nil { // given up by ourselves, it says nothing of the address
		err = to.judge(t.at, err)
	}
	if err == nil {
		err = t.enroll()
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

// enroll hands the socket to the loop.
func (t *tcpCarrier) enroll() error {
	if err := t.socket.Conn.SetDeadline(time.Time{}); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	if err := t.a.loop.Enroll(t.socket.Conn, t); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	return nil
}

// logIn connects and logs in with blocking calls. It returns the payload of the greeting if one has
// come, also with an error.
func (t *tcpCarrier) logIn(ctx context.Context, to target) (greeting []byte, err error) {
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
	read := func(payload []byte) (m *frame.Message, err error) {
		m, t.atFirst, err = readGreeting(scanner, payload)
		return m, err
	}
	m, err := t.receive(read, to.greetingTimeout, to.maxResponse)
	if loop.Alerted(err) { // with TLS 1.3, a client's certificate is judged after the handshake
		return nil, t.rejected(err)
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

// connect dials and shakes hands.
func (t *tcpCarrier) connect(ctx context.Context, to target) error {
	ctx, cancel := context.WithTimeout(ctx, to.connectTimeout)
	defer cancel()
	nc, at, err := to.connect(ctx)
	if err != nil {
		return &openError{"connect", pool.CauseConnect, err}
	}
	t.at = at
	t.socket = &loop.Conn{Conn: nc}
	t.conn = t.socket
	if to.tls != nil {
		t.handshake = loop.Handshake{Who: "the registry", Name: to.tls.ServerName}
		tc := tls.Client(t.socket, loop.NoteAsked(to.tls, &t.handshake.Bare))
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return t.rejected(err)
		}
		t.conn = tc
		t.seen.certificate(tc.ConnectionState())
	}
	return nil
}

// rejected is the error by which a TLS handshake has failed.
func (t *tcpCarrier) rejected(err error) error {
	step := "tls"
	if why := t.handshake.Explain(err); why != "" {
		step += ": " + why
	}
	return &openError{step, pool.CauseTLS, err}
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
	read := func(payload []byte) (m *frame.Message, err error) {
		m, t.atLogin, err = readAnswer(scanner, payload, t.muxTRID)
		return m, err
	}
	m, err := t.receive(read, to.loginTimeout, to.maxResponse)
	if err != nil {
		return &openError{"login", pool.CauseRegistryClosed, err}
	}
	return t.judgeLogin(m, &l)
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

// receive receives one message with blocking calls, and reads it. It leaves the octets behind it in
// t.in.
func (t *tcpCarrier) receive(read func([]byte) (*frame.Message, error), within time.Duration, limit int) (*frame.Message, error) {
	if err := t.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	for {
		n, err := frame.Size(t.in, limit)
		if err != nil {
			return nil, err
		}
		if n > 0 && len(t.in) >= n {
			m, err := read(append([]byte(nil), t.in[frame.HeaderLen:n]...))
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
