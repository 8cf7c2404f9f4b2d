package proxy

import (
	"io/fs"
	"net"
)

// ListenUnix opens a unix socket for another purpose than clients, as safely as one for clients: it
// has the mode from its first moment. Close removes its file, unless another process's has taken the
// place.
func ListenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	l, err := listenUnix(Listener{Address: "unix://" + path, Mode: mode}, path)
	if err != nil {
		return nil, err
	}
	return unixListener{l.ln, l}, nil
}

// unixListener is a listener as a net.Listener.
type unixListener struct {
	net.Listener
	l *listener
}

// Close implements net.Listener.
func (u unixListener) Close() error {
	u.l.close()
	return nil
}
