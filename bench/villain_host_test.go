package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// villainHost listens for one villain, in the process of all of them.
type villainHost struct {
	*villain
	ln       net.Listener
	right    *tls.Config
	wrong    *tls.Config // with a certificate that eppmux must not accept
	accepted atomic.Int64
}

// playVillains is the process of all villains, with the certificates in a folder. It prints the
// addresses that they listen at, and, for each line that it reads, how many connections each has
// accepted.
func playVillains(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: villains DIRECTORY")
	}
	right, err := serverTLS(args[0], "server")
	if err != nil {
		return err
	}
	wrong, err := serverTLS(args[0], "client") // it is for no server
	if err != nil {
		return err
	}
	var hosts []*villainHost
	var addresses []string
	for _, v := range villains() {
		h := &villainHost{villain: v, right: right, wrong: wrong}
		if h.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		go h.accept()
		hosts = append(hosts, h)
		addresses = append(addresses, h.ln.Addr().String())
	}
	fmt.Fprintln(out, strings.Join(addresses, " "))
	s := bufio.NewScanner(in)
	for s.Scan() {
		counts := make([]string, len(hosts))
		for i, h := range hosts {
			counts[i] = strconv.FormatInt(h.accepted.Load(), 10)
		}
		fmt.Fprintln(out, strings.Join(counts, " "))
	}
	return s.Err()
}

// accept ends with the process, as do the connections.
func (h *villainHost) accept() {
	for {
		nc, err := h.ln.Accept()
		if err != nil {
			return
		}
		s := &villainSession{host: h, n: int(h.accepted.Add(1)) - 1, with: h.right, nc: nc}
		go func() {
			h.play(s)
			nc.Close()
		}()
	}
}

// serverTLS is for a listener with one of a rig's certificates.
func serverTLS(dir, name string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}

// den is where the villains are, seen from the test.
type den struct {
	*helper
	all       []*villain
	addresses []string
	seen      []int // connections that were accepted by the last call of accepted
}

// newDen starts their process, which may not have more than one processor.
func newDen(t *testing.T, dir string) *den {
	t.Helper()
	d := &den{helper: newHelper(t, 1, "villains", dir), all: villains()}
	t.Cleanup(func() {
		d.dismiss()
		d.stop()
	})
	d.addresses = d.ask("")
	if len(d.addresses) != len(d.all) {
		t.Fatalf("villains listen at %v", d.addresses)
	}
	d.seen = make([]int, len(d.all))
	return d
}

// accepted is how many connections each has accepted since the last call.
func (d *den) accepted() []int {
	d.t.Helper()
	since := make([]int, len(d.all))
	for i, text := range d.ask("accepted") {
		n, err := strconv.Atoi(text)
		if err != nil {
			d.t.Fatal(err)
		}
		since[i], d.seen[i] = n-d.seen[i], n
	}
	return since
}
