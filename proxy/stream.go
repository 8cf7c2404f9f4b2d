package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"

	"github.com/valyala/bytebufferpool"

	"eppmux/loop"
)

// stream is what a client's state machine sees of its connection: octets, whether TLS is under them
// or not. Owned by the loop; no method blocks. After a Write or Close the connection may be gone:
// then the client's Closed has been called.
type stream interface {
	// open begins the stream over an enrolled socket.
	open(s loop.Socket)
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
	// detach tells the stream that its socket is closed.
	detach()
}

// plainStream is a client's connection without TLS: the socket's buffers are its buffers.
type plainStream struct{ loop.Socket }

func (p *plainStream) open(s loop.Socket) { p.Socket = s }
func (p *plainStream) fill() error        { return nil }
func (p *plainStream) close()             { _ = p.Close() }
func (p *plainStream) from() net.Addr     { return p.From() }
func (p *plainStream) detach()            {}
func (p *plainStream) peek(n int) []byte  { return p.Peek(n) }
func (p *plainStream) discard(n int)      { p.Discard(n) }
func (p *plainStream) buffered() int      { return p.Buffered() }
func (p *plainStream) write(b []byte)     { _, _ = p.Write(b) }
func (p *plainStream) unsent() int        { return p.Unsent() }
func (p *plainStream) acknowledge()       { p.Acknowledge() }
func (p *plainStream) closeWrite()        { p.CloseWrite() }

// tlsStream is a client's connection with TLS, driven on the loop after a handshake on a goroutine.
type tlsStream struct {
	conn   *tls.Conn
	under  *loop.Conn
	socket loop.Socket
	in     *bytebufferpool.ByteBuffer // what has been decrypted and not discarded; nil while there is nothing
	taken  int                        // in.B[:taken] has been discarded
	max    *atomic.Int64              // octets; fill stops above it
}

// tlsBuffers holds the buffers of decrypted octets. Idle clients have none.
var tlsBuffers bytebufferpool.Pool

func newTLSStream(nc net.Conn, cfg *tls.Config, max *atomic.Int64) *tlsStream {
	under := &loop.Conn{Conn: nc}
	cfg = cfg.Clone()
	// some clients take one read for one frame: it must be one record where it fits
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
		t.in.B = t.in.B[:0]
		tlsBuffers.Put(t.in)
		t.in = nil
	}
}
