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

	"eppmux/upstream"
)

// stream is what a client's state machine sees of its connection: octets, whether TLS is under them
// or not. Owned by the loop; no method blocks. After a Write or Close the connection may be gone:
// then the client's Closed has been called.
type stream interface {
	// open begins the stream over an enrolled socket.
	open(s upstream.Socket)
	// fill takes in what the socket has. An error ends the stream.
	fill() error
	// peek returns the first n octets, 0 < n <= buffered(), borrowed until the next call.
	peek(n int) []byte
	// discard drops the first n octets, 0 < n <= buffered().
	discard(n int)
	buffered() int
	write(p []byte)
	// unsent is the number of octets written that the kernel has not taken.
	unsent() int
	// acknowledge has the kernel acknowledge at once what has come.
	acknowledge()
	// closeWrite tells the other side that nothing more comes.
	closeWrite()
	close()
	// from is the other side's address; nil when it is not known any more.
	from() net.Addr
	// closed says that the socket is closed.
	closed()
}

// plainStream is a client's connection without TLS: gnet's buffers are its buffers.
type plainStream struct{ s *socket }

func (p *plainStream) open(s upstream.Socket) { p.s = s.(*socket) }
func (p *plainStream) fill() error            { return nil }
func (p *plainStream) close()                 { _ = p.s.Close() }
func (p *plainStream) from() net.Addr         { return p.s.from() }
func (p *plainStream) closed()                {}

func (p *plainStream) peek(n int) []byte {
	b, err := p.s.conn.Peek(n)
	if err != nil {
		panic("BUG: peek: " + err.Error())
	}
	return b
}

func (p *plainStream) discard(n int) {
	if n <= 0 { // gnet takes that for "everything"
		panic("BUG: discard of nothing")
	}
	_, _ = p.s.conn.Discard(n)
}

func (p *plainStream) buffered() int {
	if p.s.conn == nil {
		return 0
	}
	return p.s.conn.InboundBuffered()
}

func (p *plainStream) write(b []byte) { _, _ = p.s.Write(b) }
func (p *plainStream) unsent() int    { return p.s.unsent() }
func (p *plainStream) acknowledge()   { p.s.acknowledge() }
func (p *plainStream) closeWrite()    { p.s.closeWrite() }

// unsent is the number of octets that wait for the kernel.
func (s *socket) unsent() int {
	if s.conn == nil {
		return 0
	}
	return s.conn.OutboundBuffered()
}

// acknowledge arms TCP_QUICKACK: a client that writes header and payload apart, with Nagle's
// algorithm on, waits with the payload for the header's acknowledgement, which the kernel would
// delay by 40 ms. The kernel disarms it by itself.
func (s *socket) acknowledge() {
	if s.conn != nil {
		// fails on a unix socket
		_ = syscall.SetsockoptInt(s.conn.Fd(), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}
}

func (s *socket) closeWrite() {
	if s.conn != nil {
		_ = syscall.Shutdown(s.conn.Fd(), syscall.SHUT_WR)
	}
}

// tlsStream is a client's connection with TLS, driven on the loop after a handshake on a goroutine.
type tlsStream struct {
	conn   *tls.Conn
	under  *upstream.LoopConn
	socket *socket
	in     *bytebufferpool.ByteBuffer // what has been decrypted and not discarded; nil while there is nothing
	taken  int                        // in.B[:taken] has been discarded
	max    *atomic.Int64              // octets; fill stops above it
}

// tlsBuffers holds the buffers of decrypted octets. Idle clients have none.
var tlsBuffers bytebufferpool.Pool

func newTLSStream(nc net.Conn, cfg *tls.Config, max *atomic.Int64) *tlsStream {
	under := &upstream.LoopConn{Conn: nc}
	cfg = cfg.Clone()
	// some clients take one read for one frame: it must be one record where it fits
	cfg.DynamicRecordSizingDisabled = true
	return &tlsStream{conn: tls.Server(under, cfg), under: under, max: max}
}

func (t *tlsStream) open(s upstream.Socket) {
	t.socket = s.(*socket)
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
			// move what is left to the front before the buffer grows for what has been taken
			t.in.B = append(t.in.B[:0], t.in.B[t.taken:]...)
			t.taken = 0
		}
		t.in.B = slices.Grow(t.in.B, 4096)
		n, err := t.conn.Read(t.in.B[len(t.in.B):cap(t.in.B)])
		if t.in == nil { // reading made TLS write, which found the connection closed
			return net.ErrClosed
		}
		t.in.B = t.in.B[:len(t.in.B)+n]
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return err
		}
	}
	return nil
}

// release gives the buffer back once everything in it is discarded.
func (t *tlsStream) release() {
	if t.in != nil && t.taken == len(t.in.B) {
		tlsBuffers.Put(t.in)
		t.in, t.taken = nil, 0
	}
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

func (t *tlsStream) write(b []byte) { _, _ = t.conn.Write(b) }
func (t *tlsStream) unsent() int    { return t.socket.unsent() }
func (t *tlsStream) acknowledge()   { t.socket.acknowledge() }

func (t *tlsStream) closeWrite() {
	_ = t.conn.CloseWrite() // the alert close_notify
	t.socket.closeWrite()
}

func (t *tlsStream) close()         { _ = t.socket.Close() }
func (t *tlsStream) from() net.Addr { return t.socket.from() }

func (t *tlsStream) closed() {
	t.under.Detach()
	if t.in != nil {
		t.in.B = t.in.B[:0]
		tlsBuffers.Put(t.in)
		t.in = nil
	}
}
