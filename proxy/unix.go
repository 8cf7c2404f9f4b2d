package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ListenUnix opens a unix socket for another purpose than clients, as safely as one for clients: it
// has the mode from its first moment. Close removes its file, unless another process's has taken
// the place.
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

// listenUnix makes a unix socket. It makes it under another name and renames it to its place when
// its mode and group are right, so that nobody can connect before. A socket that is in this place
// is replaced if nobody answers on it; any other file is left alone, and is an error.
func listenUnix(l Listener, path string) (*listener, error) {
	if err := vacant(path); err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".eppmux-")
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	ln.SetUnlinkOnClose(false)
	err = permit(l, temp)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("listen %s: %w", l.Address, err)
	}
	open := newListener(l, ln)
	open.path, open.inode = path, inode(path)
	return open, nil
}

// vacant returns an error where no unix socket may be made at path.
func vacant(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something else than a socket; remove it or choose another path")
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return errors.New("another process listens there")
	}
	return nil
}

// permit gives a unix socket its mode and group.
func permit(l Listener, path string) error {
	if l.Group != "" {
		gid, err := groupID(l.Group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return err
		}
	}
	mode := l.Mode
	if mode == 0 {
		mode = 0o660
	}
	return os.Chmod(path, mode)
}

// groupID is the number of a group, which is given by name or number.
func groupID(name string) (int, error) {
	if gid, err := strconv.Atoi(name); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// inode is the number of path's file; 0 if there is none.
func inode(path string) uint64 {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return 0
	}
	return st.Ino
}
