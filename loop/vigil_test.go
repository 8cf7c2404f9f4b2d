package loop

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWatch: the kernel's timers are those that the doc says, and what is no TCP is left alone.
func TestWatch(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := Watch(nc); err != nil {
		t.Fatal(err)
	}
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 5000, unix.TCP_KEEPIDLE: 2, unix.TCP_KEEPINTVL: 1, unix.TCP_KEEPCNT: 3} {
		var got int
		_ = raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option) })
		if err != nil || got != want {
			t.Errorf("option %d: got %d, %v, want %d", option, got, err, want)
		}
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := Watch(a); err != nil {
		t.Error(err)
	}
	nc.Close()
	if err := Watch(nc); err == nil {
		t.Error("got no error of a closed socket")
	}
}
