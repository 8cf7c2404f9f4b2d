package cluster

import (
	"fmt"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// worldClient is a client of one host, or of another one when that is gone.
type worldClient struct {
	r       *worldRegistry
	host    *worldHost
	number  int
	id      uint64 // of its connection
	think   time.Duration
	command *worldCommand
	served  time.Duration // when it was served last, by its host's clock
	quiet   bool          // it sends nothing more
}

// worldCommand is one command of a client, wherever it goes. The registry knows it by its number.
type worldCommand struct {
	client   *worldClient
	number   uint64
	query    bool
	host     *worldHost
	at       time.Duration
	stood    time.Duration // of the host, by then
	came     int           // times that it has come to the registry
	executed int
	answered bool // the registry has answered
	rejected int  // times that the registry has answered that it did not execute it
	moves    int
	broke    int // lanes that broke with it
	before   int // how often it was executed when it went over a lane first
	ended    bool
	end      pool.End
	gone     bool // the host's process has ended
}

// worldExchange is a command in one pool: that of its client's host, or of the owner.
type worldExchange struct {
	pool.Exchange
	command *worldCommand
	account *worldAccount
	lane    *worldLane // on which it came; nil: it is the client's
	gone    bool       // nobody waits for its end

	forwarded bool // it went over a lane
}

// servedAt is as upstream.Exchange.ServedAt.
func (x *worldExchange) servedAt(end pool.End, now time.Duration) time.Duration {
	switch {
	case !x.forwarded || x.SentAt() == 0:
		return x.SentAt()
	case end == pool.EndNotSent:
		return 0
	}
	return now
}

func newWorldExchange(c *worldCommand) *worldExchange {
	x := &worldExchange{command: c}
	x.Shell = x
	x.Command, x.Query = frame.CommandCreate, c.query
	if c.query {
		x.Command = frame.CommandCheck
	}
	return x
}

// submit sends the client's next command.
func (c *worldClient) submit() {
	w := c.r.w
	if c.command != nil || c.quiet {
		return
	}
	if !c.host.up || c.host.leaves && w.chance(0.5) { // it goes to another one
		c.host = w.hosts[w.rand.IntN(len(w.hosts))]
		c.id, c.served = c.id+1<<20, 0
		if !c.host.up {
			w.after(c.think+100*time.Millisecond, c.submit)
			return
		}
	}
	h := c.host
	w.commands++
	m := &worldCommand{client: c, number: uint64(w.commands), query: w.chance(0.5), host: h, at: w.now, stood: h.stoodStill()}
	c.command = m
	a := h.accounts[c.r.key]
	a.commands[m] = struct{}{} // the connection ends with the process
	h.event(0, func() {
		x := newWorldExchange(m)
		x.account, x.Weight = a, 1
		x.Since = min(c.served, h.clocks.Mono())
		x.Author = pool.Author{Client: c.id, Identity: fmt.Sprint(c.number % 5), Kind: pool.Kind(x.Command), Content: m.number,
			Known: true, Answers: 1}
		a.turn(func() { a.pool.Submit(&x.Exchange, a.instant) })
		if w.chance(0.001) { // it does not wait for the end
			h.event(w.upTo(time.Second), func() { c.hangUp(m, x) })
		}
	})
}

// hangUp has the client forget its command. What was sent is not taken back.
func (c *worldClient) hangUp(m *worldCommand, x *worldExchange) {
	if c.command == m && !m.ended {
		c.command, c.id = nil, c.id+1<<20
		delete(x.account.commands, m)
		c.r.w.after(c.think, c.submit)
		x.cancel()
	}
}

// finish is told how the exchange has ended.
func (x *worldExchange) finish(end pool.End, cause pool.Cause) {
	switch {
	case x.gone:
	case x.lane != nil:
		x.lane.finished(end, cause)
	default:
		delete(x.account.commands, x.command)
		if at := x.servedAt(end, x.account.instant); at > 0 {
			x.command.client.served = at
		}
		x.command.finish(end, cause)
	}
}

// bound is the longest that the command may take.
func (c *worldCommand) bound() time.Duration {
	cfg := &c.client.r.config
	patience := cfg.QueueTimeout + cfg.CommandTimeout
	most := cfg.QueueTimeout + patience
	if c.rejected > 0 { // it waits anew for a session that is logged in
		most += patience
	}
	if c.query { // it is repeated once
		most *= 2
	}
	return most + time.Second + 200*time.Millisecond + c.host.stoodStill() - c.stood
}

// finish judges how the command has ended for its client.
func (c *worldCommand) finish(end pool.End, cause pool.Cause) {
	w := c.client.r.w
	w.note("%s: command %d of %s ends: %v, %v; came %d, moved %d", c.client.r.key, c.number, c.host.name, end, cause, c.came, c.moves)
	w.ends[end]++
	w.causes[cause]++
	took := w.now - c.at
	switch {
	case c.ended:
		w.fail("C7: command %d ends twice", c.number)
	case took > c.bound():
		w.fail("C7: command %d of %s took %v, at most %v: %v, %v", c.number, c.host.name, took, c.bound(), end, cause)
	case end == pool.EndNotSent && c.executed > 0 && !c.query:
		w.fail("C6: command %d was executed, and ends as not sent, for %v, moved %d times", c.number, cause, c.moves)
	case end == pool.EndAnswered && !c.answered:
		w.fail("C6: command %d is answered, and was not by the registry", c.number)
	}
	c.ended, c.end = true, end
	if end == pool.EndAnswered {
		w.answered(c)
	}
	if c.client.command == c {
		c.client.command = nil
		w.after(c.client.think, c.client.submit)
	}
}

// execute is told each time that the command comes to the registry.
func (c *worldCommand) execute() {
	w := c.client.r.w
	c.executed++
	most := 2 + c.moves + c.before // who owns it now does not know that it was sent before
	if c.broke > 0 {               // the owner has repeated it, or has not: nobody knows
		most += 2
	}
	switch {
	case !c.query && c.executed > 1:
		w.fail("C6: command %d, a transform, is executed twice", c.number)
	case !c.query && c.ended && c.end == pool.EndNotSent:
		w.fail("C6: command %d is executed, and has ended as not sent", c.number)
	case c.executed > most:
		w.fail("command %d, a query, is executed %d times, moved %d times", c.number, c.executed, c.moves)
	}
	w.most = max(w.most, c.executed-c.moves)
}
