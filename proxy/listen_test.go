package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/sandbox"
	"eppmux/upstream"
)

// TestTLSListener: clients that speak TLS only, of both versions, with and without a certificate of
// their own.
func TestTLSListener(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := startEcho(t, func(c *config) {
		c.Listeners = []Listener{{Address: "tls://127.0.0.1:0", TLS: certs.Server}}
	})
	address := f.server.listeners[0].ln.Addr().String()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, own := range []bool{false, true} {
			cfg := certs.Client.Clone()
			cfg.MinVersion, cfg.MaxVersion = version, version
			if !own {
				cfg.Certificates = nil
			}
			nc, err := tls.Dial("tcp", address, cfg)
			if err != nil {
				t.Fatal(err)
			}
			p := &peer{t: t, nc: nc}
			p.write(login("T-1")) // before the greeting is read
			if g := p.read(); !strings.Contains(g, "<greeting>") {
				t.Errorf("got %s", g)
			}
			p.want(p.read(), 1000, "T-1")
			b := unit(check("tls.example", "T-2"))
			_, _ = nc.Write(b[:4]) // header and payload in two records
			_, _ = nc.Write(b[4:])
			p.want(p.read(), 1000, "T-2")
			// several records
			p.want(p.ask(check(strings.Repeat("x", 60_000)+".example", "T-3")), 1000, "T-3")
			p.want(p.ask(command("<logout/>", "T-4")), 1500, "T-4")
			p.wantClosed()
		}
	}
}

// TestDescriptorsUsedUp: when no descriptor is left, clients that are connected go on, and new ones
// are taken once there are some again.
func TestDescriptorsUsedUp(t *testing.T) {
	f, _ := startEcho(t, nil)
	p := f.dial()
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	late, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	low := lim
	low.Cur = uint64(late) + 1 // every number up to here is in use, or nearly so
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	restore := sync.OnceFunc(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim) })
	defer restore()
	var fillers []int
	for {
		fd, err := syscall.Dup(late)
		if err != nil {
			break
		}
		fillers = append(fillers, fd)
	}
	// The connection is made by the kernel; nobody can accept it.
	addr := f.server.listeners[0].ln.Addr().(*net.TCPAddr)
	sa := &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Connect(late, sa); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		p.want(p.ask(check("goes-on.example", "D-1")), 1000, "D-1")
		time.Sleep(10 * time.Millisecond)
	}
	for _, fd := range fillers {
		_ = syscall.Close(fd)
	}
	restore()
	file := os.NewFile(uintptr(late), "")
	nc, err := net.FileConn(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	q := &peer{t: t, nc: nc}
	q.read()
	q.want(q.ask(check("late.example", "D-2")), 1000, "D-2")
	if s := f.server.Snapshot(); s.AcceptErrors == 0 || !strings.Contains(s.AcceptError, "too many open files") {
		t.Errorf("got %d errors, the last %q", s.AcceptErrors, s.AcceptError)
	}
}

// TestReusedDescriptor: an answer for a client that has left does not reach one that has its
// descriptor's number now.
func TestReusedDescriptor(t *testing.T) {
	f, r := startEcho(t, nil)
	release := make(chan struct{})
	r.answerWith(func(p, id []byte) string {
		if bytes.Contains(p, []byte("held.example")) {
			<-release
		}
		return echoAnswer(p, id)
	})
	a := f.dial()
	a.write(check("held.example", "GONE"))
	waitFor(t, "the command", func() bool { return len(r.take()) > 0 })
	a.nc.Close()
	waitFor(t, "its end", func() bool { return f.server.Snapshot().Clients == 0 })
	var peers []*peer
	for range 50 {
		peers = append(peers, f.dial())
	}
	close(release)
	for i, p := range peers {
		trid := fmt.Sprintf("NEW-%d", i)
		p.want(p.ask(check("new.example", trid)), 1000, trid)
	}
	if n := f.server.Snapshot().Account.Outcomes[frame.CommandCheck][upstream.OutcomeOrphan]; n != 1 {
		t.Errorf("%d orphans, want 1", n)
	}
}
