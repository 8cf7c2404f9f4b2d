package serve

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells the service manager about our state, by the protocol of sd_notify(3). A message
// that cannot be sent is logged; nothing else depends on it. Immutable; nil if no service manager
// wants to be told. Any goroutine may use it.
//
// It keeps a socket of its own and does not call daemon.SdNotify. That one reads NOTIFY_SOCKET at
// each message, and we remove it from the environment; and it writes without a deadline, so a
// service manager that does not read would stop the goroutine of serve.
type notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration // it wants to hear from us this often; 0: no watchdog
	log      *slog.Logger
}

// tellWithin bounds the sending of one message.
const tellWithin = time.Second

// newNotifier reads from the environment where the service manager listens, and removes that: we
// start no process that it could be for.
func newNotifier(log *slog.Logger) *notifier {
	// Without a time that can be read there is no watchdog, as with one of another process.
	watchdog, _ := daemon.SdWatchdogEnabled(true)
	where := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET") // it cannot fail
	if where == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: where, Net: "unixgram"})
	if err != nil {
		log.Warn("the service manager cannot be told anything", "err", err.Error())
		return nil
	}
	return &notifier{conn: conn, watchdog: watchdog, log: log}
}

// tell sends assignments such as READY=1 in one message.
func (n *notifier) tell(assignments ...string) {
	if n == nil {
		return
	}
	_ = n.conn.SetWriteDeadline(time.Now().Add(tellWithin)) // an error shows at the write, too
	if _, err := n.conn.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		n.log.Warn("the service manager could not be told", "err", err.Error())
	}
}

// ready says that all listeners are open, or that a reload has ended.
func (n *notifier) ready(status string) { n.tell(daemon.SdNotifyReady, "STATUS="+status) }

// reloading says that a reload has begun. ready must follow.
func (n *notifier) reloading() {
	now := strings.TrimSpace(daemon.SdNotifyMonotonicUsec())
	n.tell(daemon.SdNotifyReloading, now, "STATUS=reloading")
}

// waiting says that another process must end first, and asks for the time that it may take.
func (n *notifier) waiting(pid int, within time.Duration) {
	extend := fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (within + waitSlack).Microseconds())
	n.tell(extend, fmt.Sprintf("STATUS=waiting for the end of process %d", pid))
}

// waitSlack is the time that a start may take once the other process has ended.
const waitSlack = 5 * time.Second

// stopSlack is the time beyond drain_timeout that stopping may take: clients leave, and members
// that a reload has taken out end.
const stopSlack = 15 * time.Second

// stopping says that a drain has begun, and asks for the time that it may take.
func (n *notifier) stopping(within time.Duration) {
	extend := fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (within + stopSlack).Microseconds())
	n.tell(daemon.SdNotifyStopping, extend, "STATUS=draining")
}

// close closes the socket.
func (n *notifier) close() {
	if n != nil {
		n.conn.Close()
	}
}

// watch feeds the watchdog while alive returns true. It runs on a goroutine of its own until done
// is closed; serve waits for it.
func (n *notifier) watch(alive func() bool, done <-chan struct{}) {
	if n == nil || n.watchdog == 0 {
		return
	}
	// Four times as often as is asked for: a tick that is missed does no harm.
	tick := time.NewTicker(max(n.watchdog/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if alive() {
				n.tell(daemon.SdNotifyWatchdog)
			}
		}
	}
}
