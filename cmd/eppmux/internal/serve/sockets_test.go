package serve

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

func TestInheritedAt(t *testing.T) {
	tcp := func(at string) *inheritedSocket { return &inheritedSocket{tcp: netip.MustParseAddrPort(at)} }
	for _, tt := range []struct {
		socket           *inheritedSocket
		network, address string
		want             bool
	}{
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:7000", true},
		{tcp("127.0.0.1:7000"), "tcp", "localhost:7000", true},
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:7001", false},
		{tcp("127.0.0.1:7000"), "tcp", "127.0.0.1:0", false},
		{tcp("127.0.0.1:7000"), "tcp", ":7000", false},
		{tcp("[::]:7000"), "tcp", ":7000", true},
		{tcp("0.0.0.0:7000"), "tcp", ":7000", true},
		{tcp("0.0.0.0:7000"), "tcp", "[::]:7000", false},
		{tcp("[::1]:7000"), "tcp", "[::1]:7000", true},
		{tcp("[::1]:7000"), "tcp", "localhost:7000", false},
		{tcp("127.0.0.1:7000"), "unix", "/run/a.sock", false},
		{&inheritedSocket{path: "/run/a.sock"}, "unix", "/run/a.sock", true},
		{&inheritedSocket{path: "/run/a.sock"}, "unix", "/run/b.sock", false},
		{&inheritedSocket{path: "/run/a.sock"}, "tcp", "127.0.0.1:7000", false},
	} {
		if got := tt.socket.at(tt.network, tt.address); got != tt.want {
			t.Errorf("%s, %s: got %v, want %v", tt.socket, tt.address, got, tt.want)
		}
	}
}

// TestSocketsOfAnother: what was meant for a process above us is not taken, nor passed on.
func TestSocketsOfAnother(t *testing.T) {
	for _, pid := range []string{"", "1", strconv.Itoa(os.Getppid())} {
		t.Setenv("LISTEN_PID", pid)
		t.Setenv("LISTEN_FDS", "1")
		t.Setenv("LISTEN_PIDFDID", "1")
		t.Setenv("LISTEN_FDNAMES", "a")
		in, err := inheritSockets()
		if in != nil || err != nil {
			t.Errorf("%q: got %v, %v, want nothing", pid, in, err)
		}
		for _, name := range []string{"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			if _, there := os.LookupEnv(name); there {
				t.Errorf("%s is still set", name)
			}
		}
	}
}

// TestSocketsMiscounted: a number of sockets that cannot be read is not taken for none.
func TestSocketsMiscounted(t *testing.T) {
	for count, want := range map[string]string{
		"many": `LISTEN_FDS="many": not a number of sockets`,
		"-1":   `LISTEN_FDS="-1": not a number of sockets`,
		"0":    "",
		"":     "",
	} {
		t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		t.Setenv("LISTEN_FDS", count)
		in, err := inheritSockets()
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: got %v, want %q", count, err, want)
		}
		if in != nil && len(in.sockets) > 0 {
			t.Errorf("%q: got %v, want no socket", count, in.sockets)
		}
	}
}

// TestInheritedAdd: which descriptors are taken, and where each is found to listen.
func TestInheritedAdd(t *testing.T) {
	dir := t.TempDir()
	listener := func(network, address string) net.Listener {
		ln, err := net.Listen(network, address)
		if err != nil {
			t.Skip(err) // a machine without IPv6
		}
		t.Cleanup(func() { ln.Close() })
		return ln
	}
	file := func(of interface{ File() (*os.File, error) }) *os.File {
		f, err := of.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	four, six := listener("tcp4", "127.0.0.1:0").(*net.TCPListener), listener("tcp6", "[::1]:0").(*net.TCPListener)
	both := listener("tcp", ":0").(*net.TCPListener)
	own := listener("unix", filepath.Join(dir, "own.sock")).(*net.UnixListener)
	open := listener("unix", filepath.Join(dir, "open.sock")).(*net.UnixListener)
	for path, mode := range map[string]os.FileMode{own.Addr().String(): 0o660, open.Addr().String(): 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	gone := listener("unix", filepath.Join(dir, "gone.sock")).(*net.UnixListener)
	if err := os.Remove(gone.Addr().String()); err != nil {
		t.Fatal(err)
	}
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	conn, err := net.Dial("tcp", four.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	plain, err := os.Open(clitest.WriteFile(t, dir, "plain", "", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	closed, err := os.Open(plain.Name())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	in := new(inherited)
	for _, tt := range []struct {
		name  string
		file  *os.File
		where string // of the socket; empty: it is not taken
		fault string
	}{
		{"four", file(four), "tcp://" + four.Addr().String(), ""},
		{"six", file(six), "tcp://" + six.Addr().String(), ""},
		{"both", file(both), "tcp://" + both.Addr().String(), ""},
		{"own", file(own), "unix://" + own.Addr().String(), ""},
		{"again", file(own), "", "was passed twice"},
		{"open", file(open), "", "lets others in (mode 0666); the socket unit must have SocketMode=0660 or less"},
		{"gone", file(gone), "", "no such file"},
		{"datagrams", file(datagrams.(*net.UDPConn)), "", "is no socket that listens for connections"},
		{"connection", file(conn.(*net.TCPConn)), "", "is no socket that listens for connections"},
		{"a file", plain, "", "socket operation on non-socket"},
		{"closed", closed, "", "use of closed file"},
	} {
		before := len(in.sockets)
		err := in.add(tt.file, tt.name)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) || len(in.sockets) != before {
				t.Errorf("%s: got %v, %d sockets, want %q and none taken", tt.name, err, len(in.sockets)-before, tt.fault)
			}
			continue
		}
		if err != nil || len(in.sockets) != before+1 {
			t.Errorf("%s: got %v, %d sockets", tt.name, err, len(in.sockets)-before)
			continue
		}
		if s := in.sockets[before]; s.String() != tt.where || s.name != tt.name || s.file != tt.file {
			t.Errorf("%s: got %s, %q, want %s", tt.name, s, s.name, tt.where)
		}
		if !nonblocking(t, tt.file) {
			t.Errorf("%s: the socket blocks now, for the service manager too", tt.name)
		}
	}
}

// nonblocking reports whether a descriptor is in the mode in which a service manager hands it over.
func nonblocking(t *testing.T, f *os.File) (yes bool) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		yes = errno == 0 && flags&syscall.O_NONBLOCK != 0
	}); err != nil {
		t.Fatal(err)
	}
	return yes
}

// TestInheritedUsed: every socket needs a listener of the config, the status page's among them.
func TestInheritedUsed(t *testing.T) {
	files := make([]*os.File, 4)
	for i := range files {
		files[i] = os.NewFile(uintptr(1<<20+i), "")
	}
	in := &inherited{sockets: []*inheritedSocket{
		{name: "epp", file: files[0], tcp: netip.MustParseAddrPort("127.0.0.1:7000")},
		{name: "page", file: files[1], tcp: netip.MustParseAddrPort("127.0.0.1:7010")},
		{name: "local", file: files[2], path: "/run/eppmux/epp.sock"},
		{name: "spare", file: files[3], tcp: netip.MustParseAddrPort("[::1]:7000")},
	}}
	cfg := &config.Config{Admin: config.Admin{Listen: "localhost:7010"}, Registries: []config.Registry{
		{Listen: []config.Listen{{Network: "tcp", Address: "127.0.0.1:7000"}}},
		{Listen: []config.Listen{{Network: "unix", Address: "/run/eppmux//epp.sock"}}},
	}}
	idle := in.idle(cfg)
	if len(idle) != 1 || idle[0].name != "spare" {
		t.Errorf("got %v idle, want the spare one", idle)
	}
	const want = "tcp://[::1]:7000 listens for us (spare), and the config has no listener there: " +
		"its clients would wait for ever; change ListenStream= or the config"
	if err := in.used(cfg); err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	if got := in.file("tcp", ":7000"); got != nil {
		t.Errorf("got %v for an address that no socket has", got)
	}
	cfg.Admin.Listen = ""
	if err := in.used(cfg); err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "(page)") {
		t.Errorf("got %v, want one line for each idle socket", err)
	}
	none := (*inherited)(nil)
	if none.file("tcp", "127.0.0.1:7000") != nil || none.idle(cfg) != nil || none.used(cfg) != nil {
		t.Error("got something of no sockets")
	}
}
