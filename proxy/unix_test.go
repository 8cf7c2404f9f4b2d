package proxy

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestUnixListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epp.sock")
	// What a process that was killed has left behind.
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	umask := syscall.Umask(0)
	defer syscall.Umask(umask)
	f, _ := startEcho(t, func(c *config) {
		c.Listeners = []Listener{{Address: "unix://" + path, Mode: 0o600, Group: fmt.Sprint(os.Getgid())}}
	})
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want a socket of mode 0600", fi, err)
	}
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := &peer{t: t, nc: nc}
	p.read()
	p.want(p.ask(check("unix.example", "U-1")), 1000, "U-1")
	if got, want := f.server.listeners[0].String(), "unix://"+path; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A second server does not take the path from the first.
	if _, err := listen(Listener{Address: "unix://" + path}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v, want a refusal", err)
	}
	f.server.closeListeners()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestUnixPathInUse: what stands at the path and is no socket stays.
func TestUnixPathInUse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file, filepath.Join(dir, "none", "epp.sock")} {
		if _, err := listen(Listener{Address: "unix://" + path}); err == nil {
			t.Errorf("%s: got no error", path)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestUnixPathTaken: a server that ends leaves the socket of the one that has taken its place.
func TestUnixPathTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epp.sock")
	one, err := listen(Listener{Address: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	two, err := listen(Listener{Address: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer two.close()
	one.close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the second server's socket is gone: %v", err)
	}
}

// TestUnixSocketGone: a reload makes a socket anew whose file somebody has removed or replaced, and
// the clients of the old one stay. Where another program's socket has the place, nothing changes.
func TestUnixSocketGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epp.sock")
	var cfg config
	f, _ := startEcho(t, func(c *config) {
		c.Listeners = []Listener{{Address: "unix://" + path, Mode: 0o600}}
		cfg = *c
	})
	connect := func() *peer {
		t.Helper()
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		p := &peer{t: t, nc: nc}
		p.read()
		return p
	}
	var clients []*peer
	for i, take := range []func() error{
		func() error { return os.Remove(path) },
		func() error { return os.Rename(path, path+".old") },
		func() error { // with what a process that was killed has left there
			if err := os.Remove(path); err != nil {
				return err
			}
			old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				old.SetUnlinkOnClose(false)
				old.Close()
			}
			return err
		},
	} {
		clients = append(clients, connect())
		if !f.server.Intact() {
			t.Fatalf("%d: not intact before", i)
		}
		if err := take(); err != nil {
			t.Fatal(err)
		}
		if f.server.Intact() {
			t.Errorf("%d: still intact, without its file", i)
		}
		if err := f.server.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%d: got %v, %v, want a socket of mode 0600", i, fi, err)
		}
		for j, p := range append(clients, connect()) {
			id := fmt.Sprintf("U-%d-%d", i, j)
			p.want(p.ask(check("unix.example", id)), 1000, id)
		}
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	before := f.server.listeners[0]
	if err := f.server.Reload(cfg); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v, want a refusal", err)
	}
	if f.server.listeners[0] != before || before.stopping.Load() {
		t.Error("the old listener is gone, after a reload that was refused")
	}
}
