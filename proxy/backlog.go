package proxy

import "time"

// The backlog of a client is what was written to it and the kernel has not taken. It grows when a
// client does not read.

const (
	// unsentPause is the backlog, in octets, from which on a client's next command is not looked
	// at.
	unsentPause = 64 << 10
	// unsentMax is the backlog, in octets, above which the connection is closed.
	unsentMax = 8 << 20
	// writeTimeout is how long a backlog may stay as it is, writeRecheck how often it is looked at.
	writeTimeout = 30 * time.Second
	writeRecheck = 50 * time.Millisecond
)

// takesAnswers reports whether the client's next message may be looked at: it takes the answers to
// those before it. A stranger has to take all of them, so that no more waits for it than one
// message.
func (c *client) takesAnswers() bool {
	n := c.stream.unsent()
	return n == 0 || n < unsentPause && !c.stranger()
}

// write writes a whole data unit. What the kernel does not take now waits, within bounds.
func (c *client) write(unit []byte) {
	c.inHandling()
	if c.state >= clientLingering {
		return
	}
	c.stream.write(unit)
	if c.state != clientClosed {
		c.checkBacklog()
	}
}

// checkBacklog looks at the backlog after something was written.
func (c *client) checkBacklog() {
	switch n := c.stream.unsent(); {
	case n == 0:
		c.stalled = 0
	case n > unsentMax:
		c.close(closedNotReading)
	case c.stalled == 0:
		c.stalled, c.backlog = max(1, c.srv.clock()), int32(n)
		c.wakeBy(c.stalled + writeRecheck)
	}
}

// dueBacklog looks at the backlog after some time. It closes a client that has taken nothing of it
// within writeTimeout.
func (c *client) dueBacklog(now time.Duration) {
	switch n := c.stream.unsent(); {
	case n == 0:
		c.stalled = 0
	case now >= c.stalled+writeTimeout && n >= int(c.backlog):
		c.close(closedNotReading)
	default:
		if n < int(c.backlog) {
			c.stalled, c.backlog = now, int32(n)
		}
		c.wakeBy(now + writeRecheck)
	}
}
