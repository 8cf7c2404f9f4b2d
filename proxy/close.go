package proxy

import "time"

// closeReason says why a client's connection ended, in the words of logs and metrics.
type closeReason uint8

const (
	closedByClient closeReason = iota
	closedLogout               // answered 1500
	// a length below 5, above clients.max_frame, or, before login, above maxLogin
	closedFrame
	closedFaults // three faulty frames in a row
	// more sent ahead than clients.max_ahead, or, before login, than a frame of maxLogin
	closedAhead
	closedSlowFrame      // a frame not whole within clients.frame_timeout
	closedIdle           // clients.idle_timeout
	closedNotReading     // answers not taken
	closedUnknownOutcome // a transform's outcome is unknown
	closedCode           // the registry's result code x5xx ends the session
	closedNoGreeting     // the registry's greeting was never learnt
	closedTLS            // octets that TLS does not accept, after the handshake
	closedTooMany        // clients.max
	closedShutdown
	closedMemory        // all clients together take more memory than they may, and it held most
	closedRefused       // three logins, or commands before login, in a row were refused
	closedHandshake     // the TLS handshake failed, or took too long
	closedKicked        // by the operator
	closedDisplaced     // while clients.max was reached, for a client of somebody who had fewer
	closedNoLogin       // no login in time, where one is needed
	closedWantsTLS      // begins with TLS, at a listener without
	closedNoTLS         // begins with a frame of EPP, at a listener with TLS
	closedHTTP          // begins with HTTP
	closedProxyProtocol // begins with the header of the PROXY protocol
	closedNoLength      // begins with XML, without a length in front
	numCloseReasons
)

var closeReasonNames = [numCloseReasons]string{
	"client", "logout", "frame", "faults", "ahead", "slow_frame", "idle", "not_reading", "unknown_outcome", "code",
	"no_greeting", "tls", "too_many", "shutdown", "memory", "refused", "handshake", "kicked", "displaced", "no_login",
	"wants_tls", "no_tls", "http", "proxy_protocol", "no_length",
}

// String is the reason's word in logs and metrics.
func (r closeReason) String() string { return closeReasonNames[r] }

// blames reports whether the client is at fault. Then the log says who it was.
func (r closeReason) blames() bool {
	switch r {
	case closedFrame, closedFaults, closedAhead, closedSlowFrame, closedNotReading, closedTLS, closedTooMany,
		closedMemory, closedRefused, closedHandshake, closedNoLogin, closedWantsTLS, closedNoTLS, closedHTTP,
		closedProxyProtocol,
		closedNoLength:
		return true
	}
	return false
}

// lingerTimeout is how long a client has to close after our last octets. Closing at once, with
// octets of the client unread, would make the kernel send a reset that can destroy those last
// octets.
const lingerTimeout = 2 * time.Second

// reportClose counts the end of the connection, and tells of the client if it is at fault. err may
// be nil.
func (c *client) reportClose(why closeReason, err error) {
	c.srv.countClose(why)
	if why.blames() {
		c.srv.blame(c.listener, c.stream.from(), why.String())
		c.srv.complain(c.listener, c.stream.from(), why, err)
	}
}

// close closes the connection at once.
func (c *client) close(why closeReason) { c.closeFor(why, nil) }

// closeFor is close, with the error that is the reason.
func (c *client) closeFor(why closeReason, err error) {
	c.notDeciding()
	if c.state == clientClosed {
		return
	}
	if c.state != clientLingering {
		c.reportClose(why, err)
	}
	c.state = clientLingering // so that Closed does not count it again
	c.stream.close()
}

// dismiss sends a last reply, without a clTRID, and lets the client linger so that it can read it.
func (c *client) dismiss(r reply, why closeReason) { c.do(c.reply(r, nil).then(why)) }

// evict ends a client that has gone too far. While a transform is under way the end comes without a
// reply, which the client would take for the transform's answer.
func (c *client) evict(r reply, why closeReason) {
	if c.x != nil && !c.x.Query || c.state != clientServed {
		c.linger(why)
		return
	}
	c.dismiss(r, why)
}

// linger ends the client's work. The connection ends when the client closes it, or when
// lingerTimeout is over.
func (c *client) linger(why closeReason) {
	c.inHandling()
	if c.state >= clientLingering {
		return
	}
	c.reportClose(why, nil)
	c.state = clientLingering
	c.abandon()
	if n := c.stream.buffered(); n > 0 {
		c.discard(n)
	}
	c.since = c.srv.clock()
	c.tellEnd(c.since)
}

// tellEnd tells a lingering client that nothing more comes, once the kernel has taken all that was
// written. It sets the timer for its next look.
func (c *client) tellEnd(now time.Duration) {
	next := c.since + lingerTimeout
	switch {
	case c.told:
	case c.stream.unsent() == 0:
		c.told = true
		c.stream.closeWrite()
	default:
		next = min(next, now+writeRecheck)
	}
	c.wakeBy(next)
}

// dueLingering closes the connection when the time for lingering is over.
func (c *client) dueLingering(now time.Duration) {
	if now >= c.since+lingerTimeout {
		c.stream.close()
		return
	}
	c.tellEnd(now)
}

// soak drops the octets that a lingering client still sends. If they are more than
// clients.max_ahead they cannot all have been under way: this is a flood, and ends the connection
// at once.
func (c *client) soak() {
	n := c.stream.buffered()
	if n == 0 {
		return
	}
	c.discard(n)
	if c.flood += int32(n); int(c.flood) > c.srv.cfg.MaxAhead {
		c.stream.close()
	}
}
