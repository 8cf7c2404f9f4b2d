package carry

import (
	"time"

	"eppmux/upstream/pool"
)

// retryAfter is when a command may be tried again that was not sent, by why it was not. These are guesses
// at how long the causes last: a client that comes back too early waits in the queue, or is told the same.
func retryAfter(c pool.Cause) time.Duration {
	switch c {
	case pool.CauseLoginRefused, pool.CauseTLS, pool.CauseServices:
		return time.Minute // somebody must mend it
	case pool.CausePaused:
		return 30 * time.Second
	case pool.CauseRegistryAway, pool.CauseConnect, pool.CauseGreeting, pool.CauseAudit, pool.CauseLedger:
		return 10 * time.Second
	case pool.CauseTooManySessions, pool.CauseThrottled, pool.CauseBlamed, pool.CauseShutdown, pool.CauseNoOwner,
		pool.CauseFenced:
		return 5 * time.Second
	}
	return time.Second
}
