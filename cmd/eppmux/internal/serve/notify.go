package serve

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifier tells the service manager what becomes of us, by the protocol of sd_notify(3). What it
// cannot tell is logged: nothing depends on it here. Immutable; nil where nobody wants to know. Any
// goroutine may use it.
type notifier struct {
	conn     *net.UnixConn
	watchdog time.Duration // within which we must be heard of; 0: no watchdog
	log      *slog.Logger
}

// newNotifier takes from the environment who is to be told, and removes it from there.
func newNotifier(log *slog.Logger) *notifier {
	where, usec, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name) // what is left is for nobody else: we start no process
	}
	if where == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: where, Net: "unixgram"})
	if err != nil {
		log.Warn("the service manager cannot be told anything", "err", err.Error())
		return nil
	}
	n := &notifier{conn: conn, log: log}
	if us, err := strconv.ParseInt(usec, 10, 64); err == nil && us > 0 &&
		(pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// tell sends assignments such as READY=1 in one message.
func (n *notifier) tell(assignments ...string) {
	if n == nil {
		return
	}
	_ = n.conn.SetWriteDeadline(time.Now().Add(time.Second)) // where the manager does not read
	if _, err := n.conn.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		n.log.Warn("the service manager could not be told", "err", err.Error())
	}
}

// ready says that all listeners are open, or that a reload has ended.
func (n *notifier) ready(status string) { n.tell("READY=1", "STATUS="+status) }

// reloading begins what ready ends.
func (n *notifier) reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it cannot fail
	n.tell("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000), "STATUS=reloading")
}

// stopSlack is the time beyond drain_timeout that stopping may take: clients leave, what a reload
// has taken out ends.
const stopSlack = 15 * time.Second

// stopping asks for the time that a drain may take.
func (n *notifier) stopping(within time.Duration) {
	n.tell("STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (within+stopSlack).Microseconds()), "STATUS=draining")
}

// close lets go of the service manager.
func (n *notifier) close() {
	if n != nil {
		n.conn.Close()
	}
}

// watch feeds the watchdog as long as alive says so. It runs on a goroutine of its own until done
// is closed.
func (n *notifier) watch(alive func() bool, done <-chan struct{}) {
	if n == nil || n.watchdog == 0 {
		return
	}
	tick := time.NewTicker(max(n.watchdog/4, time.Millisecond)) // one that is missed does no harm
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if alive() {
				n.tell("WATCHDOG=1")
			}
		}
	}
}
