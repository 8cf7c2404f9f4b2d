package proxy

import (
	"math"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

type clientState uint8

const (
	clientGreeting  clientState = iota // waits for the registry's greeting to be learnt
	clientServed                       // has the greeting
	clientLingering                    // the last octets are written; waits for the client's close
	clientClosed
)

// client is one connection of a registrar's system. It is the loop.Handler of its socket and the
// upstream.Client of its exchanges: one command at a time, in the order in which they came (RFC
// 5734 section 3). Frames that it sends ahead wait in the stream, within bounds.
//
// Most of thousands of clients are idle, and an idle client may cost 700 octets in all
// (bench/README.md). This struct fills the allocator's size class of 176 octets.
type client struct {
	// Immutable after the accept.
	srv      *Server
	stream   stream
	listener *listener

	// Owned by the loop.
	id       uint64             // set when it opens
	x        *upstream.Exchange // under way, from Submit to Finish; see busy
	check    *verification      // its login under way; see busy
	as       *credential        // of its last right login; nil where logins are not verified
	identity *identity          // who is behind it
	prev     *client            // in srv.clients
	next     *client
	named    *origin       // nil: nobody has asked
	served   time.Duration // when its last command was sent (over a lane: ended), or it came; by the account's clock
	since    time.Duration // when the state began, or the last command ended
	loginBy  time.Duration // when a stranger's time is over; moved on when a login has been verified
	partial  time.Duration // when the first octet of an incomplete frame was seen; 0: no such frame
	stalled  time.Duration // since when the kernel has taken nothing of the backlog; 0: no backlog
	memory   int32         // octets that are held for it, see account
	backlog  int32         // octets that the kernel had not taken when it stalled
	flood    int32         // octets that came while it lingered
	known    pool.Kinds    // of commands to which it has had an answer
	answers  uint16        // that it has had; no more than fit
	state    clientState
	handling uint8      // calls of handle on the stack
	timer    pool.Place // in srv.timers
	holder   pool.Place // in its share's holders
	faults   uint8      // frames in a row that were refused
	refusals uint8      // logins in a row that were refused, and a stranger's commands
	busies   uint8      // logins refused because too many waited, since the last right one
	trusted  bool       // not a stranger
	loggedIn bool       // its login stands; where logins are verified
	parsing  bool       // parse is on the stack
	deciding bool       // decide is on the stack, and a frame is borrowed
	told     bool       // while it lingers: it knows that nothing more comes
}

// handle is the one door to the client's octets: whatever happens to them happens in f, and they
// are weighed afterwards. Calls of handle nest, since a command can end before Submit returns. f
// must not be kept. When the outermost call ends, no client's octets are in anybody's hands: then
// clients may have to give way.
func (c *client) handle(f func()) {
	s := c.srv
	c.handling++
	s.handling++
	f()
	c.weigh()
	c.handling--
	if s.handling--; s.handling == 0 && s.tight() {
		s.relieve()
	}
}

// inHandling panics where the client's octets must not be touched: outside handle, where they would
// not be weighed, and in decide, which has borrowed them.
func (c *client) inHandling() {
	if c.handling == 0 {
		panic("BUG: outside the handling of a client")
	}
	c.notDeciding()
}

func (c *client) notDeciding() {
	if c.deciding {
		panic("BUG: acts on a frame before it is decided")
	}
}

// weigh counts the octets that are held for the client.
func (c *client) weigh() {
	n := 0
	if c.state != clientClosed {
		n = c.stream.memory()
		if c.x != nil {
			n += c.x.Octets()
		}
	}
	c.account(n)
}

// arrival is a client whose socket is not on the loop yet. It is the socket's first Handler, and is
// dropped when the socket opens.
type arrival struct {
	*client
	from provenance
}

// join counts the arrival under its identity. It can be called again. On the loop.
func (a *arrival) join() {
	if a.identity == nil {
		a.identity = a.srv.join(a.srv.newcomer(a.from))
	}
}

// leave is for an arrival that never comes onto the loop. On the loop.
func (a *arrival) leave() {
	if a.identity != nil {
		a.srv.leave(a.identity)
	}
}

// Opened implements loop.Handler.
func (a *arrival) Opened(s loop.Socket) {
	s.SetHandler(a.client)
	a.join()
	a.open(s)
}

// Opened implements loop.Handler. It must never run: arrival.Opened has replaced the handler by
// then.
func (c *client) Opened(loop.Socket) { panic("BUG: client opened twice") }

// open begins the client's life on the loop.
func (c *client) open(s loop.Socket) {
	c.stream.open(s)
	c.reidentify(c.identity.key.claimed) // a reload may have come since it joined
	c.since = c.srv.clock()
	c.served = c.srv.account.Now()
	c.srv.addClient(c)
	if c.srv.greeting == nil {
		c.wakeBy(c.since + c.srv.cfg.GreetingTimeout)
		return
	}
	c.greet()
}

// greet sends the greeting and serves what has come before it: what a client sent while it waited
// for a greeting, or what TLS took in with the handshake.
func (c *client) greet() {
	c.handle(func() {
		c.state = clientServed
		c.write(c.srv.greetingUnit())
		c.touch()
		c.loginBy = c.srv.clock() + loginTimeout
		c.awaitLogin()
	})
	if c.state == clientServed {
		c.Readable()
	}
}

// Readable implements loop.Handler.
func (c *client) Readable() {
	c.handle(func() {
		c.readable()
		c.stream.keep()
	})
}

func (c *client) readable() {
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
		c.soak()
	}
	if most, r := c.aheadMax(); c.state < clientLingering && c.stream.buffered() > most {
		c.evict(r, closedAhead)
	}
	if c.state < clientLingering {
		c.checkBacklog() // TLS answers some records by itself, RFC 8446 section 4.6.3
	}
}

// Finish implements upstream.Client.
func (c *client) Finish(x *upstream.Exchange, o upstream.Outcome) {
	c.handle(func() { c.finish(x, o) })
}

func (c *client) finish(x *upstream.Exchange, o upstream.Outcome) {
	c.x = nil
	if at := x.ServedAt(o.End, c.srv.account.Now()); at > 0 {
		c.served = at
	}
	if c.state != clientServed {
		return
	}
	switch {
	case o.End == pool.EndAnswered:
		c.known = c.known.With(x.Author.Kind)
		if c.answers < math.MaxUint16 {
			c.answers++
		}
		c.write(o.Unit)
		if frame.Code(o.Code).Ends() && c.state == clientServed {
			c.linger(closedCode)
			return
		}
	case o.End == pool.EndNotSent && o.Cause == pool.CauseObjects:
		most, _ := c.srv.account.CountsObjects()
		c.do(c.reply(replyTooManyNames(x, most), x.OwnClTRID()))
	case o.End == pool.EndNotSent:
		c.do(c.reply(replyNotSent(x, o.Cause), x.OwnClTRID()))
		if o.Cause == pool.CauseShutdown {
			c.linger(closedShutdown)
			return
		}
	case x.Query || c.srv.cfg.UnknownOutcome == UnknownFail:
		c.do(c.reply(replyUnknown(x), x.OwnClTRID()))
	default:
		// As a direct connection would have shown it: RFC 5734 section 3 leaves the command's fate
		// open.
		c.linger(closedUnknownOutcome)
		return
	}
	c.touch()
	c.parse()
}

// Closed implements loop.Handler.
func (c *client) Closed(error) {
	if c.state != clientLingering { // lingering has been counted with its reason
		c.srv.countClose(closedByClient)
	}
	c.handle(func() {
		c.state = clientClosed
		c.stream.detach()
	})
	c.srv.removeClient(c)
	c.srv.leave(c.identity)
	c.abandon()
}

// abandon gives up the client's login and its command, whichever is under way.
func (c *client) abandon() {
	c.forgetLogin()
	goesOn := c.srv.polls.left(c, c.x)
	if x := c.x; x != nil {
		c.x = nil
		if !goesOn {
			c.srv.account.Cancel(x)
		}
	}
}

// busy reports whether the client's last message is still to be answered. Until then the next one
// is not looked at.
func (c *client) busy() bool { return c.x != nil || c.check != nil || c.srv.polls.waiting(c) }

// touch notes activity, for clients.idle_timeout.
func (c *client) touch() {
	if idle := c.srv.cfg.IdleTimeout; idle > 0 {
		c.since = c.srv.clock()
		c.wakeBy(c.since + idle)
	}
}

// due looks at a client whose timer has come.
func (c *client) due(now time.Duration) {
	c.handle(func() {
		switch c.state {
		case clientGreeting:
			c.dueGreeting(now)
		case clientServed:
			c.dueServed(now)
		case clientLingering:
			c.dueLingering(now)
		}
	})
}

func (c *client) dueGreeting(now time.Duration) {
	by := c.since + c.srv.cfg.GreetingTimeout
	if now >= by {
		c.close(closedNoGreeting)
		return
	}
	c.wakeBy(by)
}

func (c *client) dueServed(now time.Duration) {
	if c.stalled > 0 {
		if c.dueBacklog(now); c.state == clientClosed {
			return
		}
		c.parse()
	}
	// Behind a large backlog nothing of the client's is looked at, and the frame may be whole by
	// now.
	if c.partial > 0 && !c.busy() && c.state == clientServed && c.takesAnswers() {
		by := c.partial + c.srv.cfg.FrameTimeout
		if now >= by {
			c.close(closedSlowFrame)
			return
		}
		c.wakeBy(by)
	}
	c.dueLogin(now)
	if idle := c.srv.cfg.IdleTimeout; idle > 0 && !c.busy() && c.state == clientServed {
		by := c.since + idle
		if now >= by {
			c.close(closedIdle)
			return
		}
		c.wakeBy(by)
	}
}
