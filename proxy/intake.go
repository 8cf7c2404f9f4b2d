package proxy

import (
	"errors"

	"eppmux/frame"
	"eppmux/upstream"
)

// A client's frames are taken in in three steps. decide borrows the octets of one frame from the
// stream and says what to do, an act. Then the octets are given back. Then the act is done. The
// order matters: a write or a Submit can close the connection, and nothing may be borrowed by then.

// maxFaults faulty frames in a row end the connection.
const maxFaults = 3

var (
	errNotClients = errors.New("only a registry sends such a message")
	errLongAsUTF8 = errors.New("in utf-8 the frame is longer than the longest that is taken")
)

// act is what a frame leads to. The zero act does nothing.
type act struct {
	submit *upstream.Exchange
	stays  bool        // the frame stays where it is, and is looked at again later
	unit   []byte      // to write: Server.out or the greeting, borrowed until the next message of our own
	last   bool        // then the client lingers
	why    closeReason // for which it lingers
}

// then is a, after which the client lingers.
func (a act) then(why closeReason) act {
	a.last, a.why = true, why
	return a
}

// reply is the act of writing r. clTRID is the content of the client's clTRID element, nil where it
// sent none; it is copied.
func (c *client) reply(r reply, clTRID []byte) act {
	s := c.srv
	s.out = s.appendReply(s.out[:0], r, clTRID)
	return act{unit: s.out}
}

// do does a.
func (c *client) do(a act) {
	if a.submit != nil {
		c.x = a.submit
		c.srv.account.Submit(a.submit)
		return
	}
	if a.unit != nil {
		c.write(a.unit)
	}
	if a.last {
		c.linger(a.why)
	}
}

// parse takes the client's frames as long as none is under way.
func (c *client) parse() {
	if c.parsing { // a command that ends at once; the outer call goes on with the next one
		return
	}
	c.parsing = true
	for c.state == clientServed && !c.busy() && c.takesAnswers() && c.take() {
	}
	c.parsing = false
}

// take takes one frame. It reports whether there was a whole one.
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
		c.dismiss(tooLong, c.tooLongFor())
		return false
	}
	if have < n {
		c.incomplete(have)
		return false
	}
	c.partial = 0
	c.deciding = true
	a := c.decide(c.stream.peek(n)[frame.HeaderLen:])
	c.deciding = false
	if a.stays {
		return false
	}
	c.discard(n)
	c.do(a)
	return true
}

// discard gives back the first n octets that have come.
func (c *client) discard(n int) {
	c.inHandling()
	c.stream.discard(n)
}

// incomplete notes that no frame is whole, and whether one has begun. The rest of it may wait at the
// client for the acknowledgement of what has come (Nagle's algorithm), which the kernel would delay
// by 40 ms in the hope of an answer that carries it. None comes before the frame is whole, so it is
// asked for at once.
func (c *client) incomplete(have int) {
	if c.stream.begun() {
		c.stream.acknowledge()
	}
	if have == 0 {
		c.partial = 0
		return
	}
	if c.partial == 0 {
		c.partial = max(1, c.srv.clock())
		c.wakeBy(c.partial + c.srv.cfg.FrameTimeout)
	}
}

// decide says what a frame leads to. It may change counters and what is known of the client, but
// neither writes nor submits: inHandling panics then. payload is borrowed until decide returns.
func (c *client) decide(payload []byte) act {
	m, err := c.srv.scanner.Scan(payload)
	if err != nil {
		return c.faulty(err, c.srv.scanner.EchoClTRID())
	}
	if most, _ := c.frameMax(); len(m.Payload) > most {
		return c.faulty(errLongAsUTF8, ownClTRID(m))
	}
	switch m.Kind {
	case frame.KindHello:
		c.faultless()
		return act{unit: c.srv.greetingUnit()}
	case frame.KindCommand, frame.KindExtension:
		c.faultless()
		switch m.Command {
		case frame.CommandLogin:
			return c.login(m)
		case frame.CommandLogout:
			return c.logout(m)
		}
		return c.command(m)
	}
	return c.faulty(errNotClients, nil)
}

// command decides on a command that is the registry's to answer.
func (c *client) command(m *frame.Message) act {
	s := c.srv
	if s.users != nil && !c.loggedIn {
		return c.early(m)
	}
	if m.Unknown() && !s.plausible(m.Object) {
		return c.unknown(m)
	}
	opts := c.listener.options.Load()
	if set := opts.Commands; set != nil && !set.Allows(m.Command, m.Op, s.account.Query(m)) {
		s.counts.Disallowed++
		return c.reply(replyDisallowed, ownClTRID(m))
	}
	from := upstream.Sender{Client: c, Budget: c.identity.share.budget, Weight: uint8(opts.Weight), Since: c.served,
		ID: c.id, Identity: c.Identity(), Known: c.known, Answers: uint32(c.answers)}
	if m.Command == frame.CommandPoll && s.cfg.Poll == PollExclusive {
		return c.poll(m, from)
	}
	return act{submit: s.account.Exchange(from, m)}
}

// faulty answers a frame that never leaves for the registry. err says what is wrong with it, clTRID is
// what may be echoed of it.
func (c *client) faulty(err error, clTRID []byte) act {
	s := c.srv
	s.counts.Faults++
	s.blame(c.listener, c.stream.from(), FaultyFrame)
	c.faults++
	if c.faults == maxFaults {
		return c.reply(replyTooManyFaults, clTRID).then(closedFaults)
	}
	return c.reply(replyFault(err), clTRID)
}

// unknown answers a command that the registry cannot know either. Many a registry closes on such a
// command, so that its client would cost all others a session each time. The document is clear, so
// it does not count as a fault in a row.
func (c *client) unknown(m *frame.Message) act {
	s := c.srv
	s.counts.Faults++
	s.blame(c.listener, c.stream.from(), UnknownCommand)
	return c.reply(replyUnknownCommand, ownClTRID(m))
}

// faultless notes a frame that is answered, here or by the registry.
func (c *client) faultless() {
	c.faults = 0
	c.touch()
}

// ownClTRID is the content of a message's clTRID; nil where it has none.
func ownClTRID(m *frame.Message) []byte {
	if !m.ClTRID.Present() {
		return nil
	}
	return m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End]
}
