package upstream

import (
	"net"
	"os"
	"time"
)

// Loop is the event loop on which an Account lives.
type Loop interface {
	// Post runs f on the loop, soon. Any goroutine may call it, the loop too; it does not block.
	// After the loop has ended, f is dropped.
	Post(f func())

	// Enroll hands nc's socket over to the loop and closes nc: from then on only the loop reads and
	// writes there. h is told what happens, on the loop, beginning with Opened before Enroll
	// returns. It blocks until the loop has taken the socket, so the loop itself must not call it.
	Enroll(nc net.Conn, h Handler) error
}

// Handler is told what happens on a socket, on the loop.
type Handler interface {
	// Opened is called first, once.
	Opened(s Socket)
	// Readable is called when octets have come. What it leaves unread stays; it is called again
	// when more come.
	Readable()
	// Closed is called last, once, whichever side closed the socket; the Socket may not be used any
	// more. It is called from within Socket.Close, and from within a Write that fails.
	Closed(err error)
}

// Socket is an enrolled socket. It may be used on the loop only, and no method blocks.
type Socket interface {
	// Read reads what has come; 0 and nil when there is nothing at hand.
	Read(p []byte) (int, error)
	// Write writes all of p, or takes a copy of what the socket does not take now. An error means
	// that the socket is closed.
	Write(p []byte) (int, error)
	// Pending says, without taking anything, whether the other side has sent octets or its end that
	// Readable has not been called for yet.
	Pending() bool
	// Close closes the socket; Handler.Closed has been called when it returns.
	Close() error
}

// LoopConn is a connection that begins as an ordinary blocking one and goes on on a loop, so that
// crypto/tls above it can shake hands with blocking calls and afterwards be driven by the loop:
// when no octets are at hand its Read returns os.ErrDeadlineExceeded, which crypto/tls takes for a
// temporary error and after which it reads on.
type LoopConn struct {
	net.Conn        // until Attach
	socket   Socket // from then on; nil again after Detach
	detached bool
	records  records
}

// Attach lets c go on over s. The blocking connection must not be used any more.
func (c *LoopConn) Attach(s Socket) { c.socket = s }

// Detach says that the socket is closed.
func (c *LoopConn) Detach() { c.socket, c.detached = nil, true }

func (c *LoopConn) Read(p []byte) (int, error) {
	if c.detached {
		return 0, net.ErrClosed
	}
	if c.socket == nil {
		n, err := c.Conn.Read(p)
		c.records.pass(p[:n])
		return n, err
	}
	n, err := c.socket.Read(p)
	if n == 0 && err == nil {
		c.records.whole = 0
		return 0, os.ErrDeadlineExceeded
	}
	c.records.pass(p[:n])
	c.records.more = n == len(p)
	return n, err
}

// Drained says, after a Read of the tls.Conn above c that returned data and did not fill the
// caller's buffer, that another one would find nothing: exactly one whole record has come since it
// last found nothing. Each such Read that is spared saves crypto/tls an allocation. It may be false
// without need, never true without truth.
func (c *LoopConn) Drained() bool {
	if c.records.whole != 1 || c.records.partial() || c.records.more {
		return false
	}
	c.records.whole = 0
	return true
}

// records counts the TLS records in the octets that pass. RFC 8446 section 5.1: a record is a type,
// a version and a length, 5 octets together, and length octets.
type records struct {
	whole  int  // that have passed
	head   int  // octets of a header that have passed, of a record that is not whole
	length int  // of that record, as far as it has passed with the header
	left   int  // octets of that record's content still to come
	more   bool // the last Read was filled: the socket may have more
}

func (r *records) partial() bool { return r.head > 0 }

func (r *records) pass(p []byte) {
	for len(p) > 0 {
		if r.head < 5 {
			if r.head >= 3 {
				r.length = r.length<<8 | int(p[0])
			}
			if r.head++; r.head == 5 {
				r.left = r.length
			}
			p = p[1:]
		} else {
			n := min(r.left, len(p))
			r.left -= n
			p = p[n:]
		}
		if r.head == 5 && r.left == 0 {
			r.whole++
			r.head, r.length = 0, 0
		}
	}
}

func (c *LoopConn) Write(p []byte) (int, error) {
	if c.detached {
		return 0, net.ErrClosed
	}
	if c.socket == nil {
		return c.Conn.Write(p)
	}
	return c.socket.Write(p)
}

// Pending is Socket's; false while the connection is not on the loop.
func (c *LoopConn) Pending() bool { return c.socket != nil && c.socket.Pending() }

// Close closes the connection, or on the loop its socket.
func (c *LoopConn) Close() error {
	if c.detached {
		return nil
	}
	if c.socket == nil {
		return c.Conn.Close()
	}
	return c.socket.Close()
}

// SetDeadline has no effect on the loop, where no call blocks.
func (c *LoopConn) SetDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is as SetDeadline.
func (c *LoopConn) SetReadDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is as SetDeadline.
func (c *LoopConn) SetWriteDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// Alarm runs a function on a loop at an instant. Owned by the loop.
type Alarm struct {
	loop  Loop
	now   func() time.Duration
	f     func()
	timer *time.Timer
	at    time.Duration // never: not set
}

// NewAlarm returns an alarm that is not set. now reads the clock that the instants are of.
func NewAlarm(loop Loop, now func() time.Duration, f func()) *Alarm {
	return &Alarm{loop: loop, now: now, f: f, at: never}
}

// Before sets the alarm to at if that is earlier than what it is set to. An alarm that goes off is
// not set any more.
func (a *Alarm) Before(at time.Duration) {
	if at >= a.at {
		return
	}
	a.at = at
	d := at - a.now()
	if a.timer == nil {
		a.timer = time.AfterFunc(d, func() { a.loop.Post(a.ring) })
		return
	}
	a.timer.Reset(d)
}

func (a *Alarm) ring() {
	if a.now() < a.at { // it was set later meanwhile, or this is an older timer's ring
		if a.at != never {
			a.timer.Reset(a.at - a.now())
		}
		return
	}
	a.at = never
	a.f()
}

// Stop ends the alarm; it may still go off once if it is already due.
func (a *Alarm) Stop() {
	a.at = never
	if a.timer != nil {
		a.timer.Stop()
	}
}
