package loop

import (
	"errors"
	"net"
	"os"
	"time"
)

// Conn is a connection that begins as a blocking one and continues on a loop. crypto/tls above it
// shakes hands with blocking calls, and the loop drives it afterwards. When no octets are at hand,
// Read then returns os.ErrDeadlineExceeded. crypto/tls takes that for a temporary error, keeps its
// state, and reads on when it is called again.
//
// Owned by the goroutine that shakes hands, then by the loop.
type Conn struct {
	net.Conn // until Attach

	// Barred is asked right before octets go out, be they a message, or what crypto/tls sends by itself
	// in a handshake, as an alert or for new keys. Where it reports true they do not, and Write returns
	// ErrBarred. Nil: nothing is barred. Immutable.
	Barred func() bool

	socket   Socket // from then on; nil again after Detach
	detached bool
	resting  bool // see Rest
	records  records
}

// Attach makes c continue over s, on the loop. The blocking connection must not be used any more.
func (c *Conn) Attach(s Socket) { c.socket = s }

// Detach tells c that its socket is closed: reads and writes return net.ErrClosed from now on.
func (c *Conn) Detach() { c.socket, c.detached = nil, true }

// Detached reports whether the socket is closed.
func (c *Conn) Detached() bool { return c.detached }

// Read implements net.Conn. On the loop it does not block: it returns os.ErrDeadlineExceeded when
// no octets are at hand.
func (c *Conn) Read(p []byte) (int, error) {
	if c.detached {
		return 0, net.ErrClosed
	}
	if c.socket == nil {
		n, err := c.Conn.Read(p)
		c.records.pass(p[:n])
		return n, err
	}
	n, err := c.readSocket(p)
	if n == 0 && err == nil {
		c.records.whole = 0
		return 0, os.ErrDeadlineExceeded
	}
	c.records.pass(p[:n])
	c.records.more = n == len(p)
	return n, err
}

func (c *Conn) readSocket(p []byte) (int, error) {
	if c.resting {
		return c.socket.ReadRest(p)
	}
	return c.socket.Read(p)
}

// Emptied reports whether another Read of the tls.Conn above c would find nothing. It is called
// after a Read that returned data and did not fill the caller's buffer. It may report false when
// nothing is left, but never true when something is: it reports true where exactly one whole record
// has come since a Read found nothing. Each Read that is spared saves crypto/tls an allocation.
func (c *Conn) Emptied() bool {
	if c.records.whole != 1 || c.records.partial() || c.records.more {
		return false
	}
	c.records.whole = 0
	return true
}

// Partial reports whether a TLS record has come in part.
func (c *Conn) Partial() bool { return c.records.partial() }

// Kept returns how much memory crypto/tls keeps for records until the connection ends, in octets,
// where that is much: its buffer never gets smaller than for the longest record that has begun.
func (c *Conn) Kept() int {
	const little = 4 << 10
	if c.records.longest <= little {
		return 0
	}
	return c.records.longest + little
}

// records counts the TLS records in the octets that pass. RFC 8446 section 5.1: a record is a type,
// a version and a length, 5 octets together, and length octets.
type records struct {
	whole   int  // records that have passed since a Read found nothing
	head    int  // octets of the header of the record that has passed in part; 0: there is none
	length  int  // of that record, as far as its header has passed
	missing int  // octets of that record's content that have not passed; once its header has
	longest int  // the greatest length of all that have begun
	more    bool // the last Read was filled: the socket may have more
}

func (r *records) partial() bool { return r.head > 0 }

// pass counts the records in p, which follows the octets of the calls before.
func (r *records) pass(p []byte) {
	for len(p) > 0 {
		if r.head < 5 {
			if r.head >= 3 {
				r.length = r.length<<8 | int(p[0])
			}
			if r.head++; r.head == 5 {
				r.missing, r.longest = r.length, max(r.longest, r.length)
			}
			p = p[1:]
		} else {
			n := min(r.missing, len(p))
			r.missing -= n
			p = p[n:]
		}
		if r.head == 5 && r.missing == 0 {
			r.whole++
			r.head, r.length = 0, 0
		}
	}
}

// ErrBarred is returned for octets that Conn.Barred has kept back.
var ErrBarred = errors.New("nothing may be written any more")

// Write implements net.Conn. On the loop it does not block: it writes all of p, or closes c.
//
// A process that is stopped between the question whether it may write and the system call that writes
// does so when it goes on, however late. Nobody can exclude that; so nothing stands between the two.
func (c *Conn) Write(p []byte) (int, error) {
	switch {
	case c.detached:
		return 0, net.ErrClosed
	case c.Barred != nil && c.Barred():
		return 0, ErrBarred
	}
	if c.socket == nil {
		return c.Conn.Write(p)
	}
	return c.socket.Write(p)
}

// Pending is Socket.Pending on the loop, and false elsewhere.
func (c *Conn) Pending() bool { return c.socket != nil && c.socket.Pending() }

// Rest makes Read find all that has come, and the end of the connection: see Socket.ReadRest. On the
// loop.
func (c *Conn) Rest() { c.resting = true }

// Close implements net.Conn. On the loop it closes the socket.
func (c *Conn) Close() error {
	if c.detached {
		return nil
	}
	if c.socket == nil {
		return c.Conn.Close()
	}
	return c.socket.Close()
}

// Abort is Close without another octet: what was written and not sent is dropped.
func (c *Conn) Abort() error {
	if c.detached {
		return nil
	}
	if c.socket == nil {
		if tc, ok := c.Conn.(*net.TCPConn); ok {
			_ = tc.SetLinger(0)
		}
		return c.Conn.Close()
	}
	return c.socket.Abort()
}

// SetDeadline implements net.Conn. It has no effect on the loop, where no call blocks.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn, as SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn, as SetDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.socket != nil || c.detached {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}
