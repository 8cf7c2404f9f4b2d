package upstream

import (
	"errors"
	"sync/atomic"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/pool"
)

// tcpCarrier carries a session with a registry over TCP, with TLS or without. It implements carrier, and
// loop.Handler for the session's socket.
//
// Where the session has a fence, loop.Conn asks it before each write. What it keeps back was not sent.
type tcpCarrier struct {
	*session // immutable
	wire

	login atomic.Int32 // loginOpen, loginSent or loginRecalled
}

// The login's stages. The opening goroutine and the loop race to end loginOpen: a CompareAndSwap
// from it decides whether the login is sent.
const (
	loginOpen     int32 = iota // may be sent
	loginSent                  // is being sent, or was
	loginRecalled              // was not sent and never will be
)

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
		t.sendUnit(x)
	}
}

// sendUnit writes x. An error other than that of the fence is ignored: the socket is closed then, and
// Closed has told the pool.
func (t *tcpCarrier) sendUnit(x *Exchange) {
	exposed := x.exposed
	n, err := t.write(t.begin(x))
	switch {
	case !errors.Is(err, loop.ErrBarred):
	case n > 0: // the first records of a long command are out
		t.a.fenced()
		t.poison(pool.CauseFenced)
	default:
		x.exposed = exposed
		t.a.fenced()
		t.unsent(x, pool.CauseFenced)
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
		if _, err := t.write(t.ownMessage()); errors.Is(err, loop.ErrBarred) {
			t.a.fenced()
			t.poison(pool.CauseFenced)
		}
	}
}

// Readable implements loop.Handler.
func (t *tcpCarrier) Readable() {
	if t.opened() { // otherwise ready reads
		t.a.turn(t.read)
	}
}

// hear implements carrier.
func (t *tcpCarrier) hear() {
	if t.opened() && !t.socket.Detached() && t.pending() {
		t.socket.Rest()
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
	end := t.wire.fill()
	if t.parted != "" {
		t.parting = t.parted
	}
	return end
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
		t.taken(len(t.in))
		return
	}
	if end != pool.CauseNone {
		t.poison(end)
	}
}
