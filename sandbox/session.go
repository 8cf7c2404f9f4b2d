package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Reasons for the end of a session.
const (
	clientClosed   = "client closed" // the client hung up
	registryClosed = "registry closed"
)

// session is one connection, from its greeting to its end.
type session struct {
	// Immutable after newSession.
	r      *Registry
	conn   net.Conn
	id     uint64
	since  time.Time
	reader *frameReader
	// waiting reports whether octets are at hand that reader has not read yet.
	waiting func() bool
	// frames carries the payloads from the goroutine of read, which closes it. The capacity lets
	// read see early that a client sends ahead.
	frames chan inbound
	split  atomic.Bool // a header came without its payload; set by read

	// Owned by serve.
	services   services
	loginFails int         // on this connection
	loginAt    time.Time   // of the last login that succeeded, zero before the first
	served     int         // commands since login that reached the limits
	sinceLogin int         // commands since login, refused ones included
	errors     map[int]int // answers 2xxx since login, by code; nil: none yet
	budget     budget      // of Rules.RatePerSession
	expired    bool        // the login has ended by expire
	zombie     bool        // the registry has forgotten the login, by a fault
	mute       bool        // nothing is answered any more
	unasked    unasked
	out        []byte      // buffer of compose
	timer      *time.Timer // of the first deadline
	lastHeard  time.Time   // when the last message had been served

	// Guarded by mu.
	mu       sync.Mutex
	account  string // clID of the login; it stays after the end of the connection
	holds    bool   // the session holds a slot of the account
	messages uint64 // received, hello included
}

// services holds the namespaces that login chose.
type services struct{ objects, extensions []string }

func newSession(r *Registry, conn net.Conn, id uint64) *session {
	s := &session{r: r, conn: conn, id: id, since: time.Now(), frames: make(chan inbound, 16)}
	s.waiting = peeker(conn)
	s.reader = newFrameReader(conn, r.cfg.MaxFrame, func() {
		s.split.Store(true)
		r.tally.add(func(c *Counters) { c.Breaches.NotSingleWrite++ })
	})
	return s
}

// serve runs the session. It ends when the connection does, or a limit, or the Registry; Close
// waits for it.
func (s *session) serve() {
	defer s.r.forget(s)
	reason := s.open()
	if reason == "" {
		go s.read()
		reason = s.run()
		if reason == clientClosed && s.r.isClosed() {
			reason = registryClosed // Close has ended the connection under the reader
		}
		if reason != clientClosed {
			s.release(slotFree) // before the client can see the end
		}
		s.abort()
		for range s.frames { // wait for the end of read
		}
	}
	s.abort()
	s.release(slotHaunted)
	s.r.journal.closed(s, reason)
	s.r.cfg.Logger.Info("session closed", "session", s.id, "account", s.who(), "reason", reason)
}

// open prepares a connection for its greeting. It returns why the connection ends before that,
// empty if it does not.
func (s *session) open() string {
	if f := s.r.strike(nil); f != nil {
		if f.Kind == CloseAtAccept {
			return "fault " + f.Kind.String()
		}
		s.mute = f.Kind == NoGreeting
		if f.Kind == TurnAway {
			return s.turnAway(f)
		}
	}
	if !s.shake() {
		return "handshake failed"
	}
	return ""
}

// turnAway plays TurnAway. It returns why the connection ends.
func (s *session) turnAway(f *Fault) string {
	if s.shake() {
		s.wrote(s.sentence(f.Code))
	}
	return "fault " + f.Kind.String()
}

// shake performs the handshake of a TLS connection. It reports false if that fails, or takes longer
// than LoginTimeout.
func (s *session) shake() bool {
	c, ok := s.conn.(interface {
		HandshakeContext(context.Context) error
		ConnectionState() tls.ConnectionState
	})
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
	if err == nil && s.r.cfg.Rules.RequireSNI && c.ConnectionState().ServerName == "" {
		err = errors.New("no server name")
	}
	if err != nil {
		s.r.cfg.Logger.Debug("handshake", "session", s.id, "err", err)
	}
	return err == nil
}

// read takes in the client's octets as soon as they come. It ends when the connection does, or on a
// length that cannot be. serve waits for it.
func (s *session) read() {
	defer close(s.frames)
	for {
		in, err := s.reader.next()
		in.at = s.r.journal.instant()
		switch {
		case errors.Is(err, errLength):
			s.r.tally.add(func(c *Counters) { c.Breaches.BadLength++ })
			in.err = err
		case errors.Is(err, errTruncated):
			s.r.tally.add(func(c *Counters) { c.Breaches.Truncated++ })
		}
		if err != nil && in.err == nil {
			// The slot is free as soon as the client has hung up, even while a command is under
			// way.
			s.release(slotHaunted)
			return
		}
		s.frames <- in
		if in.err != nil {
			return
		}
	}
}

// run greets and answers until something ends the session. It returns what did.
func (s *session) run() string {
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	if !s.greet() {
		return "greeting not taken"
	}
	s.lastHeard = time.Now()
	for {
		deadline := s.arm()
		reason := ""
		select {
		case in, ok := <-s.frames:
			if !ok {
				return clientClosed
			}
			reason = s.heard(in)
			s.lastHeard = time.Now()
		case <-s.timer.C:
			reason = s.late(deadline)
		case <-s.r.done:
			return registryClosed
		}
		if reason != "" {
			return reason
		}
	}
}

// greet writes the greeting. It reports false if the client did not take it.
func (s *session) greet() bool {
	if s.mute {
		return true
	}
	if s.r.cfg.LoginTimeout > 0 {
		// A client that does not read the greeting must not outlive the time for login.
		s.conn.SetWriteDeadline(s.since.Add(s.r.cfg.LoginTimeout))
	}
	if err := s.write(s.greeting()); err != nil {
		return false
	}
	s.conn.SetWriteDeadline(time.Time{})
	return true
}

// heard serves a message, or by Quirks.OutOfOrder a batch of them. It returns why the session ends,
// empty if it goes on.
func (s *session) heard(in inbound) string {
	if !s.r.cfg.Quirks.OutOfOrder {
		return s.message(in)
	}
	all, alive := s.batch(in)
	for _, in := range all {
		if reason := s.message(in); reason != "" {
			return reason
		}
	}
	if !alive {
		return clientClosed
	}
	return ""
}

// deadline is the reason to wait for the client no longer. Its text is the reason in the log.
type deadline string

const (
	idleOver  deadline = "idle"
	ageOver   deadline = "age"
	loginOver deadline = "no login"
	speakTime deadline = "unasked"
)

// late acts on a deadline. It returns why the session ends, empty if it goes on.
func (s *session) late(d deadline) string {
	switch {
	case d == speakTime:
		return s.speakUp()
	case d == idleOver && s.r.cfg.Rules.IdleRefuses && s.who() != "":
		s.expire()
		return ""
	}
	return string(d)
}

// arm sets the timer to the first of the session's deadlines and returns that one.
func (s *session) arm() deadline {
	cfg := &s.r.cfg
	at, name := s.since.Add(1<<62), deadline("")
	sooner := func(t time.Time, limit time.Duration, d deadline) {
		if t = t.Add(limit); limit > 0 && t.Before(at) {
			at, name = t, d
		}
	}
	sooner(s.lastHeard, s.unasked.after, speakTime)
	if !s.expired {
		sooner(s.lastHeard, cfg.IdleTimeout, idleOver)
	}
	sooner(s.since, cfg.MaxAge, ageOver)
	if s.loginAt.IsZero() {
		sooner(s.since, cfg.LoginTimeout, loginOver)
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
	ex := &exchange{in: in}
	if in.err != nil {
		ex.svTRID = s.r.nextSvTRID()
		ex.answer = answer{code: codeFailedEnding, reason: in.err.Error(), ends: true}
		if s.r.cfg.Rules.SilentBadLength || s.mute {
			ex.answer = hangup()
		}
		return s.deliver(ex)
	}
	ex.req, ex.bad = readRequest(s.r.cfg.Quirks.undress(in.payload))
	if ex.bad == nil {
		s.r.record.add(&ex.req, func(t *Times) { t.Received++ })
		if !s.mute && (s.who() != "" || ex.is("hello") || ex.is("login")) {
			ex.play = s.r.strike(&ex.req)
		}
	}
	if !ex.is("hello") {
		ex.svTRID = s.r.nextSvTRID()
	}
	ex.answer = s.decide(ex)
	if ex.svTRID == "" && ex.answer.code != 0 { // a hello that is refused
		ex.svTRID = s.r.nextSvTRID()
	}
	s.r.journal.message(s, ex)
	if ex.executed {
		s.r.record.add(&ex.req, func(t *Times) { t.Executed++ })
	}
	if ex.answer.fate == fateWritten {
		for _, follow := range consequences {
			follow(s, ex)
		}
	}
	s.settle(ex)
	return s.deliver(ex)
}

// settle decides whether the connection ends after the answer. RFC 5730 section 3: x5xx ends it.
// 2502 ends it only where the rule that chose 2502 says so.
func (s *session) settle(ex *exchange) {
	a, q := &ex.answer, &s.r.cfg.Quirks
	if ending(a.code) && a.code != codeLimitExceeded {
		a.ends = true
	}
	if q.StayAfterFailure && a.code >= codeFailedEnding || q.StayAfterLogout && ex.executed && ex.is("logout") {
		a.ends = false
	}
}

// pause waits for d. It reports false if the registry closed meanwhile.
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

// abort closes the connection, which ends read.
func (s *session) abort() { s.conn.Close() }

// slotEnd tells what becomes of a session slot that is given back.
type slotEnd uint8

const (
	slotFree    slotEnd = iota
	slotHaunted         // a ghost counts in its place for Rules.GhostFor, if that is longer than LateFor
)

// release gives the session's slot back if it holds one. read and serve both call it.
func (s *session) release(how slotEnd) {
	s.mu.Lock()
	held, id := s.holds, s.account
	s.holds = false
	s.mu.Unlock()
	d := s.r.cfg.Rules.LateFor
	if how == slotHaunted {
		d = max(d, s.r.cfg.Rules.GhostFor)
	}
	switch {
	case !held:
	case d > 0:
		s.r.gate.haunt(id, time.Now().Add(d))
	default:
		s.r.gate.leave(id)
	}
}

// who returns the account of the login, empty before.
func (s *session) who() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account
}

func (s *session) describe() SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SessionInfo{
		ID: s.id, Account: s.account, Remote: s.conn.RemoteAddr().String(),
		Since: s.since, Commands: s.messages,
	}
}
