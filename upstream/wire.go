package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

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

// wire is the connection of a session, with a registry or with another host: TCP, with TLS or without.
// It knows data units, and nothing of what is in them.
type wire struct {
	giveUp context.CancelFunc // ends the opening of the session; immutable

	// Owned by the goroutine that opens the session, then by the loop.
	socket *loop.Conn
	conn   net.Conn // tls.Conn over socket, or socket itself
	in     []byte   // octets that were read and not taken
	at     string   // the other side's address; empty: it is not known
	// What is known of the TLS handshake besides its error.
	handshake loop.Handshake
	parted    string // what TLS says of the connection's end; empty: nothing
}

// Opened implements loop.Handler.
func (w *wire) Opened(s loop.Socket) { w.socket.Attach(s) }

// cancel implements carrier.
func (w *wire) cancel() { w.giveUp() }

// close implements carrier. Where nothing may be written any more, octets that the kernel has not sent
// are not sent by the close either.
func (w *wire) close() {
	switch { // Closed has been called when either returns
	case w.socket.Detached():
	case w.socket.Barred != nil && w.socket.Barred():
		_ = w.socket.Abort()
	default:
		_ = w.socket.Close()
	}
}

// connect dials and shakes hands with who, within the time that the target gives for it. Nothing is
// written while barred reports true; nil: it never does.
func (w *wire) connect(ctx context.Context, to *target, who string, barred func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, to.connectTimeout)
	defer cancel()
	nc, at, err := to.connect(ctx)
	if err != nil {
		return &openError{"connect", pool.CauseConnect, err}
	}
	w.at, w.handshake = at, loop.Handshake{Who: who}
	w.socket = &loop.Conn{Conn: nc, Barred: barred}
	w.conn = w.socket
	if to.tls != nil {
		w.handshake.Name = to.tls.ServerName
		tc := tls.Client(w.socket, loop.NoteAsked(to.tls, &w.handshake.Bare))
		if err := tc.HandshakeContext(ctx); err != nil {
			nc.Close()
			return w.handshakeFailed(err)
		}
		w.conn = tc
	}
	return nil
}

// handshakeFailed is the error by which a TLS handshake has failed.
func (w *wire) handshakeFailed(err error) error {
	step := "tls"
	if why := w.handshake.Explain(err); why != "" {
		step += ": " + why
	}
	return &openError{step, pool.CauseTLS, err}
}

// receive receives one data unit with blocking calls, and returns a copy of its payload. It leaves the
// octets behind it in w.in.
func (w *wire) receive(within time.Duration, limit int) ([]byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	for {
		n, err := frame.Size(w.in, limit)
		if err != nil {
			return nil, err
		}
		if n > 0 && len(w.in) >= n {
			payload := append([]byte(nil), w.in[frame.HeaderLen:n]...)
			w.in = append(w.in[:0], w.in[n:]...)
			return payload, nil
		}
		var chunk [4096]byte
		k, err := w.conn.Read(chunk[:])
		w.in = append(w.in, chunk[:k]...)
		if err != nil && k == 0 {
			if errors.Is(err, io.EOF) {
				err = errors.New(w.handshake.Who + " closed the connection")
			}
			return nil, err
		}
	}
}

// enroll hands the socket to the loop.
func (w *wire) enroll(l loop.Loop, h loop.Handler) error {
	if err := w.socket.Conn.SetDeadline(time.Time{}); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	if err := l.Enroll(w.socket.Conn, h); err != nil {
		return &openError{"hand over", pool.CauseConnect, err}
	}
	return nil
}

// write writes octets at once, so that they become one TLS record where they fit. n is how many went
// out, but for those of an error that has closed the socket: then Closed has told the pool.
func (w *wire) write(octets []byte) (n int, err error) { return w.conn.Write(octets) }

// pending reports whether the other side has sent octets or the connection's end since its last
// message was taken. Octets that nobody asked for must not be taken for the next command's answer,
// and nothing must be written behind the end. It is called before each command, also right behind
// an answer, since registries close there.
func (w *wire) pending() bool {
	return w.socket.Pending() || w.conn != net.Conn(w.socket) && w.socket.Partial()
}

// fill reads the octets that have come into w.in. It returns why the session ends, or CauseNone.
func (w *wire) fill() pool.Cause {
	for !w.socket.Detached() {
		w.in = slices.Grow(w.in, readSize)
		n, err := w.conn.Read(w.in[len(w.in):cap(w.in)])
		w.in = w.in[:len(w.in)+n]
		switch {
		case err == nil && len(w.in) < cap(w.in) && w.socket.Emptied():
			return pool.CauseNone
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return pool.CauseNone
		default:
			w.part(err)
			return readCause(err)
		}
	}
	return pool.CauseRegistryClosed
}

// readCause returns why a session ends by an error of a read: the other side or the network ended it, by
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

// part notes what TLS says of the connection's end.
func (w *wire) part(err error) {
	switch {
	case loop.Alerted(err):
		w.parted = err.Error()
	case loop.Renegotiation(err):
		w.parted = "the registry asked for a new TLS handshake, which we do not take part in"
	}
}

// taken drops the first n octets of w.in. They stay as they are until more is read.
func (w *wire) taken(n int) {
	switch {
	case n < len(w.in):
		w.in = w.in[n:]
	case cap(w.in) > readKept:
		w.in = nil
	default:
		w.in = w.in[:0]
	}
}
