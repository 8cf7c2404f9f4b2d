package proxy

import (
	"net"
	"time"
)

const (
	// handshakeTimeout is the longest time of a client's TLS handshake.
	handshakeTimeout = 10 * time.Second
	// handshakesMax is how many TLS handshakes of clients may be under way at a time.
	handshakesMax = 256
)

// shakeHands does the TLS handshake of a client. It runs on a goroutine of its own, for
// handshakeTimeout at most; Close waits for it.
func (s *Server) shakeHands(c *arrival, t *tlsStream, nc net.Conn) {
	defer s.accepting.Done()
	defer s.handshakes.End(nc)
	_ = nc.SetDeadline(time.Now().Add(handshakeTimeout))
	if err := t.conn.Handshake(); err != nil {
		nc.Close()
		s.loop.Post(c.leave)
		s.disconnected()
		s.notShaken(c.listener, nc, err)
		return
	}
	_ = nc.SetDeadline(time.Time{})
	s.enroll(c, nc)
}

// notShaken counts a client that has come no further than the TLS handshake.
func (s *Server) notShaken(ln *listener, nc net.Conn, err error) {
	why := handshakeReason(err)
	blames := why.blames() && !ln.stopping.Load()
	s.loop.Post(func() {
		s.countClose(why)
		if blames {
			s.blame(ln, nc.RemoteAddr(), why.String())
		}
	})
	if blames {
		s.complain(ln, nc.RemoteAddr(), why, err)
	}
}
