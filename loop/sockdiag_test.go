package loop

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pair is both ends of a connection from dial to a listener at listen.
func pair(t testing.TB, listen, dial string) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	if theirs, err = net.Dial("tcp", net.JoinHostPort(dial, port)); err != nil {
		t.Skip(err)
	}
	if ours, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// TestUserOfPeer: whichever addresses a local connection has, its user is the one who runs this
// test; of a client that has gone nothing is known.
func TestUserOfPeer(t *testing.T) {
	for _, tt := range []struct{ listen, dial string }{
		{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}, {"[::]:0", "127.0.0.1"}, {"[::]:0", "::1"}, {"0.0.0.0:0", "127.9.9.9"},
	} {
		t.Run(tt.listen+" by "+tt.dial, func(t *testing.T) {
			ours, theirs := pair(t, tt.listen, tt.dial)
			if got, want := string(UserOfPeer(ours)), strconv.Itoa(os.Getuid()); got != want {
				t.Errorf("got %q, want %s", got, want)
			}
			theirs.Close()
			if got := UserOfPeer(ours); got != "?" {
				t.Errorf("of a socket that is closed got %q", got)
			}
		})
	}
}

// TestUserOfMapped: a socket for IPv6 that speaks IPv4 is found too.
func TestUserOfMapped(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	defer syscall.Close(fd)
	to := &syscall.SockaddrInet6{Port: ln.Addr().(*net.TCPAddr).Port}
	copy(to.Addr[:], net.IPv4(127, 0, 0, 1).To16())
	if err := syscall.Connect(fd, to); err != nil {
		t.Skip(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if got, want := string(UserOfPeer(ours)), strconv.Itoa(os.Getuid()); got != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// TestUserOfAnother: the user is that of the other end, not our own.
func TestUserOfAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to be another user")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	cmd := exec.Command(sh, "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; read -u 3")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer cmd.Wait()
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	if got := UserOfPeer(ours); got != "12345" {
		t.Errorf("got %q, want 12345", got)
	}
}

// TestDiagOwner: whatever answer comes, nobody is taken for root who is not.
func TestDiagOwner(t *testing.T) {
	whole := make([]byte, diagAnswer)
	whole[4], whole[diagUID], whole[diagInode] = 20, 7, 1
	if uid, err := diagOwner(whole); uid != 7 || err != nil {
		t.Errorf("got %d, %v, want 7", uid, err)
	}
	for n := range whole {
		if uid, err := diagOwner(whole[:n]); err == nil {
			t.Errorf("of %d octets got %d", n, uid)
		}
	}
	whole[diagInode] = 0
	if uid, err := diagOwner(whole); err == nil {
		t.Errorf("of a socket without owner got %d", uid)
	}
	refused := make([]byte, 36)
	refused[4], refused[16], refused[17], refused[18], refused[19] = 2, 0xFE, 0xFF, 0xFF, 0xFF
	if _, err := diagOwner(refused); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("of a refusal got %v", err)
	}
}

// BenchmarkUserOfPeer is what the user costs at each accept.
func BenchmarkUserOfPeer(b *testing.B) {
	ours, _ := pair(b, "127.0.0.1:0", "127.0.0.1")
	for b.Loop() {
		UserOfPeer(ours)
	}
}
