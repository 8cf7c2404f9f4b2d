package proxy

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// complaints log what clients can cause as often as they like: a few lines in each period, so that
// a flood fills no disk, and then how many were left out. Metrics count all. Any goroutine may use
// it.
type complaints struct {
	log *slog.Logger

	mu      sync.Mutex
	begin   time.Time // of the period; guarded by mu
	lines   int       // in it; guarded by mu
	omitted int       // since the last line; guarded by mu
}

const (
	complaintsPeriod = time.Second
	complaintsMax    = 4 // lines in a period
)

// warn logs one line, or counts it. args is called only for a line that is logged, so that a flood
// does not pay for formatting.
func (c *complaints) warn(msg string, args func() []any) {
	omitted, ok := c.admit(time.Now())
	if !ok {
		return
	}
	a := args()
	if omitted > 0 {
		a = append(a, "suppressed", omitted)
	}
	c.log.Warn(msg, a...)
}

// admit reports whether a line may be logged now, and how many were left out before it.
func (c *complaints) admit(now time.Time) (omitted int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.begin) >= complaintsPeriod {
		c.begin, c.lines = now, 0
	}
	if c.lines == complaintsMax {
		c.omitted++
		return 0, false
	}
	c.lines++
	omitted, c.omitted = c.omitted, 0
	return omitted, true
}

// complain logs that a client was at fault.
func (s *Server) complain(ln *listener, from net.Addr, why closeReason, err error) {
	s.complaints.warn("client closed for a fault of its own", func() []any {
		a := []any{"listener", ln.String(), "client", whence(from), "reason", why.String()}
		if err != nil {
			a = append(a, "err", err.Error())
		}
		return a
	})
}

// blamed is a client that was at fault. Its words are made only when a Snapshot asks for them, so
// that a flood costs nothing.
type blamed struct {
	at       time.Time // zero: no client was at fault
	listener *listener
	from     net.Addr
	reason   string
}

// blame notes the client that was at fault last, on the loop.
func (s *Server) blame(ln *listener, from net.Addr, reason string) {
	s.blamed = blamed{time.Now(), ln, from, reason}
}

// Blame names a client that was at fault. The zero value names none.
type Blame struct {
	At       time.Time
	Listener string
	Client   string // its address, or the user on a unix socket
	Reason   string // as in eppmux_client_closes_total, or FaultyFrame or UnknownCommand
}

// The Reasons of a frame that was refused here, while the connection goes on.
const (
	FaultyFrame    = "faulty_frame"    // it was no EPP, or not clear
	UnknownCommand = "unknown_command" // a command that the registry cannot know
)

// BlameReasons are the values that Reason can have: a page with words for each can be tested
// against them.
func BlameReasons() []string {
	all := []string{FaultyFrame, UnknownCommand}
	for r := range numCloseReasons {
		if r.blames() {
			all = append(all, r.String())
		}
	}
	return all
}

// shown is b in words.
func (b *blamed) shown() Blame {
	if b.at.IsZero() {
		return Blame{}
	}
	return Blame{b.at, b.listener.String(), whence(b.from), b.reason}
}

// notTaken counts a client that the host could not take in, as where no descriptor is left.
func (s *Server) notTaken(err error) {
	s.loop.Post(func() {
		s.counts.AcceptErrors++
		s.acceptError = err.Error()
	})
}
