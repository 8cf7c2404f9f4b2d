package loop

import "net"

// Loop is an event loop: one goroutine that owns sockets and runs posted functions.
type Loop interface {
	// Post runs f on the loop, soon, after the functions that were posted before. Any goroutine may
	// call it, the loop too; it does not block. After the loop has ended, f is dropped.
	Post(f func())

	// Enroll hands nc's socket over to the loop and closes nc: from then on only the loop reads and
	// writes there. It calls h on the loop, and has called h.Opened when it returns. It blocks
	// until the loop has taken the socket, so the loop itself must not call it. After an error nc
	// is closed, and h is never called.
	Enroll(nc net.Conn, h Handler) error
}

// Handler is told what happens on a socket, on the loop. Its methods must not block.
type Handler interface {
	// Opened is called first, once.
	Opened(s Socket)
	// Readable is called when octets have come. Octets that it leaves unread stay; it is called
	// again when more come.
	Readable()
	// Closed is called last, once, whichever side closed the socket: from within Socket.Close, from
	// within a Write that fails, or by the loop. The Socket must not be used any more.
	Closed(err error)
}

// Socket is an enrolled socket. It is used on the loop only, and no method blocks. Octets that have
// come are taken by Read, or by Peek and Discard.
type Socket interface {
	// Read reads octets that have come; it returns 0 and nil when there are none.
	Read(p []byte) (int, error)
	// ReadRest is Read on a socket that is about to be closed: it asks the kernel too, where the
	// octets that have come are taken, and its error is the end of the connection, io.EOF or another.
	ReadRest(p []byte) (int, error)
	// Write writes all of p. It keeps a copy of the octets that the kernel does not take now, and
	// writes them later. An error means that the socket is closed.
	Write(p []byte) (int, error)
	// Pending reports whether octets have come that were not taken, or the end of the connection.
	// It asks the kernel too, and takes nothing.
	Pending() bool
	// Close closes the socket; Handler.Closed has been called when it returns.
	Close() error
	// Abort is Close without another octet: what was written and not sent is dropped, by the kernel
	// too. The other side sees a reset.
	Abort() error

	// SetHandler makes h the Handler from now on; its Opened is not called.
	SetHandler(h Handler)
	// Buffered returns the number of octets that have come and were not taken; 0 once closed.
	Buffered() int
	// Peek returns the first n of them, borrowed until the next call of any method. It panics
	// unless 0 < n <= Buffered().
	Peek(n int) []byte
	// Discard takes the first n of them. It panics unless 0 < n <= Buffered().
	Discard(n int)
	// Unsent returns the number of octets written that the kernel has not taken; 0 once closed.
	Unsent() int
	// Acknowledge has the kernel acknowledge received octets at once, where it can.
	Acknowledge()
	// CloseWrite tells the other side that nothing more comes. Reading goes on.
	CloseWrite()
	// From returns the other side: its TCP address, or a User at the end of a unix socket; nil once
	// closed.
	From() net.Addr
}
