package proxy

import (
	"net"

	"eppmux/loop"
)

// stream is what a client's state machine sees of its connection: octets, whether TLS is under them
// or not. Owned by the loop; no method blocks. A write or a close can end the connection; then the
// client's Closed has been called when it returns.
type stream interface {
	// open begins the stream over an enrolled socket.
	open(s loop.Socket)
	// fill takes in what the socket has. An error ends the stream.
	fill() error
	// peek returns the first n octets, 0 < n <= buffered(), borrowed until the next call.
	peek(n int) []byte
	// discard drops the first n octets, 0 < n <= buffered().
	discard(n int)
	// buffered is the number of octets that have come and are not discarded.
	buffered() int
	// write writes all of p, or takes a copy of what the kernel does not take now.
	write(p []byte)
	// unsent is the number of octets written that the kernel has not taken.
	unsent() int
	// acknowledge has the kernel acknowledge at once what has come.
	acknowledge()
	// closeWrite tells the other side that nothing more comes.
	closeWrite()
	// close closes the connection at once.
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
