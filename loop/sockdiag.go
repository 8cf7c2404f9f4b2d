package loop

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// UserOfPeer returns the user that has opened the other end of a TCP connection of this machine
// with itself; "?" where the kernel does not know: the other end is closed already, or belongs to
// another network namespace, as that of a container. It asks the kernel for that one socket and
// does not wait for anybody else.
func UserOfPeer(c net.Conn) User {
	uid, err := peerUID(c)
	if err != nil {
		return "?"
	}
	return User(strconv.FormatUint(uint64(uid), 10))
}

// The messages of sock_diag(7), as linux/inet_diag.h lays them out. Numbers are in the machine's
// order, ports and addresses in the network's.
const (
	diagRequest = unix.NLMSG_HDRLEN + 8 + diagID // struct inet_diag_req_v2
	diagID      = 48                             // struct inet_diag_sockid
	diagAnswer  = unix.NLMSG_HDRLEN + 4 + diagID + 20
	diagUID     = unix.NLMSG_HDRLEN + 4 + diagID + 12
	diagInode   = diagUID + 4
)

var errNoSocket = errors.New("sock_diag: no such socket")

// peerUID asks for the socket whose local end is c's remote one.
func peerUID(c net.Conn) (uint32, error) {
	local, ok := c.RemoteAddr().(*net.TCPAddr)
	remote, tcp := c.LocalAddr().(*net.TCPAddr)
	if !ok || !tcp {
		return 0, errNoSocket
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	// The kernel answers before sendto returns. The bound is for a kernel that does not.
	bound := unix.NsecToTimeval(int64(100 * time.Millisecond))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &bound); err != nil {
		return 0, err
	}
	if err := unix.Sendto(fd, diagQuestion(local.AddrPort(), remote.AddrPort()), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	var answer [512]byte
	n, _, err := unix.Recvfrom(fd, answer[:], 0)
	if err != nil {
		return 0, err
	}
	return diagOwner(answer[:n])
}

// diagQuestion asks for one TCP socket by both its ends. A socket that speaks IPv4 is found by IPv4
// addresses, whatever family it was made for.
func diagQuestion(local, remote netip.AddrPort) []byte {
	from, to := local.Addr().Unmap(), remote.Addr().Unmap()
	family := byte(unix.AF_INET)
	if from.Is6() {
		family = unix.AF_INET6
	}
	b := make([]byte, diagRequest)
	native := binary.NativeEndian
	native.PutUint32(b, diagRequest)
	native.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST)
	req := b[unix.NLMSG_HDRLEN:]
	req[0], req[1] = family, unix.IPPROTO_TCP
	native.PutUint32(req[4:], ^uint32(0)) // in any state
	id := req[8:]
	binary.BigEndian.PutUint16(id, local.Port())
	binary.BigEndian.PutUint16(id[2:], remote.Port())
	copy(id[4:], from.AsSlice())
	copy(id[20:], to.AsSlice())
	native.PutUint32(id[40:], ^uint32(0)) // INET_DIAG_NOCOOKIE, twice
	native.PutUint32(id[44:], ^uint32(0))
	return b
}

// diagOwner reads the answer. A socket that no process has open any more is shown as root's, and
// without an inode; it has no owner.
func diagOwner(b []byte) (uint32, error) {
	native := binary.NativeEndian
	if len(b) < unix.NLMSG_HDRLEN+4 {
		return 0, errNoSocket
	}
	switch native.Uint16(b[4:]) {
	case unix.NLMSG_ERROR:
		if errno := int32(native.Uint32(b[unix.NLMSG_HDRLEN:])); errno < 0 {
			return 0, syscall.Errno(-errno)
		}
	case unix.SOCK_DIAG_BY_FAMILY:
		if len(b) >= diagAnswer && native.Uint32(b[diagInode:]) != 0 {
			return native.Uint32(b[diagUID:]), nil
		}
	}
	return 0, errNoSocket
}
