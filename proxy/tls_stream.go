package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/valyala/bytebufferpool"

	"eppmux/loop"
)

// tlsStream is a client's connection with TLS, driven on the loop after a handshake on a goroutine.
type tlsStream struct {
	// Immutable after the accept.
	conn  *tls.Conn
	under *loop.Conn
	max   *atomic.Int64 // octets; fill stops above it

	// Owned by the loop.
	socket loop.Socket
	in     *bytebufferpool.ByteBuffer // decrypted octets; nil: none that are not discarded
	taken  int                        // in.B[:taken] has been discarded
}

// tlsRead is how much room fill reads into, in octets. Larger buffers are not used again: a client
// that holds little must not take what another needed for much.
const tlsRead = 4 << 10

// tlsBuffers holds the buffers of decrypted octets, which can hold tlsRead. Idle clients have none.
var tlsBuffers bytebufferpool.Pool

// newTLSStream is a TLS server's side over nc, whose handshake is still to be done. max bounds what
// fill takes in.
func newTLSStream(nc net.Conn, cfg *tls.Config, max *atomic.Int64) *tlsStream {
	under := &loop.Conn{Conn: nc}
	cfg = cfg.Clone()
	// Some clients take one read for one frame: it must be one record where it fits.
	cfg.DynamicRecordSizingDisabled = true
	return &tlsStream{conn: tls.Server(under, cfg), under: under, max: max}
}

func (t *tlsStream) open(s loop.Socket) {
	t.socket = s
	t.under.Attach(s)
}

func (t *tlsStream) fill() error {
	if t.in == nil {
		t.in = tlsBuffers.Get()
		t.taken = 0
	}
	defer t.release()
	for t.buffered() <= int(t.max.Load()) {
		if t.taken >= t.buffered() {
			// Move the rest to the front: the buffer does not grow for octets that are discarded.
			t.in.B = append(t.in.B[:0], t.in.B[t.taken:]...)
			t.taken = 0
		}
		if len(t.in.B) == cap(t.in.B) {
			t.in.B = slices.Grow(t.in.B, tlsRead)
		}
		n, err := t.conn.Read(t.in.B[len(t.in.B):cap(t.in.B)])
		if t.in == nil { // TLS wrote while it read, and found the connection closed
			return net.ErrClosed
		}
		t.in.B = t.in.B[:len(t.in.B)+n]
		switch {
		case err == nil && len(t.in.B) < cap(t.in.B) && t.under.Emptied():
			return nil
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, io.EOF):
			return io.EOF
		default:
			return err
		}
	}
	return nil
}

// release gives the buffer back once everything in it is discarded.
func (t *tlsStream) release() {
	if t.in != nil && t.taken == len(t.in.B) {
		t.giveBack()
	}
}

// giveBack gives the buffer back. The pool sorts buffers by the length of their contents, and drops those
// that can hold more than nearly all contents need. So what it gets is full.
func (t *tlsStream) giveBack() {
	if cap(t.in.B) <= tlsRead {
		t.in.B = t.in.B[:cap(t.in.B)]
		tlsBuffers.Put(t.in)
	}
	t.in, t.taken = nil, 0
}

// keep has nothing to do: fill has taken all in, but for what is beyond max.
func (t *tlsStream) keep() {}

func (t *tlsStream) memory() int {
	n := unsentMemory(t.unsent()) + t.under.Kept()
	if t.in != nil {
		n += cap(t.in.B)
	}
	return n
}

func (t *tlsStream) peek(n int) []byte { return t.in.B[t.taken : t.taken+n] }

func (t *tlsStream) discard(n int) {
	t.taken += n
	t.release()
}

func (t *tlsStream) buffered() int {
	if t.in == nil {
		return 0
	}
	return len(t.in.B) - t.taken
}

// begun implements stream: a TLS record that has come in part is something, too.
func (t *tlsStream) begun() bool { return t.buffered() > 0 || t.under.Partial() }

func (t *tlsStream) write(b []byte) { _, _ = t.conn.Write(b) }
func (t *tlsStream) unsent() int    { return t.socket.Unsent() }
func (t *tlsStream) acknowledge()   { t.socket.Acknowledge() }

func (t *tlsStream) closeWrite() {
	_ = t.conn.CloseWrite() // the alert close_notify
	t.socket.CloseWrite()
}

func (t *tlsStream) close()         { _ = t.socket.Close() }
func (t *tlsStream) from() net.Addr { return t.socket.From() }

func (t *tlsStream) detach() {
	t.under.Detach()
	if t.in != nil {
		t.giveBack()
	}
}

// tlsReason sorts an error of fill.
func tlsReason(err error) closeReason {
	if errors.Is(err, io.EOF) {
		return closedByClient
	}
	return closedTLS
}

// handshakeReason sorts an error of the handshake. A client that leaves by itself is not at fault:
// a monitor that only looks whether the port is open does so.
func handshakeReason(err error) closeReason {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return closedByClient
	}
	return handshakeFault(err)
}
