// Package loop is the contract of an event loop, and drives TLS on one.
//
// A [Loop] owns sockets and runs posted functions, all on one goroutine, so that state that lives
// on it needs no lock. Package gnetloop implements it with gnet; tests implement it with goroutines
// or with nothing at all.
//
// A connection comes to a loop in two steps. First it is dialled or accepted, and shakes hands,
// with blocking calls on a goroutine of its own. Then [Loop.Enroll] hands the socket over, and its
// [Handler] is told what happens there. With a [Conn] between the socket and crypto/tls, the same
// tls.Conn serves in both steps:
//
//	under := &loop.Conn{Conn: nc}
//	conn := tls.Client(under, cfg)
//	err := conn.Handshake()         // blocks
//	err = l.Enroll(nc, handler)     // handler.Opened calls under.Attach(socket)
//	n, err := conn.Read(p)          // from Readable, on the loop: os.ErrDeadlineExceeded for "nothing at hand"
//
// An [Alarm] runs a function on a loop at an instant. What servers do before that is here too:
// [Accept] goes on where the system fails, [Handshakes] bounds those under way, [Watch] has the kernel
// notice a host that has gone.
//
// The package imports the standard library alone and starts no goroutine but the timer of an Alarm.
package loop
