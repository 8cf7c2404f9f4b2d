package proxy

import (
	"fmt"
	"net"
	"strings"
)

// adopt opens l on l.Socket, which another process has opened. We get a descriptor of our own for
// it. When we close that, the socket goes on listening in the other process; clients that connect
// then wait in the kernel's queue for our successor. The file of a unix socket is not ours: it is
// neither changed nor removed.
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
