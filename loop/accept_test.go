package loop

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a listener whose Accept fails as often as wanted, and then gives one connection each time.
type failing struct {
	net.Listener
	left   int
	closed chan struct{}
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, errors.New("too many open files")
	}
	select {
	case <-f.closed:
		return nil, net.ErrClosed
	default:
	}
	nc, other := net.Pipe()
	other.Close()
	return nc, nil
}

// TestAccept: the system's failures are waited for, longer each time, and what comes behind them is taken.
func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &failing{left: 12, closed: make(chan struct{})}
		var stopping atomic.Bool
		var waits []time.Duration
		taken := 0
		Accept(ln, &stopping, func(nc net.Conn) {
			nc.Close()
			if taken++; taken == 3 {
				ln.left = 1
			}
			if taken == 4 {
				stopping.Store(true)
				close(ln.closed)
			}
		}, func(_ error, wait time.Duration) { waits = append(waits, wait) })
		if taken != 4 || len(waits) != 13 || waits[0] != acceptBackoffMin || waits[1] != 2*acceptBackoffMin ||
			waits[11] != acceptBackoffMax || waits[12] != acceptBackoffMin {
			t.Errorf("took %d, waited %v", taken, waits)
		}
	})
}

// TestHandshakes: beyond the bound the oldest ends, and behind Stop each one does.
func TestHandshakes(t *testing.T) {
	h := Handshakes{Max: 2}
	ended := func(nc net.Conn) bool {
		_ = nc.SetReadDeadline(time.Now().Add(-time.Second))
		_, err := nc.Read(make([]byte, 1))
		return err.Error() == "EOF" || errors.Is(err, net.ErrClosed) || err.Error() == "io: read/write on closed pipe"
	}
	begin := func() net.Conn {
		nc, other := net.Pipe()
		t.Cleanup(func() { nc.Close(); other.Close() })
		h.Begin(nc)
		return nc
	}
	first, second := begin(), begin()
	h.End(second)
	third := begin()
	if ended(first) || ended(third) {
		t.Error("ended within the bound")
	}
	fourth := begin()
	if !ended(first) || ended(third) || ended(fourth) {
		t.Error("not the oldest has ended")
	}
	h.End(first) // it was taken out already
	h.Stop()
	if !ended(third) || !ended(fourth) || !ended(begin()) || ended(second) {
		t.Error("Stop has not ended those that are in")
	}
}
