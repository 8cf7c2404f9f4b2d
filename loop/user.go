package loop

import (
	"net"
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

// UserOf returns the user at the other end of the unix socket fd, by SO_PEERCRED.
func UserOf(fd int) User {
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return "?"
	}
	return User(strconv.Itoa(int(cred.Uid)))
}

// UserOfConn is UserOf for a connection that is not on a loop.
func UserOfConn(uc *net.UnixConn) User {
	who := User("?")
	raw, err := uc.SyscallConn()
	if err != nil {
		return who
	}
	_ = raw.Control(func(fd uintptr) { who = UserOf(int(fd)) })
	return who
}
