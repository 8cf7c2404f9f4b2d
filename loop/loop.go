package loop

import "net"

// Loop is an event loop: one goroutine that owns sockets and runs what is posted to it.
type Loop interface {
	// Post runs f on the loop, soon. Any goroutine may call it, the loop too; it does not block.
	// After the loop has ended, f is dropped.
	Post(f func())

	// Enroll hands nc's socket over to the loop and closes nc: from then on only the loop reads and
	// writes there. h is told what happens, on the loop, beginning with Opened before Enroll
	// returns. It blocks until the loop has taken the socket, so the loop itself must not call it.
	// After an error nc is closed and h has not been called.
	Enroll(nc net.Conn, h Handler) error
}

// Handler is told what happens on a socket, on the loop. Its methods must not block.
type Handler interface {
	// Opened is called first, once.
	Opened(s Socket)
	// Readable is called when octets have come. What it leaves unread stays; it is called again
	// when more come.
	Readable()
	// Closed is called last, once, whichever side closed the socket; the Socket may not be used any
	// more. It is called from within Socket.Close, and from within a Write that fails.
	Closed(err error)
}

// Socket is an enrolled socket. It may be used on the loop only, and no method blocks. Octets that
// have come are taken either by Read or by Peek and Discard.
type Socket interface {
	// Read reads what has come; 0 and nil when there is nothing at hand.
	Read(p []byte) (int, error)
	// Write writes all of p, or takes a copy of what the kernel does not take now. An error means
	// that the socket is closed.
	Write(p []byte) (int, error)
	// Pending reports, without taking anything, whether the other side has sent octets or its end
	// that Readable has not been called for yet.
	Pending() bool
	// Close closes the socket; Handler.Closed has been called when it returns.
	Close() error

	// SetHandler makes h the Handler from now on; its Opened is not called.
	SetHandler(h Handler)
	// Buffered is the number of octets that have come and are not taken; 0 once closed.
	Buffered() int
	// Peek returns the first n of them, 0 < n <= Buffered(), borrowed until the next call of any
	// method.
	Peek(n int) []byte
	// Discard drops the first n of them, 0 < n <= Buffered().
	Discard(n int)
	// Unsent is the number of octets written that the kernel has not taken; 0 once closed.
	Unsent() int
	// Acknowledge has the kernel acknowledge at once what has come, where it can.
	Acknowledge()
	// CloseWrite tells the other side that nothing more comes.
	CloseWrite()
	// From is the other side: its TCP address, or a User at the end of a unix socket; nil once
	// closed.
	From() net.Addr
}
