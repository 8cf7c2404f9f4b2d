package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

const (
	// laneOpening is the longest time for a lane's name look-up, TCP and TLS together, and then for the
	// owner's Welcome: a host of the same shop answers at once, or not.
	laneOpening = 5 * time.Second

	// A dead peer is noticed within 5 s, also while nothing is sent: that is 2 s of silence and three
	// probes.
	lanePatience = 5 * time.Second
	laneIdle     = 2 * time.Second
	laneInterval = time.Second
	laneProbes   = 3

	// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not have.
	tcpUserTimeout = 0x12

	// laneRoom is by how much an answer may be longer on a lane than at the registry: the follower's
	// muxTRID may stand where the registry left the clTRID empty.
	laneRoom = 1 << 10
)

// newLaneTarget is what lanes are opened with. It has a copy of l: the account's own changes with its role,
// while lanes of before are still being opened.
func newLaneTarget(cfg *Config, l Lanes) target {
	t := target{carry: openLane, dial: l.Dial, tls: l.TLS, lanes: &l, connectTimeout: laneOpening,
		maxResponse: cfg.MaxResponse + laneRoom}
	if t.dial == nil {
		t.dialer = newDialer(l.Peer, "")
		t.dialer.connect = dialPeer
	}
	t.oneRecord()
	return t
}

// dialPeer connects to another host, and has the kernel notice soon when that is gone.
func dialPeer(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: laneIdle, Interval: laneInterval,
		Count: laneProbes}}
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(lanePatience.Milliseconds()))
		}), err)
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("options of the socket: %w", err)
	}
	return nc, nil
}

// openLane makes the carrier of s over a lane, and begins to open it. On the loop.
func openLane(s *session) carrier {
	ctx, cancel := context.WithCancel(s.a.ctx)
	to := s.a.target
	c := &laneCarrier{session: s, to: &to}
	c.giveUp = cancel
	s.a.dials.Add(1)
	go c.open(ctx)
	return c
}

// open opens the lane: it connects, says Hello, reads the Welcome, and hands the socket to the loop. It
// runs on a goroutine of its own, which ends with the attempt or with ctx; Account.Close waits for it.
func (c *laneCarrier) open(ctx context.Context) {
	a, to := c.a, c.to
	defer a.dials.Done()
	defer c.giveUp()
	err := c.introduce(ctx, to)
	if ctx.Err() != nil { // given up by ourselves
		if err == nil {
			c.socket.Conn.Close()
		}
		err = errRecalled
	} else if err = to.judge(c.at, err); err == nil {
		err = c.enroll(a.loop, c)
	}
	a.loop.Post(func() {
		if err == nil {
			a.turn(c.ready)
		} else {
			a.turn(func() { c.notOpened(err) })
		}
	})
}

// introduce connects, and has the two sides say who they are, with blocking calls.
func (c *laneCarrier) introduce(ctx context.Context, to *target) error {
	if err := c.connect(ctx, to, "the owner's host", nil); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.socket.Conn.Close() })
	w, err := c.welcome(to)
	if err == nil {
		err = c.judgeWelcome(to.lanes, w)
	}
	if !stop() && err == nil {
		err = &openError{"welcome", pool.CauseRegistryClosed, ctx.Err()}
	}
	if err != nil {
		c.socket.Conn.Close()
	}
	return err
}

// welcome says Hello and reads the Welcome.
func (c *laneCarrier) welcome(to *target) (*lane.Welcome, error) {
	hello := to.lanes.Hello
	hello.Wall = time.Duration(time.Now().UnixNano())
	c.conn.SetWriteDeadline(time.Now().Add(laneOpening))
	if _, err := c.conn.Write(lane.AppendOpening(nil, hello)); err != nil {
		return nil, &openError{"hello", pool.CauseRegistryClosed, err}
	}
	payload, err := c.receive(laneOpening, lane.MaxOpening)
	if err != nil {
		return nil, &openError{"welcome", pool.CauseGreeting, err}
	}
	w := new(lane.Welcome)
	if err := lane.ParseOpening(payload, w); err != nil {
		return nil, &openError{"welcome", pool.CauseGreeting, err}
	}
	return w, nil
}

// refusals are what a Refusal means, in words.
var refusals = map[lane.Refusal]string{
	lane.RefusedCluster: "it is of another cluster",
	lane.RefusedAccount: "it does not serve the account",
	lane.RefusedOwner:   "it does not own the account",
	lane.RefusedTerm:    "it owns the account in another term",
	lane.RefusedVersion: "it does not speak this version",
	lane.RefusedBusy:    "it has as many lanes as it takes",
}

// judgeWelcome returns why the lane is not open; nil: it is. A host that is not the one that is looked
// for has not refused; it must carry nothing all the same.
func (c *laneCarrier) judgeWelcome(l *Lanes, w *lane.Welcome) error {
	refused, cause := w.Refused, pool.CauseConnect
	switch {
	case refused != "":
	case w.Cluster != l.Hello.Cluster:
		refused = lane.RefusedCluster
	case w.Term != l.Term:
		refused = lane.RefusedTerm
	default:
		return nil
	}
	why, ok := refusals[refused]
	if !ok { // of a later version
		why = fmt.Sprintf("it says %q", shorten(string(refused)))
	}
	if refused == lane.RefusedOwner || refused == lane.RefusedTerm {
		cause = pool.CauseMoved
	}
	err := fmt.Errorf("%s takes no lane: %s", l.Owner, why)
	if w.Owner != "" {
		err = fmt.Errorf("%w, but %q at %q does", err, shorten(w.Owner), shorten(w.Peer))
	}
	return &openError{"welcome", cause, err}
}
