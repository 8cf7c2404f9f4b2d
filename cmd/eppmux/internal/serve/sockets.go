package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"eppmux/cmd/eppmux/internal/config"
)

// inherited are the sockets that the service manager has opened for us, by the protocol of
// sd_listen_fds(3): it goes on listening on them while we are stopped, so that clients wait for the
// next process where they would be refused. The config stays what says where we listen: a listener
// of it that has the address of an inherited socket uses that. Immutable; nil is none.
type inherited struct{ sockets []*inheritedSocket }

// inheritedSocket stays open until the process ends: a reload may give it up and want it again.
type inheritedSocket struct {
	name string // as the service manager calls it
	file *os.File
	tcp  netip.AddrPort // where it listens or, if that is not valid,
	path string         // the path of a unix socket
}

func (s *inheritedSocket) String() string {
	if s.tcp.IsValid() {
		return "tcp://" + s.tcp.String()
	}
	return "unix://" + s.path
}

// firstInherited is the number of the first inherited descriptor; the others follow.
const firstInherited = 3

// inheritSockets takes what the environment says was passed to this process, and removes it from
// there.
func inheritSockets() (*inherited, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if pid != strconv.Itoa(os.Getpid()) || count == "" { // nothing, or for a process above us
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("LISTEN_FDS=%q: not a number of sockets", count)
	}
	called := strings.Split(names, ":")
	in := new(inherited)
	for i := range n {
		name := "unknown"
		if i < len(called) && called[i] != "" {
			name = called[i]
		}
		if err := in.add(firstInherited+i, name); err != nil {
			return nil, fmt.Errorf("inherited descriptor %d (%s): %w", firstInherited+i, name, err)
		}
	}
	return in, nil
}

// add takes one descriptor.
func (in *inherited) add(fd int, name string) error {
	syscall.CloseOnExec(fd)
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return err
	}
	if listens == 0 {
		return errors.New("is no socket that listens for connections; the socket unit must have ListenStream= and " +
			"no Accept=yes")
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return err
	}
	s := &inheritedSocket{name: name}
	switch at := at.(type) {
	case *syscall.SockaddrInet4:
		s.tcp = netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
	case *syscall.SockaddrInet6:
		s.tcp = netip.AddrPortFrom(netip.AddrFrom16(at.Addr).Unmap(), uint16(at.Port))
	case *syscall.SockaddrUnix:
		s.path = at.Name
		if err := closedToOthers(s.path); err != nil {
			return err
		}
	default:
		return errors.New("is of a family that is not served here")
	}
	for _, o := range in.sockets {
		if s.String() == o.String() {
			return fmt.Errorf("%s was passed twice", s)
		}
	}
	s.file = os.NewFile(uintptr(fd), name)
	in.sockets = append(in.sockets, s)
	return nil
}

// closedToOthers holds the unix socket of the service manager to the rule for our own: whoever
// reaches it is the registrar.
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

// file is the socket that listens at an address of the config; nil where there is none.
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

// at says whether s listens at an address of the config. Port 0 is a free one, chosen by the
// system: never this.
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

// idle are the sockets that no listener of cfg uses: their clients would wait for ever.
func (in *inherited) idle(cfg *config.Config) []*inheritedSocket {
	if in == nil {
		return nil
	}
	var idle []*inheritedSocket
	for _, s := range in.sockets {
		// Where several are at one address, as with the families of "::", one of them is taken.
		used := cfg.Admin.Listen != "" && in.file("tcp", cfg.Admin.Listen) == s.file
		for _, r := range cfg.Registries {
			for _, l := range r.Listen {
				used = used || in.file(l.Network, l.Address) == s.file
			}
		}
		if !used {
			idle = append(idle, s)
		}
	}
	return idle
}

// used is an error where a socket has been passed that cfg has no listener for.
func (in *inherited) used(cfg *config.Config) error {
	var errs []error
	for _, s := range in.idle(cfg) {
		errs = append(errs, fmt.Errorf("%s listens for us (%s), and the config has no listener there: its clients "+
			"would wait for ever; change ListenStream= or the config", s, s.name))
	}
	return errors.Join(errs...)
}
