package proxy

import (
	"time"

	"eppmux/frame"
)

// A stranger is a client that must log in and never has. It is owed little: some time, three
// attempts and room for one login. Whom a reload has logged out, and who came while no login was
// needed, is none: it may be between two commands of its work, and hears of it with the next.

const (
	// loginTimeout is how long a stranger may stay. The time for which its logins are verified does
	// not count.
	loginTimeout = 30 * time.Second
	// strangerAhead is what a stranger may send ahead, in octets: a login.
	strangerAhead = frame.HeaderLen + maxLogin
	// maxBusy is how many logins in a row may be sent back because too many wait before they count
	// as refused: it is not the client's fault, but each is read by a slow parser.
	maxBusy = 30
)

func (c *client) stranger() bool { return c.srv.users != nil && !c.trusted }

// frameMax is the longest payload that is taken, in octets, and what is said of a longer one.
func (c *client) frameMax() (int, reply) {
	if most := c.srv.cfg.MaxFrame; !c.stranger() || most <= maxLogin {
		return most, replyTooLong
	}
	return maxLogin, replyTooLongYet
}

// aheadMax is how many octets may wait unread, and what is said to who sends more.
func (c *client) aheadMax() (int, reply) {
	if most := c.srv.cfg.MaxAhead; !c.stranger() || most <= strangerAhead {
		return most, replyTooFarAhead
	}
	return strangerAhead, replyTooFarAheadYet
}

// early answers a command before login.
func (c *client) early(m *frame.Message, n int) {
	c.srv.counts.NotLoggedIn++
	c.complainOfCommand(m)
	if c.stranger() && c.strike() {
		c.refuse(replyLoginsRefused, m, n)
		c.linger(closedRefused)
		return
	}
	c.refuse(replyNotLoggedIn, m, n)
}

// strike counts a refusal, and says whether it was one too many.
func (c *client) strike() bool {
	c.refusals++
	return c.refusals >= maxRefusals
}

// excused says whether a login that was refused for why was not the client's fault.
func (c *client) excused(why refusal) bool {
	if why != refusedBusy || c.busies == maxBusy {
		return false
	}
	c.busies++
	return true
}

// awaitLogin sets the alarm for a stranger's login.
func (c *client) awaitLogin() {
	if c.state == clientServed && c.stranger() {
		c.srv.timers.before(c, c.loginBy)
		c.srv.rearm()
	}
}

// loginBegins stops a stranger's time: loginBy is what is left of it, until loginStops.
func (c *client) loginBegins() { c.loginBy -= c.srv.clock() }

func (c *client) loginStops() { c.loginBy += c.srv.clock() }

// dueLogin ends a stranger whose time is over.
func (c *client) dueLogin(now time.Duration) {
	if !c.stranger() || c.busy() || c.state != clientServed {
		return
	}
	if now >= c.loginBy {
		c.leave(replyLoginTimeout, nil, closedNoLogin)
		return
	}
	c.srv.timers.before(c, c.loginBy)
}
