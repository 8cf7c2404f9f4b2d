package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

const (
	// readSize is what a session's buffer has room for at the least, in octets: a TLS record.
	readSize = 16 << 10
	// readKept is the largest buffer that a session keeps once it is empty.
	readKept = 256 << 10
)

// tlsCarrier carries a session over TCP, with TLS or without. It is the Handler of the session's
// socket.
type tlsCarrier struct {
	*session // immutable

	giveUp context.CancelFunc // ends opening; immutable
	login  atomic.Int32       // whether the login may be sent, see loginOpen

	// Owned by the goroutine that opens the session, then by the loop.
	socket *loop.Conn
	conn   net.Conn // tls.Conn over socket, or socket itself
	in     []byte   // octets that have been read and not taken
}

// What has been decided of a login. Whoever changes it from loginOpen has decided.
const (
	loginOpen     int32 = iota // may be sent
	loginSent                  // may have been sent
	loginRecalled              // was not sent and will not be: we have given it up
)

// Opened implements loop.Handler.
func (t *tlsCarrier) Opened(s loop.Socket) { t.socket.Attach(s) }

// Closed implements loop.Handler.
func (t *tlsCarrier) Closed(error) {
	t.socket.Detach()
	if t.opened() { // otherwise ready will find it closed
		t.a.turn(t.session.closed)
	}
}

// opened reports whether the pool knows that the session has logged in.
func (t *tlsCarrier) opened() bool { return t.s.State() != pool.SessionDialing }

// ready tells the pool that the session has logged in, unless octets followed the login's answer:
// they are unasked for, or the registry has closed.
func (t *tlsCarrier) ready() {
	end := pool.CauseRegistryClosed
	if !t.socket.Detached() {
		end = t.fill()
	}
	if len(t.in) > 0 {
		end = pool.CauseUnasked
	}
	if end == pool.CauseNone && !t.socket.Detached() {
		t.loggedIn()
		return
	}
	t.note(end)
	t.close()
	t.spoilt(end)
}

// recall implements carrier.
func (t *tlsCarrier) recall() {
	if t.login.CompareAndSwap(loginOpen, loginRecalled) {
		t.giveUp()
	}
}

// cancel implements carrier.
func (t *tlsCarrier) cancel() { t.giveUp() }

// close implements carrier.
func (t *tlsCarrier) close() {
	if !t.socket.Detached() {
		_ = t.socket.Close() // Closed has been called when it returns
	}
}

// write writes a whole data unit at once, so that it becomes one TLS record where it fits. An error
// needs no care: the socket is closed then, and Closed has told the pool.
func (t *tlsCarrier) write(unit []byte) { _, _ = t.conn.Write(unit) }

// pending reports whether the registry has sent something, or its end, since its last message was
// taken: an answer that nobody waits for must not be taken for the next command's, and behind the
// end nothing must be written. It is asked before each command, also right behind an answer, since
// registries close there.
func (t *tlsCarrier) pending() bool {
	return t.socket.Pending() || t.conn != net.Conn(t.socket) && t.socket.Partial()
}

// sendExchange implements carrier.
func (t *tlsCarrier) sendExchange(x *Exchange) {
	switch {
	case t.s.Exchange() != &x.Exchange: // it has ended with the session
	case t.socket.Detached() || t.s.State() != pool.SessionBusy:
		t.unsent(x, pool.CauseRegistryClosed)
	case t.pending():
		t.unsent(x, pool.CauseUnasked)
	default:
		t.write(t.begin(x))
	}
}

// sendKeepalive implements carrier.
func (t *tlsCarrier) sendKeepalive() { t.sendOwn() }

// sendLogout implements carrier.
func (t *tlsCarrier) sendLogout() { t.sendOwn() }

// sendOwn writes a message of our own, or ends the session that is at its end or has something to
// say.
func (t *tlsCarrier) sendOwn() {
	switch {
	case t.socket.Detached() || t.s.State() == pool.SessionClosing:
	case t.pending():
		t.poison(pool.CauseUnasked)
	default:
		t.write(t.ownMessage())
	}
}

// Readable implements loop.Handler.
func (t *tlsCarrier) Readable() {
	if t.opened() { // otherwise ready reads
		t.a.turn(t.read)
	}
}

// read reads the octets that have come and takes the message in them.
func (t *tlsCarrier) read() {
	end := t.fill()
	t.take(end)
}

// fill reads the octets that have come. It returns why the session ends, or CauseNone.
func (t *tlsCarrier) fill() pool.Cause {
	for !t.socket.Detached() {
		t.in = slices.Grow(t.in, readSize)
		n, err := t.conn.Read(t.in[len(t.in):cap(t.in)])
		t.in = t.in[:len(t.in)+n]
		switch {
		case err == nil && len(t.in) < cap(t.in) && t.socket.Drained():
			return pool.CauseNone
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return pool.CauseNone
		default:
			return readCause(err)
		}
	}
	return pool.CauseRegistryClosed
}

// readCause tells the registry's closing from octets that TLS does not accept.
func readCause(err error) pool.Cause {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return pool.CauseRegistryClosed
	}
	return pool.CauseFrame
}

// take takes the message that has come whole. One is due at most: octets behind it nobody asked
// for, and the session ends. It also ends for the given cause, unless that is CauseNone, after the
// message has been taken.
func (t *tlsCarrier) take(end pool.Cause) {
	if t.socket.Detached() || t.s.State() == pool.SessionClosing {
		return
	}
	n, err := frame.Size(t.in, t.a.cfg.MaxResponse)
	switch {
	case len(t.in) == 0:
	case t.s.InFlight() == pool.NothingInFlight:
		end = pool.CauseUnasked
		if err == nil && n > 0 && len(t.in) >= n {
			t.news(t.in[frame.HeaderLen:n])
		}
	case err != nil:
		end = pool.CauseFrame
	case n == 0 || len(t.in) < n:
	default:
		if len(t.in) > n {
			end = pool.CauseUnasked
		}
		t.message(t.in[frame.HeaderLen:n], end)
		if t.in = t.in[:0]; cap(t.in) > readKept {
			t.in = nil
		}
		return
	}
	if end != pool.CauseNone {
		t.poison(end)
	}
}
