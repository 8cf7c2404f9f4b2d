package peer

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// complaints log what followers can cause as often as they like: each host and reason once, until a lane
// of the host is taken, or an hour is over. Counters count all. Any goroutine may use it.
type complaints struct {
	log *slog.Logger

	mu    sync.Mutex
	begin time.Time              // of the hour; guarded by mu
	said  map[complaint]struct{} // guarded by mu
}

// complaint is what is said once.
type complaint struct{ host, reason string }

const (
	complaintsPeriod = time.Hour
	complaintsMax    = 1 << 10 // in a period; what comes behind them is not said
)

func (c *complaints) init(log *slog.Logger) { c.log, c.said = log, make(map[complaint]struct{}) }

// say logs that nothing comes of a connection, unless that is known.
func (c *complaints) say(level slog.Level, host, reason string, args ...any) {
	if c.first(host, reason) {
		c.log.Log(context.Background(), level, "a lane was not taken",
			append([]any{"host", host, "reason", reason}, args...)...)
	}
}

// first reports whether a host's reason is to be said now.
func (c *complaints) first(host, reason string) bool {
	return c.admit(complaint{host, reason}, time.Now())
}

// admit reports whether w is to be said now.
func (c *complaints) admit(w complaint, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.begin) >= complaintsPeriod {
		c.begin = now
		clear(c.said)
	}
	if _, ok := c.said[w]; ok || len(c.said) >= complaintsMax {
		return false
	}
	c.said[w] = struct{}{}
	return true
}

// settle forgets what was said of a host.
func (c *complaints) settle(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.said {
		if w.host == host {
			delete(c.said, w)
		}
	}
}
