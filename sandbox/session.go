package sandbox

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// session is one connection, from its greeting to its end.
type session struct {
	// Immutable after newSession.
	r      *Registry
	conn   net.Conn
	id     uint64
	since  time.Time
	reader *frameReader
	// waiting says whether octets are at hand that reader has not read yet.
	waiting func() bool
	// frames carries what the reader goroutine read; that goroutine closes it. The capacity lets it see early what a
	// client sends ahead.
	frames chan inbound

	// Owned by serve.
	services   services
	loginFails int
	served     int // commands since login
	out        []byte
	timer      *time.Timer
	lastHeard  time.Time

	mu       sync.Mutex
	account  string // of the login; stays after the end
	holds    bool   // a session slot of the account
	messages uint64
}

// services is what login chose.
type services struct{ objects, extensions []string }

func newSession(r *Registry, conn net.Conn, id uint64) *session {
	s := &session{r: r, conn: conn, id: id, since: time.Now(), frames: make(chan inbound, 16)}
	s.waiting = peeker(conn)
	s.reader = newFrameReader(conn, r.cfg.MaxFrame, func() {
		r.tally.add(func(c *Counters) { c.Breaches.NotSingleWrite++ })
	})
	return s
}

// serve runs the session. It ends when the connection does, or a limit, or the Registry; Close waits for it.
func (s *session) serve() {
	defer s.r.forget(s)
	reason := "handshake failed"
	if s.shake() {
		go s.read()
		reason = s.run()
		s.abort()
		for range s.frames { // until read has ended
		}
	}
	s.abort()
	s.release()
	s.r.cfg.Logger.Info("session closed", "session", s.id, "account", s.who(), "reason", reason)
}

// shake does a TLS connection's handshake, for which there is as much time as for login.
func (s *session) shake() bool {
	c, ok := s.conn.(interface{ HandshakeContext(context.Context) error })
	if !ok {
		return true
	}
	ctx := context.Background()
	if d := s.r.cfg.LoginTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	err := c.HandshakeContext(ctx)
	if err != nil {
		s.r.cfg.Logger.Debug("handshake", "session", s.id, "err", err)
	}
	return err == nil
}

// read takes in all that the client sends, as soon as it comes. It ends when the connection does; serve waits for it.
func (s *session) read() {
	defer close(s.frames)
	for {
		in, err := s.reader.next()
		switch {
		case errors.Is(err, errLength):
			s.r.tally.add(func(c *Counters) { c.Breaches.BadLength++ })
			in.err = err
		case errors.Is(err, errTruncated):
			s.r.tally.add(func(c *Counters) { c.Breaches.Truncated++ })
		}
		if err != nil && in.err == nil {
			// The slot is free as soon as the client has hung up, even if a command of its is still under way.
			s.release()
			return
		}
		s.frames <- in
		if in.err != nil {
			return
		}
	}
}

// run greets and answers until something ends the session, and says what.
func (s *session) run() string {
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	if s.r.cfg.LoginTimeout > 0 {
		// A client that does not take the greeting must not outlive the time for login.
		s.conn.SetWriteDeadline(s.since.Add(s.r.cfg.LoginTimeout))
	}
	if err := s.write(appendGreeting(beginFrame(s.out), s.r.cfg.ServerID, s.r.cfg.Now())); err != nil {
		return "greeting not taken"
	}
	s.conn.SetWriteDeadline(time.Time{})
	s.lastHeard = time.Now()
	for {
		expiry := s.arm()
		select {
		case in, ok := <-s.frames:
			if !ok {
				return "client closed"
			}
			if reason := s.message(in); reason != "" {
				return reason
			}
			s.lastHeard = time.Now()
		case <-s.timer.C:
			return expiry
		case <-s.r.done:
			return "registry closed"
		}
	}
}

// arm sets the timer to the first of the session's deadlines and names it.
func (s *session) arm() string {
	cfg := &s.r.cfg
	at, name := s.since.Add(1<<62), ""
	sooner := func(t time.Time, limit time.Duration, n string) {
		if t = t.Add(limit); limit > 0 && t.Before(at) {
			at, name = t, n
		}
	}
	sooner(s.lastHeard, cfg.IdleTimeout, "idle")
	sooner(s.since, cfg.MaxAge, "age")
	if s.who() == "" {
		sooner(s.since, cfg.LoginTimeout, "no login")
	}
	if name != "" {
		s.timer.Reset(time.Until(at))
	} else {
		s.timer.Stop()
	}
	return name
}

// message serves one message. It returns why the session ends, empty if it goes on.
func (s *session) message(in inbound) string {
	s.mu.Lock()
	s.messages++
	s.mu.Unlock()
	if in.err != nil {
		return s.deliver(in, &request{}, answer{code: codeFailedEnding, reason: in.err.Error(), ends: true}, "")
	}
	req, f := readRequest(in.payload)
	if f == nil && req.kind == kindHello {
		return s.deliver(in, &req, answer{}, "")
	}
	svTRID := s.r.nextSvTRID()
	a := s.decide(&req, f, svTRID)
	if ending(a.code) && a.code != codeLimitExceeded {
		a.ends = true
	}
	return s.deliver(in, &req, a, svTRID)
}

// deliver is where an answer is about to be written: the latency passes, counters and Observe see it, then it goes.
// An answer without code is a greeting.
func (s *session) deliver(in inbound, req *request, a answer, svTRID string) string {
	b := beginFrame(s.out)
	if a.code == 0 {
		b = appendGreeting(b, s.r.cfg.ServerID, s.r.cfg.Now())
	} else {
		if svTRID == "" {
			svTRID = s.r.nextSvTRID()
		}
		b = appendResponse(b, a, req.clTRID, svTRID)
		if !s.pause(s.r.cfg.Latency) {
			return "registry closed"
		}
	}
	s.r.tally.command(req.name(), a.code, in.end > 0 && s.overtaken(in.end))
	if s.r.cfg.Observe != nil && in.err == nil {
		s.r.cfg.Observe(Frame{Session: s.id, Account: s.who(), Payload: in.payload, Answer: b[headerLen:], Code: a.code,
			At: s.r.cfg.Now()})
	}
	s.r.cfg.Logger.Debug("answered", "session", s.id, "account", s.who(), "command", req.name(), "cltrid", req.clTRID,
		"svtrid", svTRID, "code", a.code)
	if a.ends {
		// The client may come back as soon as it has read this.
		s.release()
	}
	if err := s.write(b); err != nil {
		return "client closed"
	}
	if a.ends {
		return "answered " + codeText(a.code)
	}
	return ""
}

// overtaken says whether octets came in behind the message that ended at end, before its answer.
func (s *session) overtaken(end uint64) bool {
	return s.reader.received.Load() > end || s.waiting()
}

// write sends a data unit, begun by beginFrame, in one Write, and keeps the buffer for the next.
func (s *session) write(b []byte) error {
	endFrame(b)
	_, err := s.conn.Write(b)
	if s.out = b; cap(b) > 64<<10 {
		s.out = nil
	}
	return err
}

// pause waits; it reports false if the registry closed meanwhile.
func (s *session) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.r.done:
		return false
	}
}

// abort cuts the connection.
func (s *session) abort() { s.conn.Close() }

// release gives the session slot back, once.
func (s *session) release() {
	s.mu.Lock()
	held := s.holds
	s.holds = false
	s.mu.Unlock()
	if held {
		s.r.gate.leave(s.account)
	}
}

// who is the account logged in, empty before.
func (s *session) who() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account
}

func (s *session) describe() SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SessionInfo{ID: s.id, Account: s.account, Remote: s.conn.RemoteAddr().String(), Since: s.since, Commands: s.messages}
}
