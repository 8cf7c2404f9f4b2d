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
// has the mode from its first moment.
func ListenUnix(path string, mode fs.FileMode) (*UnixListener, error) {
	l, err := listenUnix(Listener{Address: "unix://" + path, Mode: mode}, path)
	if err != nil {
		return nil, err
	}
	return &UnixListener{l.ln, l}, nil
}

// UnixListener is a unix socket of ListenUnix. Immutable.
type UnixListener struct {
	net.Listener
	l *listener
}

// Close implements net.Listener. It removes the socket's file, unless another process's has taken
// the place.
func (u *UnixListener) Close() error {
	u.l.close()
	return nil
}

// Intact reports whether the socket's file is still in its place. Without it nobody can connect.
func (u *UnixListener) Intact() bool { return u.l.intact() }

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
	open.path, open.file = path, fileOf(path)
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

// fileID tells a file from all others, as long as it is there or a socket is bound to it.
type fileID struct{ device, inode uint64 }

// fileOf returns the file at path; zero if there is none.
func fileOf(path string) fileID {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return fileID{}
	}
	return fileID{uint64(st.Dev), st.Ino} // Dev is shorter on some systems
}

// known reports whether there is a file.
func (f fileID) known() bool { return f != fileID{} }

// intact reports whether clients can find l: whether the file that we made of a unix socket is
// still in its place. A file that is not ours, and an address without a file, count as intact.
func (l *listener) intact() bool { return !l.file.known() || fileOf(l.path) == l.file }
