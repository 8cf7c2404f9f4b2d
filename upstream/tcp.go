package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

const (
	// readSize is the least room for a read, in octets: a TLS record.
	readSize = 16 << 10
	// readKept is the largest buffer that a session keeps once it is empty, in octets.
	readKept = 256 << 10
)

// tcpCarrier carries a session over TCP, with TLS or without. It implements carrier, and
// loop.Handler for the session's socket.
type tcpCarrier struct {
	// Immutable.
	*session
	giveUp context.CancelFunc // ends the opening of the session

	login atomic.Int32 // loginOpen, loginSent or loginRecalled

	// Owned by the goroutine that opens the session, then by the loop.
	socket *loop.Conn
	conn   net.Conn // tls.Conn over socket, or socket itself
	in     []byte   // octets that were read and not taken
	at     string   // the registry's address; empty: it is not known
	// What is known of the TLS handshake besides its error.
	handshake loop.Handshake
}

// The login's stages. The opening goroutine and the loop race to end loginOpen: a CompareAndSwap
// from it decides whether the login is sent.
const (
	loginOpen     int32 = iota // may be sent
	loginSent                  // is being sent, or was
	loginRecalled              // was not sent and never will be
)

// Opened implements loop.Handler.
func (t *tcpCarrier) Opened(s loop.Socket) { t.socket.Attach(s) }

// Closed implements loop.Handler.
func (t *tcpCarrier) Closed(error) {
	t.socket.Detach()
	if t.opened() { // otherwise ready will find the socket closed
		t.a.turn(t.session.closed)
	}
}

// opened reports whether the pool knows that the session has logged in.
func (t *tcpCarrier) opened() bool { return t.s.State() != pool.SessionDialing }

// ready tells the pool that the session has logged in, unless octets followed the login's answer:
// they are unasked for, or the registry has closed.
func (t *tcpCarrier) ready() {
	end := pool.CauseRegistryClosed
	if !t.socket.Detached() {
		end = t.fill()
	}
	if len(t.in) > 0 {
		end = t.unasked()
	}
	if end == pool.CauseNone && !t.socket.Detached() {
		t.loggedIn()
		return
	}
	t.countDesync(end)
	t.close()
	t.spoilt(end)
}

// recall implements carrier.
func (t *tcpCarrier) recall() {
	if t.login.CompareAndSwap(loginOpen, loginRecalled) {
		t.giveUp()
	}
}

// cancel implements carrier.
func (t *tcpCarrier) cancel() { t.giveUp() }

// close implements carrier.
func (t *tcpCarrier) close() {
	if !t.socket.Detached() {
		_ = t.socket.Close() // Closed has been called when it returns
	}
}

// write writes a whole data unit at once, so that it becomes one TLS record where it fits. It
// ignores an error: the socket is closed then, and Closed has told the pool.
func (t *tcpCarrier) write(unit []byte) { _, _ = t.conn.Write(unit) }

// pending reports whether the registry has sent octets or the connection's end since its last
// message was taken. Octets that nobody asked for must not be taken for the next command's answer,
// and nothing must be written behind the end. It is called before each command, also right behind
// an answer, since registries close there.
func (t *tcpCarrier) pending() bool {
	return t.socket.Pending() || t.conn != net.Conn(t.socket) && t.socket.Partial()
}

// look reads what pending has found, and returns why the session ends by it: it must not be written to.
func (t *tcpCarrier) look() pool.Cause {
	t.socket.Rest()
	end := t.fill()
	switch {
	case len(t.in) > 0:
		return t.unasked()
	case end == pool.CauseNone: // a record has come in part
		return pool.CauseUnasked
	}
	return end
}

// unasked returns why the session ends by the octets in t.in, for which nothing was sent.
func (t *tcpCarrier) unasked() pool.Cause {
	n, err := frame.Size(t.in, t.a.cfg.MaxResponse)
	if err != nil || n == 0 || len(t.in) < n {
		return pool.CauseUnasked
	}
	end := t.news(t.in[frame.HeaderLen:n])
	if len(t.in) > n {
		return pool.CauseUnasked
	}
	return end
}

// sendExchange implements carrier.
func (t *tcpCarrier) sendExchange(x *Exchange) {
	switch {
	case t.s.Exchange() != &x.Exchange: // x has ended with the session
	case t.socket.Detached() || t.s.State() != pool.SessionBusy:
		t.unsent(x, pool.CauseRegistryClosed)
	case t.pending():
		t.unsent(x, t.look())
	default:
		t.write(t.begin(x))
	}
}

// sendKeepalive implements carrier.
func (t *tcpCarrier) sendKeepalive() { t.sendOwn() }

// sendLogout implements carrier.
func (t *tcpCarrier) sendLogout() { t.sendOwn() }

// sendOwn writes a message of our own, or ends the session if the registry has something pending.
func (t *tcpCarrier) sendOwn() {
	switch {
	case t.socket.Detached() || t.s.State() == pool.SessionClosing:
	case t.pending():
		t.poison(t.look())
	default:
		t.write(t.ownMessage())
	}
}

// Readable implements loop.Handler.
func (t *tcpCarrier) Readable() {
	if t.opened() { // otherwise ready reads
		t.a.turn(t.read)
	}
}

// read reads the octets that have come, and takes the message in them.
func (t *tcpCarrier) read() {
	end := t.fill()
	t.take(end)
}

// fill reads the octets that have come into t.in. It returns why the session ends, or CauseNone.
func (t *tcpCarrier) fill() pool.Cause {
	for !t.socket.Detached() {
		t.in = slices.Grow(t.in, readSize)
		n, err := t.conn.Read(t.in[len(t.in):cap(t.in)])
		t.in = t.in[:len(t.in)+n]
		switch {
		case err == nil && len(t.in) < cap(t.in) && t.socket.Emptied():
			return pool.CauseNone
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return pool.CauseNone
		default:
			t.parted(err)
			return readCause(err)
		}
	}
	return pool.CauseRegistryClosed
}

// readCause returns why a session ends by an error of a read: the registry or the network ended it, by
// an alert too, or it sent octets that our TLS does not accept.
func readCause(err error) pool.Cause {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		loop.Alerted(err), loop.Renegotiation(err):
		return pool.CauseRegistryClosed
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) { // a reset, or a network that has gone
		return pool.CauseRegistryClosed
	}
	return pool.CauseFrame
}

// parted notes what TLS says of the connection's end.
func (t *tcpCarrier) parted(err error) {
	switch {
	case loop.Alerted(err):
		t.parting = err.Error()
	case loop.Renegotiation(err):
		t.parting = "the registry asked for a new TLS handshake, which we do not take part in"
	}
}

// take takes the message in t.in once it is whole. At most one is due: if octets stand behind it,
// which nobody asked for, the session ends. It also ends for the given cause, unless that is
// CauseNone, after the message has been taken.
func (t *tcpCarrier) take(end pool.Cause) {
	if t.socket.Detached() || t.s.State() == pool.SessionClosing {
		return
	}
	n, err := frame.Size(t.in, t.a.cfg.MaxResponse)
	switch {
	case len(t.in) == 0:
	case t.s.InFlight() == pool.NothingInFlight:
		end = t.unasked()
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
