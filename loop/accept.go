package loop

import (
	"net"
	"sync/atomic"
	"time"
)

const (
	// acceptBackoffMin is the wait after accepting has failed. It doubles up to acceptBackoffMax.
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// Accept gives take each connection that ln accepts, until ln is closed and stopping says so, in this
// order of events: who closes ln sets stopping before. It runs on a goroutine of its own. When the
// system fails, as where no descriptor is left, it calls failed, waits and tries again. take and
// failed must not block for long: nothing is accepted meanwhile.
func Accept(ln net.Listener, stopping *atomic.Bool, take func(net.Conn), failed func(err error, wait time.Duration)) {
	pause := acceptBackoffMin
	for {
		nc, err := ln.Accept()
		if err == nil {
			pause = acceptBackoffMin
			take(nc) // the last one too, accepted while ln was being closed: it has connected
		}
		if stopping.Load() {
			return
		}
		if err != nil {
			failed(err, pause)
			time.Sleep(pause)
			pause = min(2*pause, acceptBackoffMax)
		}
	}
}
