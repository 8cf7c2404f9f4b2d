package proxy

import (
	"time"

	"eppmux/frame"
)

// A stranger has connected where clients must log in and has not done so yet. It gets 30 s, three
// attempts and room for one login. A client that a reload logged out, or that came before login was
// required, is not a stranger: it may be in the middle of its work, and is told with its next
// command.

const (
	// loginTimeout is how long a stranger may stay. The time for which its logins are verified does
	// not count.
	loginTimeout = 30 * time.Second
	// strangerAhead is how many octets a stranger may send ahead: a login.
	strangerAhead = frame.HeaderLen + maxLogin
	// maxBusy is how many of a client's logins in a row may be refused because too many wait before
	// they count as its refusals. It is not the client's fault, but each is read by a slow parser.
	maxBusy = 30
)

// stranger reports whether the client is one.
func (c *client) stranger() bool { return c.srv.users != nil && !c.trusted }

// frameMax is the longest payload that is taken, in octets, and the reply to a longer one.
func (c *client) frameMax() (int, reply) {
	if most := c.srv.cfg.MaxFrame; !c.stranger() || most <= maxLogin {
		return most, replyTooLong
	}
	return maxLogin, replyTooLongYet
}

// aheadMax is how many octets the client may send ahead, and the reply when it sends more.
func (c *client) aheadMax() (int, reply) {
	if most := c.srv.cfg.MaxAhead; !c.stranger() || most <= strangerAhead {
		return most, replyTooFarAhead
	}
	return strangerAhead, replyTooFarAheadYet
}

// early refuses a command before login.
func (c *client) early(m *frame.Message) act {
	c.srv.counts.NotLoggedIn++
	c.complainOfCommand(m)
	if c.stranger() && c.strike() {
		return c.reply(replyLoginsRefused, ownClTRID(m)).then(closedRefused)
	}
	return c.reply(replyNotLoggedIn, ownClTRID(m))
}

// strike counts a refusal, and reports whether it was one too many.
func (c *client) strike() bool {
	c.refusals++
	return c.refusals >= maxRefusals
}

// excused reports whether the refusal of a login is not counted against the client, and counts how
// often that was so.
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
		c.wakeBy(c.loginBy)
	}
}

// dueLogin ends a stranger whose time is over. The time does not run while a login is verified.
func (c *client) dueLogin(now time.Duration) {
	if !c.stranger() || c.busy() || c.state != clientServed {
		return
	}
	if now >= c.loginBy {
		c.dismiss(replyLoginTimeout, closedNoLogin)
		return
	}
	c.wakeBy(c.loginBy)
}
