package proxy

import (
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// PollPolicy says which clients read the registry's message queue (RFC 5730 section 2.9.2.3).
type PollPolicy uint8

const (
	// PollShared: all do, as several sessions of their own would. Two that ask at the same time are given
	// the same message.
	PollShared PollPolicy = iota
	// PollExclusive: one at a time, from its request until it has acknowledged the message, until it
	// leaves, or until Config.PollLease is over.
	PollExclusive
)

// polls is who has the message queue, under PollExclusive. Owned by the loop.
type polls struct {
	srv   *Server
	alarm *loop.Alarm

	owner  *client       // who has the queue; nil: nobody
	turn   *pollTurn     // the owner's poll command that is under way; nil: none
	until  time.Duration // when the owner's lease ends, if none of its commands is under way; 0: not known yet
	others bool          // another client has asked for the queue since the owner has it
	line   []inLine      // who waits for the queue, the first one first
	// lapsed is the client whose lease was over while others had asked: they are next. nil: none, or another
	// one has had the queue since. by is when it may ask again all the same.
	lapsed *client
	by     time.Duration
	// looked is the client in line whose request is being looked at again; nil: none.
	looked *client
}

// inLine is a client whose request waits for the queue.
type inLine struct {
	c  *client
	by time.Duration // when it is told that there are no messages
}

// pollTurn is the Client of a poll command under PollExclusive, in the place of the one that sent it. So
// its end is known also where that one has left: until then nobody else may read the queue, which may be
// about to change.
type pollTurn struct {
	*client
	x    *upstream.Exchange
	op   frame.Op
	left bool // the client has
}

// Finish implements upstream.Client.
func (t *pollTurn) Finish(x *upstream.Exchange, o upstream.Outcome) {
	t.srv.polls.ended(t, &o)
	if !t.left {
		t.client.Finish(x, o)
	}
}

func (p *polls) init(s *Server) {
	p.srv = s
	p.alarm = loop.NewAlarm(s.loop, s.clock, p.tick)
}

// poll decides on a poll command under PollExclusive.
func (c *client) poll(m *frame.Message, from upstream.Sender) act {
	p := &c.srv.polls
	waits := false
	switch {
	case p.barred(c, m.Op):
	case p.admits(c):
		p.leaveLine(c)
		t := &pollTurn{client: c, op: m.Op}
		from.Client = t
		t.x = c.srv.account.Exchange(from, m)
		p.take(t)
		return act{submit: t.x}
	default:
		p.others = true
		waits = m.Op == frame.OpReq && p.waits(c)
	}
	if waits {
		return act{stays: true}
	}
	c.srv.counts.PollsHeld++
	if m.Op != frame.OpReq {
		return c.reply(replyNotYourMessage, ownClTRID(m))
	}
	return c.reply(replyNoMessages, ownClTRID(m))
}

// take gives the queue to the client of t, which may have it already, for t.
func (p *polls) take(t *pollTurn) {
	if p.owner != t.client {
		p.owner, p.until, p.others, p.lapsed = t.client, 0, false, nil
	}
	p.turn = t
}

// barred reports whether c may not ask for a message though nobody has the queue: it has not acknowledged
// in time, and others have asked meanwhile.
func (p *polls) barred(c *client, op frame.Op) bool {
	return p.owner == nil && p.lapsed == c && op == frame.OpReq && p.srv.clock() < p.by
}

// admits reports whether c may use the queue now.
func (p *polls) admits(c *client) bool {
	return p.owner == c || p.owner == nil && (len(p.line) == 0 || p.line[0].c == c)
}

// waiting reports whether c is in line, and its request is not to be looked at now.
func (p *polls) waiting(c *client) bool {
	return len(p.line) > 0 && p.looked != c && p.placeOf(c) >= 0
}

// waits puts c in line, at first, and reports whether it is to wait there any longer. Afterwards it is in
// no line.
func (p *polls) waits(c *client) bool {
	now := p.srv.clock()
	i := p.placeOf(c)
	if i < 0 {
		i = len(p.line)
		p.line = append(p.line, inLine{c, now + p.srv.cfg.PollWait})
	}
	if by := p.line[i].by; by > now {
		p.alarm.Before(by)
		return true
	}
	p.leaveLine(c)
	return false
}

func (p *polls) placeOf(c *client) int {
	return slices.IndexFunc(p.line, func(l inLine) bool { return l.c == c })
}

// leaveLine takes c out of the line; it may be in none.
func (p *polls) leaveLine(c *client) {
	if i := p.placeOf(c); i >= 0 {
		p.line = slices.Delete(p.line, i, i+1)
	}
}

// ended takes the end of the owner's poll command. Only where it has brought a message, the owner keeps
// the queue. Its lease runs from the first time: whoever asks for a message again and again, and never
// acknowledges it, must not keep it from the others for ever.
func (p *polls) ended(t *pollTurn, o *upstream.Outcome) {
	if p.turn != t {
		return // the policy has changed meanwhile
	}
	p.turn = nil
	if t.left || t.op != frame.OpReq || o.End != pool.EndAnswered || !bringsMessage(o.Code) {
		p.giveUp()
		return
	}
	if p.until == 0 {
		p.until = p.srv.clock() + p.srv.cfg.PollLease
	}
	p.alarm.Before(p.until)
}

// bringsMessage reports whether the answer to a poll request with that code has a message in it. RFC 5730
// section 2.9.2.3 has 1301 for that; some registries use 1000.
func bringsMessage(code int) bool { return code >= 1000 && code < 1500 && code != 1300 }

// giveUp lets the next one have the queue. It is looked at in a turn of its own: this one may be in the
// middle of another client's handling.
func (p *polls) giveUp() {
	p.owner = nil
	if len(p.line) > 0 {
		p.srv.loop.Post(p.serveNext)
	}
}

// serveNext has the first of the line look at its request again. Where that ends without having the queue,
// it is the turn of the one behind it.
func (p *polls) serveNext() {
	for p.owner == nil && len(p.line) > 0 {
		p.look(p.line[0].c)
	}
}

// look has a client in line look at its request again. Afterwards it is not in that place any more: it
// has been served, or has to take its answers first and looks again by itself.
func (p *polls) look(c *client) {
	was := p.line[p.placeOf(c)]
	p.looked = c
	c.handle(func() {
		c.parse()
		c.stream.keep()
	})
	p.looked = nil
	p.line = slices.DeleteFunc(p.line, func(l inLine) bool { return l == was })
}

// left says that c leaves, with its command x, or nil. It reports whether x is to go on without it: the
// registry has it, and nobody else may read the queue before it has answered.
func (p *polls) left(c *client, x *upstream.Exchange) (goesOn bool) {
	p.leaveLine(c)
	if p.lapsed == c {
		p.lapsed = nil
	}
	switch t := p.turn; {
	case p.owner != c:
	case t != nil && t.x == x && x.Sent():
		t.left = true
		return true
	default:
		p.turn = nil
		p.giveUp()
	}
	return false
}

// takenBack says that the command x will not be sent.
func (p *polls) takenBack(x *upstream.Exchange) {
	if p.turn != nil && p.turn.x == x {
		p.turn = nil
		p.giveUp()
	}
}

// tick ends a lease that is over, and the wait of those that have waited long enough.
func (p *polls) tick() {
	now := p.srv.clock()
	if p.owner != nil && p.turn == nil {
		if now >= p.until {
			p.lapse(now)
		} else {
			p.alarm.Before(p.until)
		}
	}
	for len(p.line) > 0 && p.line[0].by <= now && p.owner != nil {
		p.look(p.line[0].c)
	}
	if len(p.line) > 0 {
		p.alarm.Before(p.line[0].by)
	}
}

// lapse ends the owner's lease, which is over.
func (p *polls) lapse(now time.Duration) {
	p.srv.counts.PollsLapsed++
	if p.others {
		p.lapsed, p.by = p.owner, now+p.srv.cfg.PollLease
	}
	p.giveUp()
}

// reload takes over the policy in force. Where the queue is shared from now on, nobody has it, and nobody
// waits for it.
func (p *polls) reload() {
	if p.srv.cfg.Poll == PollExclusive {
		return
	}
	p.owner, p.turn, p.lapsed = nil, nil, nil
	for len(p.line) > 0 {
		p.look(p.line[0].c)
	}
}
