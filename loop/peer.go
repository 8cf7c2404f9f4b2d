package loop

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// User is the address of a unix socket's other end: the numeric id of the user that connected; "?"
// where the system does not tell.
type User string

// Network implements net.Addr.
func (u User) Network() string { return "unix" }

// String implements net.Addr.
func (u User) String() string { return "uid " + string(u) }

// UserOf returns the user at the other end of the unix socket fd.
func UserOf(fd int) User {
	return userOf(syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED))
}

// UserOfConn is UserOf for a connection that is not on a loop.
func UserOfConn(uc *net.UnixConn) User { return userOf(Credentials(uc)) }

func userOf(cred *syscall.Ucred, err error) User {
	if err != nil {
		return "?"
	}
	return User(strconv.Itoa(int(cred.Uid)))
}

// Credentials are those of the process that opened the other end of a unix connection, by the
// kernel's word (SO_PEERCRED).
func Credentials(uc *net.UnixConn) (cred *syscall.Ucred, err error) {
	raw, err := uc.SyscallConn()
	if err != nil {
		return nil, err
	}
	inner := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	return cred, errors.Join(err, inner)
}

// Loopback reports whether only this machine reaches host, which is a name or an IP address without
// a port.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
