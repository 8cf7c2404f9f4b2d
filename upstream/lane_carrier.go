package upstream

import (
	"bytes"
	"errors"
	"slices"

	"eppmux/frame"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// laneCarrier carries a session of a follower: a lane to the owner of the account. It implements carrier,
// and loop.Handler for the lane's socket.
//
// The owner has the session with the registry, so what an answer says of that, of limits and of clients
// is for the owner to act on. Here an answer is one, or it is none.
type laneCarrier struct {
	*session         // immutable
	to       *target // immutable
	wire

	// Owned by the loop.
	out    []byte // what is being written: who sends the command, and the command
	author lane.Author
}

// isLane reports whether s leads to the owner of the account.
func isLane(s *pool.Session) bool {
	if s.Shell == nil {
		return false
	}
	_, lane := carrierOf(s).(*laneCarrier)
	return lane
}

// Closed implements loop.Handler.
func (c *laneCarrier) Closed(error) {
	c.socket.Detach()
	if c.opened() { // otherwise ready will find the socket closed
		c.a.turn(c.closed)
	}
}

// opened reports whether the pool knows that the lane is open.
func (c *laneCarrier) opened() bool { return c.s.State() != pool.SessionDialing }

// ready tells the pool that the lane is open.
func (c *laneCarrier) ready() {
	end := pool.CauseRegistryClosed
	if !c.socket.Detached() {
		end = c.fill()
	}
	if end = c.greetings(end); end == pool.CauseNone && !c.socket.Detached() {
		c.a.counts.Lanes.Opened++
		c.a.log.Debug("lane opened", "session", c.s.ID, "owner", c.to.lanes.Owner)
		c.a.trouble, c.a.cause = "", pool.CauseNone
		c.a.pool.Opened(c.s, c.a.now())
		return
	}
	c.desync(end)
	c.close()
	c.notOpened(&openError{"behind the welcome", end, errors.New(end.String())})
}

// notOpened tells the pool that the lane could not be opened.
func (c *laneCarrier) notOpened(err error) {
	a, cause := c.a, openCause(err)
	if cause != pool.CauseShutdown {
		a.counts.Lanes.Failed++
		a.log.Debug("lane could not be opened", "session", c.s.ID, "reason", cause.String(), "err", err.Error())
		a.troubled(err.Error(), cause)
	}
	a.pool.OpenFailed(c.s, cause, a.now())
}

// closed tells the pool that the lane has ended.
func (c *laneCarrier) closed() {
	a := c.a
	a.pool.Closed(c.s, a.now())
	a.counts.Lanes.Closed[c.s.Cause()]++
	a.log.Debug("lane closed", "session", c.s.ID, "reason", c.s.Cause().String(), "owner", c.to.lanes.Owner)
}

// recall implements carrier: nothing was sent that must be taken back.
func (c *laneCarrier) recall() { c.giveUp() }

// sendExchange implements carrier.
func (c *laneCarrier) sendExchange(x *Exchange) {
	if c.s.Exchange() != &x.Exchange { // x has ended with the lane
		return
	}
	end := pool.CauseRegistryClosed
	if !c.socket.Detached() && c.s.State() == pool.SessionBusy {
		end = c.look()
	}
	if end != pool.CauseNone {
		c.desync(end)
		c.unsent(x, end)
		return
	}
	c.a.describe(&c.author, x)
	c.out = lane.AppendAuthor(c.out[:0], &c.author)
	c.out = append(c.out, c.begin(x)...)
	x.forwarded = true
	_, _ = c.write(c.out) // after an error Closed has told the pool
	if cap(c.out) > readKept {
		c.out = nil
	}
}

// describe says who has sent x.
func (a *Account) describe(by *lane.Author, x *Exchange) {
	*by = lane.Author{ID: x.Author.Client, Weight: x.Weight, Known: x.Author.Known, Answers: x.Author.Answers,
		Waited: a.now() - x.Since, Identity: x.Author.Identity}
	if by.ID == 0 { // an owner takes no command of none
		by.ID = a.NextID()
	}
}

// sendKeepalive implements carrier. Nobody asks for one on a lane.
func (c *laneCarrier) sendKeepalive() { c.sendLogout() }

// sendLogout implements carrier. The end of the connection says as much.
func (c *laneCarrier) sendLogout() {
	c.a.inTurn()
	c.a.pool.Poison(c.s, c.s.Cause())
}

// Readable implements loop.Handler.
func (c *laneCarrier) Readable() {
	if c.opened() && !c.socket.Detached() && c.s.State() != pool.SessionClosing { // otherwise ready reads, or nobody
		c.a.turn(func() { c.take(c.fill()) })
	}
}

// hear implements carrier. A lane is not closed for a fence.
func (c *laneCarrier) hear() {}

// look reads what the owner has sent since its last answer, and returns why the lane ends by it: it must
// not be written to.
func (c *laneCarrier) look() pool.Cause {
	if !c.pending() && len(c.in) == 0 {
		return pool.CauseNone
	}
	c.socket.Rest()
	end := c.greetings(c.fill())
	if end == pool.CauseNone && len(c.in) > 0 { // a unit has come in part
		end = pool.CauseUnasked
	}
	return end
}

// greetings takes the greetings in c.in, which stand there alone, but for a unit that has come in part, or
// the word that the account has moved. It returns why the lane ends, which ends for the given cause
// otherwise.
func (c *laneCarrier) greetings(end pool.Cause) pool.Cause {
	for {
		n, err := frame.Size(c.in, c.to.maxResponse)
		switch {
		case err != nil:
			return pool.CauseFrame
		case n == 0 || len(c.in) < n:
			return end
		}
		payload := c.in[frame.HeaderLen:n]
		if moved(payload) {
			return pool.CauseMoved
		}
		if !c.greeting(payload) {
			return pool.CauseUnasked
		}
		c.taken(n)
	}
}

// moved reports whether the owner says that the account has moved. It says so as its last word, also where
// no command is in flight.
func moved(payload []byte) bool {
	e, err := lane.ParseEnd(payload)
	return err == nil && e.Fate == lane.FateMoved
}

// greeting takes the payload of a greeting, and reports whether it is one.
func (c *laneCarrier) greeting(payload []byte) bool {
	if lane.Marked(payload) {
		return false
	}
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil || m.Kind != frame.KindGreeting {
		return false
	}
	c.learn(m.Payload)
	return true
}

// learn takes a greeting of the registry. Each lane brings the same.
func (c *laneCarrier) learn(payload []byte) {
	if !bytes.Equal(payload, c.a.greeting) {
		c.a.greeted(bytes.Clone(payload))
	}
}

// take takes the units in c.in: greetings, and what stands in place of the answer to the command in flight.
// The lane ends behind them for the given cause, unless that is CauseNone.
func (c *laneCarrier) take(end pool.Cause) {
	for c.s.InFlight() == pool.CommandInFlight {
		n, err := frame.Size(c.in, c.to.maxResponse)
		if err != nil {
			c.poison(pool.CauseFrame)
			return
		}
		if n == 0 || len(c.in) < n {
			c.poison(end)
			return
		}
		payload := c.in[frame.HeaderLen:n]
		c.taken(n)
		if c.instead(payload, end) {
			return
		}
	}
	c.poison(c.greetings(end))
}

// instead takes a unit that has come while a command is in flight, behind which the lane ends for the
// given cause. It reports whether the command has ended, or the lane. The payload is borrowed until the
// turn ends.
func (c *laneCarrier) instead(payload []byte, end pool.Cause) bool {
	if lane.Marked(payload) {
		e, err := lane.ParseEnd(payload)
		if err != nil {
			c.poison(pool.CauseFrame)
			return true
		}
		c.ended(e)
		return true
	}
	m, _, err := readAnswer(&c.a.scanner, payload, c.sentID())
	switch {
	case err != nil:
		c.poison(pool.CauseFrame)
		return true
	case m.Kind == frame.KindGreeting:
		c.learn(m.Payload)
		return false
	}
	if _, ok := c.matches(m); !ok {
		c.poison(pool.CauseMismatch)
		return true
	}
	if len(c.in) > 0 { // what may follow is taken before the next command has the lane
		end = c.greetings(end)
		m, _, _ = readAnswer(&c.a.scanner, payload, c.sentID())
	}
	c.desync(end)
	c.a.inHand = m
	c.a.pool.Answered(c.s, end, c.a.now())
	return true
}

// causes are the causes by their words.
var causes = func() map[string]pool.Cause {
	all := make(map[string]pool.Cause)
	for c := pool.CauseNone + 1; c < pool.NumCauses; c++ {
		all[c.String()] = c
	}
	return all
}()

// ended takes the owner's word of how the command has ended without an answer.
func (c *laneCarrier) ended(e lane.End) {
	a := c.a
	cause, ok := causes[e.Cause]
	if !ok { // of a later version
		cause = pool.CauseRegistryClosed
	}
	switch e.Fate {
	case lane.FateMoved:
		// It gets another muxTRID: the registry has seen this one where it rejected the command.
		c.unsent(of(c.s.Exchange()), pool.CauseMoved)
		return
	case lane.FateNotSent:
		a.pool.Ended(c.s, pool.EndNotSent, cause, a.now())
	default:
		a.pool.Ended(c.s, pool.EndUnknown, cause, a.now())
	}
	if !c.socket.Detached() { // what came behind it, before the next command, see look
		a.loop.Post(c.Readable)
	}
}

// poison ends the lane for the given cause, unless that is CauseNone.
func (c *laneCarrier) poison(end pool.Cause) {
	if end != pool.CauseNone {
		c.a.inTurn()
		c.desync(end)
		c.a.pool.Poison(c.s, end)
	}
}

// desync counts the lane as out of step if the cause for which it ends says so.
func (c *laneCarrier) desync(end pool.Cause) {
	if slices.Contains(pool.DesyncCauses, end) {
		c.a.counts.Lanes.Desync[end]++
		c.a.log.Error("lane is out of step with the owner and carries nothing more", "session", c.s.ID,
			"reason", end.String(), "owner", c.to.lanes.Owner)
	}
}
