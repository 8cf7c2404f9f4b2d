package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

type laneState uint8

const (
	laneOpening laneState = iota // its socket is not on the loop
	laneOpen                     // takes commands
	laneEnding                   // the command in flight is the last one
	laneLeaving                  // has told the follower its end, and waits for the follower's
	laneClosed
)

// openLane is the owner's end of a lane. It is the loop.Handler of its socket and the upstream.Client of
// its exchanges.
type openLane struct {
	// Immutable after the opening.
	desk  *desk
	conn  stream // over under
	under *loop.Conn
	from  upstream.LaneSender // but for the Author
	since time.Time
	term  uint64

	// Owned by the loop.
	opening    *opening // nil once it is open
	socket     loop.Socket
	x          *upstream.Exchange // under way; nil: none
	in         []byte             // octets of a command that is not whole; nil: none
	commands   uint64
	begun      time.Duration // when in began
	stalled    time.Duration // since when the kernel has taken nothing of what is unsent; 0: nothing is
	backlog    int           // octets that were unsent when it stalled
	leaveBy    time.Duration // while it leaves: when it closes
	state      laneState
	taken      bool // it was not refused
	told       bool // while it leaves: the follower knows that nothing more comes
	prev, next *openLane
}

// stream is what a lane needs of a tls.Conn.
type stream interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	CloseWrite() error
}

// opening is what was said before a lane is open.
type opening struct {
	hello   *lane.Hello
	welcome lane.Welcome
	tenancy Tenancy
}

// Opened implements loop.Handler. Only here it is sure what the account is.
func (l *openLane) Opened(s loop.Socket) {
	d := l.desk
	d.listen()
	l.socket = s
	l.under.Attach(s)
	o := l.opening
	l.opening, l.since, l.state = nil, time.Now(), laneOpen
	w := &o.welcome
	term, owned := d.account.OwnerTerm()
	switch l.term = term; {
	case d.closed, !owned:
		w.Refused = lane.RefusedOwner
	case o.hello.Term != term:
		w.Term, w.Refused = term, lane.RefusedTerm
	case d.hosts[o.hello.Host] >= d.srv.cfg.Lanes:
		w.Refused = lane.RefusedBusy
	}
	l.taken = w.Refused == ""
	d.add(l)
	if !l.write(lane.AppendOpening(nil, w)) {
		return
	}
	if w.Refused != "" {
		d.srv.refused(o.hello, w)
		l.part()
		return
	}
	d.counts.Accepted++
	d.srv.complaints.settle(o.hello.Host)
	d.srv.log.Debug("lane taken", "host", o.hello.Host, "registry", d.account.Name(), "term", term)
	if l.greet(); l.state == laneOpen {
		l.Readable() // TLS may have taken in more than the Hello
	}
}

// Readable implements loop.Handler.
func (l *openLane) Readable() {
	d := l.desk
	own := l.in != nil
	b, err := l.fill()
	switch {
	case l.state == laneClosed: // TLS wrote while it read, and found the connection closed
		d.giveBack(b, own)
	case err != nil: // a command before the end is not begun: nobody waits for it
		d.giveBack(b, own)
		l.close(closedFor(err), err)
	case l.state == laneLeaving:
		l.in = nil
		d.giveBack(b, own)
	default:
		l.take(b, own)
	}
}

// errAhead is returned by fill for octets that no command may have.
var errAhead = errors.New("octets before the answer")

// fill reads what has come, behind what is there of a command already: into the lane's own memory where
// it has some, into the desk's scratch otherwise.
func (l *openLane) fill() ([]byte, error) {
	b := l.in
	if b == nil {
		b = l.desk.scratch
	}
	most := 2*frame.HeaderLen + maxAuthor + l.desk.srv.cfg.MaxFrame + trimmings
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, 4<<10)
		}
		n, err := l.conn.Read(b[len(b):cap(b)])
		if l.under.Detached() {
			return b, net.ErrClosed
		}
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return b, nil
		case err != nil:
			return b, err
		case l.state == laneLeaving:
			b = b[:0]
		case l.x != nil && n > 0, len(b) > most:
			return b, errAhead
		}
		if len(b) < cap(b) && l.under.Emptied() {
			return b, nil
		}
	}
}

// take takes the command in b, once it is whole. own says whose memory b is.
func (l *openLane) take(b []byte, own bool) {
	d := l.desk
	x, whole, err := l.command(b)
	switch {
	case err != nil:
		d.giveBack(b, own)
		l.close(closedFrame, err)
	case len(b) == 0:
		d.giveBack(b, own)
	case !whole:
		if l.in = d.kept(b, own); !own {
			l.begun = d.account.Now()
			d.wakeBy(l.begun + unitTimeout)
		}
		l.socket.Acknowledge()
	default:
		l.in = nil
		d.giveBack(b, own)
		l.x = x
		l.commands++
		d.account.Submit(x)
	}
}

var (
	errBehind     = errors.New("octets behind a command, before its answer")
	errUnread     = errors.New("a command before the answer to the last one was read")
	errNotCarried = errors.New("a message that is not for a registry")
)

// command makes an exchange of b: an Author and a command. Nothing is done before both are whole.
func (l *openLane) command(b []byte) (x *upstream.Exchange, whole bool, err error) {
	d := l.desk
	n, err := frame.Size(b, maxAuthor)
	if err != nil {
		return nil, false, fmt.Errorf("author: %w", err)
	}
	if n == 0 || len(b) < n {
		return nil, false, nil
	}
	m, err := frame.Size(b[n:], d.srv.cfg.MaxFrame+trimmings)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("command: %w", err)
	case m == 0 || len(b) < n+m:
		return nil, false, nil
	case len(b) > n+m:
		return nil, false, errBehind
	case l.socket.Unsent() > greetingBacklog:
		return nil, false, errUnread
	}
	if err := lane.ParseAuthor(b[frame.HeaderLen:n], &l.from.Author); err != nil {
		return nil, false, err
	}
	message, err := d.scanner.Scan(b[n+frame.HeaderLen:])
	if err != nil {
		return nil, false, fmt.Errorf("command: %w", err)
	}
	if !upstream.Carried(message) {
		return nil, false, errNotCarried
	}
	return d.account.LaneExchange(&l.from, message), true, nil
}

// Finish implements upstream.Client.
func (l *openLane) Finish(x *upstream.Exchange, o upstream.Outcome) {
	l.x = nil
	d := l.desk
	switch o.End {
	case pool.EndAnswered:
		d.counts.Answered++
		l.write(o.Unit)
	case pool.EndNotSent:
		d.counts.NotSent++
		l.tell(lane.End{Fate: lane.FateNotSent, Cause: o.Cause.String()})
	default:
		d.counts.Unknown++
		l.tell(lane.End{Fate: lane.FateUnknown, Cause: o.Cause.String()})
	}
	if l.state == laneEnding {
		l.move()
	}
}

// Origin implements upstream.Originator. The follower's own words say which of its clients it was.
func (l *openLane) Origin() (listener, client string) { return "lane", l.from.Host }

// Proven implements upstream.Proven.
func (l *openLane) Proven() string { return "host " + l.from.Host }

// greet tells the follower the registry's greeting, where one is known.
func (l *openLane) greet() {
	switch g := l.desk.greeting; {
	case g == nil || l.state != laneOpen:
	case l.socket.Unsent() > greetingBacklog:
		l.close(closedNotReading, nil)
	default:
		l.write(g)
	}
}

// moved is the cause of FateMoved.
const moved = "moved"

// leave ends the lane in good order, since the account has another owner, or is about to. What was not
// sent goes back to the follower; so does a query that waits to be repeated.
func (l *openLane) leave() {
	x := l.x
	switch {
	case l.state != laneOpen:
		return
	case x == nil:
	case !x.Sent() && (x.EndNow() == pool.EndNotSent || x.Query || x.Rejected()):
		l.x = nil
		l.desk.counts.Moved++
		l.desk.account.Cancel(x)
	default:
		l.state = laneEnding
		return
	}
	l.move()
}

// move tells the follower that the account has moved: what it has under way on this lane, or is about to
// send, waits at its own host for the next owner.
func (l *openLane) move() {
	if l.tell(lane.End{Fate: lane.FateMoved, Cause: moved}) {
		l.part()
	}
}

// part ends what we say. The follower's end, or lingerTimeout, ends the lane.
func (l *openLane) part() {
	if l.state >= laneLeaving {
		return
	}
	l.state, l.in = laneLeaving, nil
	l.leaveBy = l.desk.account.Now() + lingerTimeout
	l.tellEnd()
}

// tellEnd tells the follower that nothing more comes, once the kernel has taken all that was written.
func (l *openLane) tellEnd() {
	next := l.leaveBy
	switch {
	case l.told:
	case l.socket.Unsent() == 0:
		l.told = true
		_ = l.conn.CloseWrite() // the alert close_notify
		if l.state != laneClosed {
			l.socket.CloseWrite()
		}
	default:
		next = min(next, l.desk.account.Now()+100*time.Millisecond)
	}
	l.desk.wakeBy(next)
}

// tell writes an End, and reports whether the lane goes on.
func (l *openLane) tell(e lane.End) bool {
	l.desk.out = lane.AppendEnd(l.desk.out[:0], e)
	return l.write(l.desk.out)
}

// write writes a unit, and reports whether the lane goes on.
func (l *openLane) write(unit []byte) bool {
	if l.state == laneClosed {
		return false
	}
	_, _ = l.conn.Write(unit) // after an error Closed has been called
	if l.state == laneClosed {
		return false
	}
	if n := l.socket.Unsent(); n > 0 && l.stalled == 0 {
		l.stalled, l.backlog = max(1, l.desk.account.Now()), n
		l.desk.wakeBy(l.stalled + stallTimeout)
	}
	return true
}

// due looks at a lane that may have waited for too long.
func (l *openLane) due(now time.Duration) {
	if l.stalled > 0 {
		switch n := l.socket.Unsent(); {
		case n == 0:
			l.stalled = 0
		case n < l.backlog:
			l.stalled, l.backlog = now, n
		case now >= l.stalled+stallTimeout:
			l.close(closedNotReading, nil)
			return
		}
		if l.stalled > 0 {
			l.desk.wakeBy(l.stalled + stallTimeout)
		}
	}
	switch {
	case l.state == laneLeaving && now >= l.leaveBy:
		l.close(closedMoved, nil)
	case l.state == laneLeaving:
		l.tellEnd()
	case l.in != nil && now >= l.begun+unitTimeout:
		l.close(closedSlow, nil)
	case l.in != nil:
		l.desk.wakeBy(l.begun + unitTimeout)
	}
}

// close closes the lane at once.
func (l *openLane) close(why closeReason, err error) {
	if l.state == laneClosed {
		return
	}
	if l.state == laneLeaving {
		why = closedMoved
	}
	l.desk.ended(l, why, err)
	l.state = laneClosed
	_ = l.socket.Close() // Closed has been called when it returns
}

// Closed implements loop.Handler.
func (l *openLane) Closed(err error) {
	switch l.state {
	case laneClosed:
	case laneLeaving:
		l.desk.ended(l, closedMoved, nil)
	default:
		l.desk.ended(l, closedByFollower, nil)
	}
	l.state = laneClosed
	l.under.Detach()
	l.in = nil
	l.desk.remove(l)
	if x := l.x; x != nil {
		l.x = nil
		l.desk.counts.Cancelled++
		l.desk.account.Cancel(x)
	}
}

// closedFor sorts an error of fill.
func closedFor(err error) closeReason {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), loop.Alerted(err):
		return closedByFollower
	case errors.Is(err, errAhead):
		return closedFrame
	}
	return closedTLS
}
