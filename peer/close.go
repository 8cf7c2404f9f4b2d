package peer

// closeReason says why a lane ended, in the words of logs and metrics.
type closeReason uint8

const (
	closedByFollower closeReason = iota
	closedMoved                  // the account is not owned any more
	closedFrame                  // what came is no command for a registry, or came before its time
	closedSlow                   // a command that was not whole in time
	closedNotReading             // the follower does not take its answers
	closedTLS                    // octets that TLS does not accept
	closedShutdown
	numCloseReasons
)

var closeNames = [numCloseReasons]string{"follower", "moved", "frame", "slow", "not_reading", "tls", "shutdown"}

func (r closeReason) String() string { return closeNames[r] }

// blames reports whether the follower is at fault.
func (r closeReason) blames() bool { return r >= closedFrame && r <= closedTLS }

// CloseReasons are the words for why lanes end, in the order of AccountCounters.Closes.
func CloseReasons() []string { return closeNames[:] }

// ended counts the end of a lane, and tells of it if the follower is at fault.
func (d *desk) ended(l *openLane, why closeReason, err error) {
	if !l.taken { // counted as refused
		return
	}
	d.counts.Closes[why]++
	args := []any{"host", l.from.Host, "registry", d.account.Name(), "reason", why.String()}
	if err != nil && why.blames() {
		args = append(args, "err", shown(err.Error()))
	}
	if !why.blames() {
		d.srv.log.Debug("lane closed", args...)
	} else if d.srv.complaints.first(l.from.Host, why.String()) {
		d.srv.log.Warn("lane closed for a fault of the follower", args...)
	}
}
