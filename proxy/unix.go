package proxy

import (
	"io/fs"
	"net"
)

// ListenUnix opens a unix socket for others than clients, with that mode from its first moment.
// Close removes its file, unless somebody else's has taken its place.
func ListenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	l, err := listenUnix(Listener{Address: "unix://" + path, Mode: mode}, path)
	if err != nil {
		return nil, err
	}
	return unixListener{l.ln, l}, nil
}

type unixListener struct {
	net.Listener
	l *listener
}

func (u unixListener) Close() error {
	u.l.close()
	return nil
}
