package loop

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Vigil is the longest that a connection lives on, once the other host is away, behind [Watch].
const Vigil = 5 * time.Second

// Watch has the kernel end a connection whose other host has gone without a word, within [Vigil]:
// where octets wait for their acknowledgement by TCP_USER_TIMEOUT, elsewhere by three probes, the first
// after 2 s of silence and then each second. It does nothing to what is no TCP connection.
func Watch(nc net.Conn) error {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	probes := net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}
	err := tcp.SetKeepAliveConfig(probes)
	if err != nil {
		return err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	inner := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(Vigil/time.Millisecond))
	})
	if inner != nil {
		return inner
	}
	return err
}
