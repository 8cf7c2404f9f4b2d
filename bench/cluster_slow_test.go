package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// lag is how late a goroutine was woken at the worst. The test's process carries what hosts say to each
// other and to the engine, so that what it is late with they are late with.
type lag struct {
	worst atomic.Int64 // nanoseconds
	stop  chan struct{}
	ended chan struct{}
}

// lagTick is how often it is woken.
const lagTick = 20 * time.Millisecond

func newLag() *lag {
	l := &lag{stop: make(chan struct{}), ended: make(chan struct{})}
	go l.run()
	return l
}

// run ends with end.
func (l *lag) run() {
	defer close(l.ended)
	tick := time.NewTicker(lagTick)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			now := time.Now()
			l.worst.Store(max(l.worst.Load(), int64(now.Sub(last)-lagTick)))
			last = now
		}
	}
}

func (l *lag) end() {
	close(l.stop)
	<-l.ended
}

// lagMost is how late it may be on a machine that is fit for figures.
const lagMost = 250 * time.Millisecond

// slow says why the machine was not fit for figures; nothing: it was. A host that hears nothing of an
// engine that nobody stops, within the second that a request may take, has not had its turns either.
func (c *clusterRig) slow() string {
	if d := time.Duration(c.lag.worst.Load()); d > lagMost {
		return fmt.Sprintf("the machine was too slow: a turn came %v late", d.Round(time.Millisecond))
	}
	for _, h := range c.hosts {
		if n := h.count(`err="no answer in time"`); n > 0 && c.engine != nil && !c.engine.stopped {
			return fmt.Sprintf("the machine was too slow: host %s had no answer of the engine in time, %d times", h.name, n)
		}
	}
	return ""
}

// broken is told that a promise was not kept. It fails the test, unless the scenario is short and the
// machine was not fit for it: then others need it.
func (c *clusterRig) broken(format string, args ...any) {
	c.t.Helper()
	text := fmt.Sprintf(format, args...)
	if why := c.slow(); why != "" && !clusterLong {
		c.t.Log(strings.Join([]string{text, why}, "; "))
		return
	}
	c.t.Error(text)
}
