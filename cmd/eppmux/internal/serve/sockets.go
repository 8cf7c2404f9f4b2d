package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"eppmux/cmd/eppmux/internal/config"
)

// inherited has the sockets that the service manager has opened for us, by the protocol of
// sd_listen_fds(3). The service manager listens on them while we are stopped, so that clients wait
// for our next process and are not refused. The config still says where we listen: a listener of
// the config uses the inherited socket that has its address. Immutable; nil means that there are
// none.
type inherited struct{ sockets []*inheritedSocket }

// inheritedSocket stays open until the process ends: a reload may give it up, and a later one may
// want it again.
type inheritedSocket struct {
	name string // that the service manager gives it
	file *os.File
	tcp  netip.AddrPort // where it listens; the zero AddrPort for a unix socket
	path string         // of a unix socket
}

func (s *inheritedSocket) String() string {
	if s.tcp.IsValid() {
		return "tcp://" + s.tcp.String()
	}
	return "unix://" + s.path
}

// firstInherited is the number of the first inherited descriptor; the others follow.
const firstInherited = 3

// inheritSockets takes the sockets that were passed to this process, and removes what the
// environment says of them.
func inheritSockets() (*inherited, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	files := activation.Files(true)
	_ = os.Unsetenv("LISTEN_PIDFDID") // which the library does not know; it cannot fail
	// Without a number there is nothing, and with another pid it is for a process above us.
	if pid != strconv.Itoa(os.Getpid()) || count == "" {
		return nil, nil
	}
	// The library takes a number that it cannot read for none: the clients of those sockets would
	// wait for ever.
	if n, err := strconv.Atoi(count); err != nil || n < 0 {
		return nil, fmt.Errorf("LISTEN_FDS=%q: not a number of sockets", count)
	}
	in := new(inherited)
	for i, f := range files {
		name := f.Name()
		// The library's name for a socket that LISTEN_FDNAMES does not name. That of
		// sd_listen_fds_with_names(3) is another.
		if name == fmt.Sprintf("LISTEN_FD_%d", firstInherited+i) {
			name = "unknown"
		}
		if err := in.add(f, name); err != nil {
			return nil, fmt.Errorf("inherited descriptor %d (%s): %w", firstInherited+i, name, err)
		}
	}
	return in, nil
}

// add takes one descriptor, if it is a socket that we can serve.
func (in *inherited) add(f *os.File, name string) error {
	s := &inheritedSocket{name: name, file: f}
	if err := s.locate(); err != nil {
		return err
	}
	for _, o := range in.sockets {
		if s.String() == o.String() {
			return fmt.Errorf("%s was passed twice", s)
		}
	}
	in.sockets = append(in.sockets, s)
	return nil
}

// locate sets where s listens. It is an error if s is not a socket that we can serve.
func (s *inheritedSocket) locate() error {
	conn, err := s.file.SyscallConn() // Fd would make the socket block, for the service manager too
	if err != nil {
		return err
	}
	var at syscall.Sockaddr
	if e := conn.Control(func(fd uintptr) { at, err = listensAt(int(fd)) }); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	switch at := at.(type) {
	case *syscall.SockaddrInet4:
		s.tcp = netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
	case *syscall.SockaddrInet6:
		s.tcp = netip.AddrPortFrom(netip.AddrFrom16(at.Addr).Unmap(), uint16(at.Port))
	case *syscall.SockaddrUnix:
		s.path = at.Name
		return closedToOthers(s.path)
	default:
		return errors.New("is of a family that is not served here")
	}
	return nil
}

// listensAt is the address of a socket that listens for connections; an error for any other
// descriptor.
func listensAt(fd int) (syscall.Sockaddr, error) {
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return nil, err
	}
	if listens == 0 {
		return nil, errors.New("is no socket that listens for connections; the socket unit must have " +
			"ListenStream= and no Accept=yes")
	}
	return syscall.Getsockname(fd)
}

// closedToOthers is an error if others than owner and group can connect to the service manager's
// unix socket. The rule is that of our own sockets: a process that can connect acts as the
// registrar.
func closedToOthers(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 { // connecting takes the permission to write
		return fmt.Errorf("unix://%s lets others in (mode %04o); the socket unit must have SocketMode=0660 or less",
			path, mode)
	}
	return nil
}

// file returns the socket that listens at an address of the config; nil if there is none.
func (in *inherited) file(network, address string) *os.File {
	if in == nil {
		return nil
	}
	for _, s := range in.sockets {
		if s.at(network, address) {
			return s.file
		}
	}
	return nil
}

// at reports whether s listens at an address of the config. Port 0 asks for a free port, which no
// inherited socket is.
func (s *inheritedSocket) at(network, address string) bool {
	if network == "unix" {
		return s.path != "" && s.path == filepath.Clean(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !s.tcp.IsValid() || port != strconv.Itoa(int(s.tcp.Port())) {
		return false
	}
	switch host {
	case "":
		return s.tcp.Addr().IsUnspecified()
	case "localhost":
		return s.tcp.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap() == s.tcp.Addr()
}

// idle returns the sockets that no listener of cfg uses. Their clients would wait for ever.
func (in *inherited) idle(cfg *config.Config) []*inheritedSocket {
	if in == nil {
		return nil
	}
	var idle []*inheritedSocket
	for _, s := range in.sockets {
		// Several sockets may match one address, as those of both families match "": file takes the
		// first, and the others are idle.
		used := cfg.Admin.Listen != "" && in.file("tcp", cfg.Admin.Listen) == s.file
		for _, r := range cfg.Registries {
			for _, l := range r.Listen {
				used = used || in.file(l.Network, l.Address) == s.file
			}
		}
		if cfg.Gateway != nil {
			for _, l := range cfg.Gateway.Listen {
				used = used || in.file(l.Network, l.Address) == s.file
			}
		}
		if !used {
			idle = append(idle, s)
		}
	}
	return idle
}

// used is an error if cfg has no listener for a socket that was passed.
func (in *inherited) used(cfg *config.Config) error {
	var errs []error
	for _, s := range in.idle(cfg) {
		errs = append(errs, fmt.Errorf("%s listens for us (%s), and the config has no listener there: its clients "+
			"would wait for ever; change ListenStream= or the config", s, s.name))
	}
	return errors.Join(errs...)
}
