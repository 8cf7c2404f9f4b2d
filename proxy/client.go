package proxy

import (
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// closeReason says why a client's connection ended, in the words of logs and metrics.
type closeReason uint8

const (
	closedByClient closeReason = iota
	closedLogout               // answered 1500
	// a length below 5, above clients.max_frame, or above a login's before it
	closedFrame
	closedFaults         // three faulty frames in a row
	closedAhead          // more sent ahead than clients.max_ahead, or than a login before it
	closedSlowFrame      // a frame not whole within clients.frame_timeout
	closedIdle           // clients.idle_timeout
	closedNotReading     // answers not taken
	closedUnknownOutcome // a transform's outcome is unknown
	closedCode           // the registry's result code x5xx ends the session
	closedNoGreeting     // the registry's greeting was never learnt
	closedTLS            // octets that TLS does not accept, after the handshake
	closedTooMany        // clients.max
	closedShutdown
	closedMemory    // more octets are held for all clients together than may be
	closedRefused   // three logins, or commands before login, in a row were refused
	closedHandshake // the TLS handshake failed, or took too long
	closedKicked    // by the operator
	closedNoLogin   // no login in time, where one is needed
	numCloseReasons
)

var closeReasonNames = [numCloseReasons]string{"client", "logout", "frame", "faults", "ahead", "slow_frame", "idle",
	"not_reading", "unknown_outcome", "code", "no_greeting", "tls", "too_many", "shutdown", "memory", "refused", "handshake", "kicked", "no_login"}

func (r closeReason) String() string { return closeReasonNames[r] }

// blames says whether the client is at fault: then the log says who it was.
func (r closeReason) blames() bool {
	switch r {
	case closedFrame, closedFaults, closedAhead, closedSlowFrame, closedNotReading, closedTLS, closedTooMany, closedMemory,
		closedRefused, closedHandshake, closedNoLogin:
		return true
	}
	return false
}

type clientState uint8

const (
	clientGreeting  clientState = iota // waits for the registry's greeting to be learnt
	clientServed                       // has the greeting
	clientLingering                    // the last octets are written; waits for the client's close
	clientClosed
)

const (
	// maxFaults faulty frames in a row end the connection.
	maxFaults = 3

	// lingerTimeout is how long a client has to close after our last octets. Closing at once, with
	// octets of the client unread, would make the kernel send a reset that can destroy those last
	// octets.
	lingerTimeout = 2 * time.Second

	// unsentPause is the number of octets not yet taken by the kernel above which a client's next
	// command is not looked at, unsentMax the number above which the connection is closed,
	// writeTimeout the longest time that any may wait.
	unsentPause  = 64 << 10
	unsentMax    = 8 << 20
	writeTimeout = 30 * time.Second
	writeRecheck = 50 * time.Millisecond
)

// client is one connection of a registrar's system. It is the Handler of its socket and the
// upstream.Client of its exchanges: one command at a time, in the order in which they came (RFC
// 5734 section 3). What it sends ahead waits in the stream, bounded.
type client struct {
	// Immutable after the accept.
	srv      *Server
	stream   stream
	listener *listener

	// Owned by the loop.
	id       uint64             // set when it opens
	x        *upstream.Exchange // in flight; see busy
	check    *verification      // its login under way; see busy
	as       *credential        // as whom it has logged in; nil where logins are not verified
	budget   *pool.Budget       // for client-scope limits
	wake     time.Duration      // in srv.timers
	prev     *client            // in srv.clients
	next     *client
	named    *origin       // nil: nobody has asked
	served   time.Duration // when a command of its was sent last, or it came; by the account's clock
	since    time.Duration // when the state began, or the last command ended
	loginBy  time.Duration // when a stranger's time is over; while its login is verified, what is left of it
	partial  time.Duration // when the first octet of a frame was seen that is not whole; 0: none
	stalled  time.Duration // since when the kernel has taken nothing of what waits for it; 0: nothing waits
	memory   int32         // octets that count in srv.memory
	waiting  int32         // octets that waited when it stalled; of a lingering client, those that came since
	timer    int32         // index in srv.timers; -1: not in it
	state    clientState
	faults   uint8 // frames in a row that were refused
	refusals uint8 // logins in a row that were refused, and a stranger's commands
	busies   uint8 // logins since the last right one that were refused because too many waited
	trusted  bool  // no stranger
	loggedIn bool  // where logins are verified: what as says stands
	parsing  bool  // parse is on the stack
}

// arrival is a client whose socket is not on the loop yet. It is the socket's first Handler; what
// it knows beyond the client is not kept.
type arrival struct {
	*client
	identity string // whose commands the client's count as, for client-scope limits
}

// Opened is loop.Handler's.
func (a *arrival) Opened(s loop.Socket) {
	s.SetHandler(a.client)
	a.open(s, a.srv.account.Budget(a.identity))
}

// Opened is loop.Handler's; it is called on the arrival.
func (c *client) Opened(loop.Socket) { panic("BUG: client opened twice") }

// open begins the client's life on the loop.
func (c *client) open(s loop.Socket, budget *pool.Budget) {
	c.stream.open(s)
	c.budget, c.timer = budget, -1
	c.since = c.srv.clock()
	c.served = c.srv.account.Now()
	c.srv.opened(c)
	if c.srv.greeting == nil {
		c.srv.timers.before(c, c.since+c.srv.cfg.GreetingTimeout)
		c.srv.rearm()
		return
	}
	c.greet()
	if c.state == clientServed {
		c.Readable() // TLS may hold octets that came with the handshake
	}
}

// greet sends the greeting; clients that have waited for it get it here.
func (c *client) greet() {
	c.state = clientServed
	c.write(c.srv.greetingUnit())
	c.touch()
	c.loginBy = c.srv.clock() + loginTimeout
	c.awaitLogin()
}

// Readable is loop.Handler's.
func (c *client) Readable() {
	if err := c.stream.fill(); err != nil {
		c.parse()
		if c.state != clientClosed {
			c.closeFor(tlsReason(err), err)
		}
		return
	}
	switch c.state {
	case clientServed:
		c.parse()
	case clientLingering:
		if n := c.stream.buffered(); n > 0 {
			c.stream.discard(n)
			c.discarded(n)
		}
	}
	if most, r := c.aheadMax(); c.state < clientLingering && c.stream.buffered() > most {
		c.evict(r, closedAhead)
	}
	if c.state < clientLingering {
		c.backlog() // TLS answers some records by itself, RFC 8446 section 4.6.3
	}
	c.weigh()
}

// discarded notes what a lingering client has still sent. Much more than was under way is a flood,
// and not waited for.
func (c *client) discarded(n int) {
	if c.waiting += int32(n); int(c.waiting) > c.srv.cfg.MaxAhead {
		c.stream.close()
	}
}

// evict ends a client that has gone too far. In place of the answer to a transform that is in
// flight nothing may be said: it would be taken for that answer.
func (c *client) evict(r reply, why closeReason) {
	if c.x != nil && !c.x.Query || c.state != clientServed {
		c.linger(why)
		return
	}
	c.leave(r, nil, why)
}

// weigh counts the octets that are held for the client. Over the bound for all clients together,
// those that hold some go.
func (c *client) weigh() {
	n := 0
	if c.state != clientClosed {
		n = c.stream.buffered() + c.stream.unsent()
		if c.x != nil {
			n += c.x.Octets()
		}
	}
	c.srv.memory += n - int(c.memory)
	c.memory = int32(n)
	if c.stream.buffered() > 0 && c.srv.memory > c.srv.cfg.MaxHeld && c.state < clientLingering {
		c.evict(replyNoMemory, closedMemory)
		c.weigh()
	}
}

// Closed is loop.Handler's.
func (c *client) Closed(error) {
	if c.state != clientLingering { // lingering has been counted with its reason
		c.srv.countClose(closedByClient)
	}
	c.gone()
}

// ended counts the end of the connection, and says whose it was if the client is at fault. err may
// be nil.
func (c *client) ended(why closeReason, err error) {
	c.srv.countClose(why)
	if why.blames() {
		c.srv.blame(c.listener, c.stream.from(), why.String())
		c.srv.complain(c.listener, c.stream.from(), why, err)
	}
}

// close closes the connection at once.
func (c *client) close(r closeReason) { c.closeFor(r, nil) }

// closeFor is close, with the error that is the reason.
func (c *client) closeFor(r closeReason, err error) {
	if c.state == clientClosed {
		return
	}
	if c.state != clientLingering {
		c.ended(r, err)
	}
	c.state = clientLingering // so that Closed does not count it again
	c.stream.close()
}

// gone forgets the connection: its socket is closed.
func (c *client) gone() {
	c.state = clientClosed
	c.stream.detach()
	c.weigh()
	c.srv.forget(c)
	c.forgetLogin()
	if x := c.x; x != nil {
		c.x = nil
		c.srv.account.Cancel(x)
	}
}

// leave sends a last reply and closes the connection in such a way that the client can read it.
func (c *client) leave(r reply, clTRID []byte, why closeReason) {
	c.reply(r, clTRID)
	c.linger(why)
}

func (c *client) linger(why closeReason) {
	if c.state >= clientLingering {
		return
	}
	c.ended(why, nil)
	c.state = clientLingering
	c.forgetLogin()
	if x := c.x; x != nil {
		c.x = nil
		c.srv.account.Cancel(x)
	}
	if n := c.stream.buffered(); n > 0 {
		c.stream.discard(n)
	}
	c.stalled, c.waiting = 0, 0
	c.since = c.srv.clock()
	c.farewell(c.since)
	c.srv.rearm()
}

// farewell tells a lingering client that nothing more comes, once all that came has been taken, and
// looks again.
func (c *client) farewell(now time.Duration) {
	next := c.since + lingerTimeout
	switch {
	case c.stalled > 0: // it has been told
	case c.stream.unsent() == 0:
		c.stalled = max(1, now)
		c.stream.closeWrite()
	default:
		next = min(next, now+writeRecheck)
	}
	c.srv.timers.before(c, next)
}

// busy says that the client has to wait for the answer to its last message: nothing more of its is
// looked at.
func (c *client) busy() bool { return c.x != nil || c.check != nil }

// parse takes the client's frames as long as none is in flight.
func (c *client) parse() {
	if c.parsing { // a command that ends at once; the outer call goes on with the next one
		return
	}
	c.parsing = true
	for c.state == clientServed && !c.busy() && c.stream.unsent() < unsentPause && c.take() {
	}
	c.parsing = false
}

// take takes one frame; false when there is none whole.
func (c *client) take() bool {
	have := c.stream.buffered()
	if have < frame.HeaderLen {
		c.incomplete(have)
		return false
	}
	most, tooLong := c.frameMax()
	n, err := frame.Size(c.stream.peek(frame.HeaderLen), most)
	if err == frame.ErrTooShort {
		c.close(closedFrame) // no frame has such a length: this is not EPP, and nothing can be said
		return false
	}
	if err != nil {
		c.leave(tooLong, nil, closedFrame)
		return false
	}
	if have < n {
		c.incomplete(have)
		return false
	}
	c.partial = 0
	c.command(c.stream.peek(n)[frame.HeaderLen:], n)
	return true
}

// incomplete notes that a frame has begun and is not whole.
func (c *client) incomplete(have int) {
	if have == 0 {
		c.partial = 0
		return
	}
	if c.partial == 0 {
		c.partial = max(1, c.srv.clock())
		c.srv.timers.before(c, c.partial+c.srv.cfg.FrameTimeout)
		c.srv.rearm()
	}
	if have <= frame.HeaderLen {
		c.stream.acknowledge()
	}
}

// command takes one whole frame of n octets, which is borrowed until the stream discards it.
func (c *client) command(payload []byte, n int) {
	s := c.srv
	m, err := s.scanner.Scan(payload)
	if err != nil {
		c.faulty(err, n)
		return
	}
	switch {
	case m.Kind == frame.KindHello:
		c.stream.discard(n)
		c.ok()
		c.write(s.greetingUnit())
	case m.Command == frame.CommandLogin || m.Command == frame.CommandLogout:
		c.ok()
		c.local(m, n)
	case m.Kind == frame.KindCommand || m.Kind == frame.KindExtension:
		c.ok()
		if s.users != nil && !c.loggedIn {
			c.early(m, n)
			return
		}
		opts := c.listener.options.Load()
		if set := opts.Commands; set != nil && !set.Has(m.Command, m.Op) {
			s.counts.Disallowed++
			c.refuse(replyDisallowed, m, n)
			return
		}
		if s.memory+n > s.cfg.MaxHeld {
			s.account.NoRoom(m.Command)
			c.refuse(replyNoRoom, m, n)
			return
		}
		x := s.account.Exchange(upstream.Sender{Client: c, Budget: c.budget, Weight: uint8(opts.Weight), Since: c.served}, m)
		c.stream.discard(n)
		c.x = x
		s.account.Submit(x)
	default:
		c.faulty(errNotClients, n)
	}
}

// refuse answers a command that goes no further.
func (c *client) refuse(r reply, m *frame.Message, n int) {
	s := c.srv
	s.out = s.appendReply(s.out[:0], r, ownClTRID(m))
	c.stream.discard(n)
	c.write(s.out)
}

// ownClTRID is the content of a message's clTRID; nil where it has none.
func ownClTRID(m *frame.Message) []byte {
	if !m.ClTRID.Present() {
		return nil
	}
	return m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End]
}

// ok notes a frame without fault.
func (c *client) ok() {
	c.faults = 0
	c.touch()
}

// touch notes activity, for clients.idle_timeout.
func (c *client) touch() {
	if idle := c.srv.cfg.IdleTimeout; idle > 0 {
		c.since = c.srv.clock()
		c.srv.timers.before(c, c.since+idle)
		c.srv.rearm()
	}
}

// faulty answers a frame that never leaves for the registry. err is the scanner's.
func (c *client) faulty(err error, n int) {
	s := c.srv
	s.counts.Faults++
	s.blame(c.listener, c.stream.from(), FaultyFrame)
	c.faults++
	r := replyFault(err)
	if c.faults == maxFaults {
		r = replyTooManyFaults
	}
	s.out = s.appendReply(s.out[:0], r, s.scanner.EchoClTRID())
	c.stream.discard(n)
	c.write(s.out)
	if c.faults == maxFaults {
		c.linger(closedFaults)
	}
}

// Finish is upstream.Client's.
func (c *client) Finish(x *upstream.Exchange, o upstream.Outcome) {
	c.x = nil
	defer c.weigh()
	if at := x.SentAt(); at > 0 {
		c.served = at
	}
	if c.state != clientServed {
		return
	}
	switch {
	case o.End == pool.EndAnswered:
		c.write(o.Unit)
		if o.Code/100%10 == 5 && c.state == clientServed {
			c.linger(closedCode)
			return
		}
	case o.End == pool.EndNotSent:
		c.reply(replyNotSent(x, o.Cause), x.OwnClTRID())
		if o.Cause == pool.CauseShutdown {
			c.linger(closedShutdown)
			return
		}
	case x.Query || c.srv.cfg.UnknownOutcome == UnknownFail:
		c.reply(replyUnknown(x), x.OwnClTRID())
	default:
		// As a direct connection would have shown it: RFC 5734 section 3 leaves the command's fate
		// open.
		c.linger(closedUnknownOutcome)
		return
	}
	c.touch()
	c.parse()
}

func (c *client) reply(r reply, clTRID []byte) {
	c.srv.out = c.srv.appendReply(c.srv.out[:0], r, clTRID)
	c.write(c.srv.out)
}

// write writes a whole data unit. What the kernel does not take now waits, within bounds.
func (c *client) write(unit []byte) {
	if c.state >= clientLingering {
		return
	}
	c.stream.write(unit)
	if c.state != clientClosed {
		c.backlog()
	}
}

// backlog looks at what the kernel has not taken.
func (c *client) backlog() {
	switch n := c.stream.unsent(); {
	case n == 0:
		c.stalled = 0
	case n > unsentMax:
		c.close(closedNotReading)
	case c.stalled == 0:
		c.stalled, c.waiting = max(1, c.srv.clock()), int32(n)
		c.srv.timers.before(c, c.stalled+writeRecheck)
		c.srv.rearm()
	}
}

// due looks at a client whose timer has come.
func (c *client) due(now time.Duration) {
	t, cfg := &c.srv.timers, &c.srv.cfg
	switch c.state {
	case clientGreeting:
		if now >= c.since+cfg.GreetingTimeout {
			c.close(closedNoGreeting)
			return
		}
		t.before(c, c.since+cfg.GreetingTimeout)
	case clientLingering:
		if now >= c.since+lingerTimeout {
			c.stream.close()
			return
		}
		c.farewell(now)
	case clientServed:
		c.dueServed(now)
	}
}

func (c *client) dueServed(now time.Duration) {
	t, cfg := &c.srv.timers, &c.srv.cfg
	if c.stalled > 0 {
		switch n := c.stream.unsent(); {
		case n == 0:
			c.stalled = 0
		case now >= c.stalled+writeTimeout && n >= int(c.waiting):
			c.close(closedNotReading)
			return
		default:
			if n < int(c.waiting) {
				c.stalled, c.waiting = now, int32(n)
			}
			t.before(c, now+writeRecheck)
		}
		c.parse()
		c.weigh()
	}
	// While too much waits for the client nothing of its is looked at, and the frame may be whole
	// by now.
	if c.partial > 0 && !c.busy() && c.state == clientServed && c.stream.unsent() < unsentPause {
		if now >= c.partial+cfg.FrameTimeout {
			c.close(closedSlowFrame)
			return
		}
		t.before(c, c.partial+cfg.FrameTimeout)
	}
	c.dueLogin(now)
	if cfg.IdleTimeout > 0 && !c.busy() && c.state == clientServed {
		if now >= c.since+cfg.IdleTimeout {
			c.close(closedIdle)
			return
		}
		t.before(c, c.since+cfg.IdleTimeout)
	}
}
