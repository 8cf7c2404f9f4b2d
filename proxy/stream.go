package proxy

import (
	"net"
	"slices"
	"sync"

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
	// keep takes in what the socket still has once the client has looked at it, so that it is
	// counted.
	keep()
	// memory is how much memory the stream takes for octets that have come or are unsent, in
	// octets.
	memory() int
	// begun reports whether something has come that is not discarded; it may not be readable yet.
	begun() bool
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

// bufferKept is the largest buffer of a plain client that is used again, in octets. One that holds little
// must not take what another needed for much.
const bufferKept = 3 << 10

// unsentMemory is how much memory n unsent octets take: the socket keeps them in pieces of 4 KiB,
// and the first may be nearly empty.
func unsentMemory(n int) int {
	if n == 0 {
		return 0
	}
	return n + 4<<10
}

// plainStream is a client's connection without TLS. Its octets are looked at where the socket has
// read them. What is no whole command yet is copied.
type plainStream struct {
	loop.Socket
	left *leftover // before what the socket has; nil: nothing
}

// leftover are octets that are held.
type leftover struct {
	b     []byte
	taken int // b[:taken] has been discarded
}

// leftovers holds leftovers that were discarded, for the next frame that comes in two pieces.
var leftovers = sync.Pool{New: func() any { return new(leftover) }}

func (p *plainStream) open(s loop.Socket) { p.Socket = s }
func (p *plainStream) close()             { _ = p.Close() }
func (p *plainStream) from() net.Addr     { return p.From() }
func (p *plainStream) begun() bool        { return p.buffered() > 0 }
func (p *plainStream) write(b []byte)     { _, _ = p.Write(b) }
func (p *plainStream) unsent() int        { return p.Unsent() }
func (p *plainStream) acknowledge()       { p.Acknowledge() }
func (p *plainStream) closeWrite()        { p.CloseWrite() }

func (p *plainStream) fill() error {
	if p.left != nil {
		p.keep()
	}
	return nil
}

func (p *plainStream) keep() {
	n := p.Buffered()
	if n == 0 {
		return
	}
	l := p.left
	if l == nil {
		l = leftovers.Get().(*leftover)
		p.left = l
	}
	if l.taken > 0 && l.taken >= len(l.b)-l.taken {
		// Move the rest to the front: the buffer does not grow for octets that are discarded.
		l.b, l.taken = append(l.b[:0], l.b[l.taken:]...), 0
	}
	l.b = slices.Grow(l.b, n)
	m, _ := p.Read(l.b[len(l.b) : len(l.b)+n])
	l.b = l.b[:len(l.b)+m]
}

func (p *plainStream) buffered() int {
	if p.left == nil {
		return p.Buffered()
	}
	return len(p.left.b) - p.left.taken + p.Buffered()
}

func (p *plainStream) peek(n int) []byte {
	if p.left == nil {
		return p.Peek(n)
	}
	return p.left.b[p.left.taken : p.left.taken+n]
}

func (p *plainStream) discard(n int) {
	l := p.left
	if l == nil {
		p.Discard(n)
		return
	}
	if l.taken += n; l.taken == len(l.b) {
		p.detach()
	}
}

func (p *plainStream) memory() int {
	n := unsentMemory(p.Unsent())
	if p.left != nil {
		n += cap(p.left.b)
	}
	return n
}

func (p *plainStream) detach() {
	if l := p.left; l != nil && cap(l.b) <= bufferKept {
		l.b, l.taken = l.b[:0], 0
		leftovers.Put(l)
	}
	p.left = nil
}
