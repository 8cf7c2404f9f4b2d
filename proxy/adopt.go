package proxy

import (
	"fmt"
	"net"
	"strings"
)

// adopt serves l on l.Socket. A descriptor of our own is made for it: when that is closed, the
// socket goes on listening in whoever has opened it, and who connects then waits in the kernel's
// queue for the process that comes next. What stands at the path of a unix socket is not ours: it
// is neither changed nor removed.
func adopt(l Listener) (*listener, error) {
	ln, err := net.FileListener(l.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen %s: inherited socket: %w", l.Address, err)
	}
	open := newListener(l, ln)
	if path, ok := strings.CutPrefix(l.Address, "unix://"); ok {
		open.path = path
	}
	return open, nil
}
