package proxy_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/loop/gnetloop"
	"eppmux/proxy"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// A proxy in front of a registry, as a program builds it: from the loop upwards, and down again in
// the opposite order. A client connects and is greeted as the registry greets.
func ExampleServer() {
	certs, err := sandbox.NewTLS() // a registry in memory stands in for a real one
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := sandbox.New(sandbox.Config{ServerID: "Example Registry"})
	defer registry.Close()
	go registry.Serve(ln)
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "epp.sock")

	loop, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	account := upstream.NewAccount(upstream.Config{
		Name:    "example",
		Address: ln.Addr().String(),
		TLS:     certs.Client,
		Login:   frame.Login{ClientID: "demo", Password: "demo-secret"},
		Pool: pool.Config{
			Grant:          pool.Grant{MinSessions: 1, MaxSessions: 2},
			QueueTimeout:   8 * time.Second,
			CommandTimeout: time.Minute,
		},
	}, loop)
	server := proxy.New(proxy.Config{Listeners: []proxy.Listener{{Address: "unix://" + socket}}}, account)
	if err := server.Listen(); err != nil { // before anything reaches the registry
		fmt.Println(err)
		return
	}
	account.Start()
	server.Serve()

	fmt.Println(greeting(socket))

	server.Refuse() // the end, in order: no new clients, then the sessions, then the clients
	fmt.Println(account.Drain(5 * time.Second))
	server.Farewell(5 * time.Second)
	server.Close()
	account.Close()
	fmt.Println(loop.Stop())
	// Output:
	// true <nil>
	// <nil>
	// <nil>
}

// greeting connects as a client and tells whether it is greeted as the registry greets.
func greeting(socket string) (bool, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return false, err
	}
	defer nc.Close()
	var header [4]byte
	if _, err := io.ReadFull(nc, header[:]); err != nil {
		return false, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(header[:])-4)
	_, err = io.ReadFull(nc, payload)
	return strings.Contains(string(payload), "<svID>Example Registry</svID>"), err
}
