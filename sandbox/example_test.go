package sandbox_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"eppmux/sandbox"
)

// A registry greets who connects. Its counters tell what clients did.
func Example() {
	r := sandbox.New(sandbox.Config{ServerID: "Example Registry"})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go r.Serve(ln)
	defer r.Close()

	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	var header [4]byte
	io.ReadFull(conn, header[:])
	payload := make([]byte, binary.BigEndian.Uint32(header[:])-4)
	io.ReadFull(conn, payload)
	fmt.Println(strings.Contains(string(payload), "<svID>Example Registry</svID>"))
	fmt.Println(r.Counters().Connections, r.Counters().Breaches.Total())
	// Output:
	// true
	// 1 0
}

// A rehearsal: a registry of a kind, and a fault that is switched on.
func ExampleProfile() {
	cfg, err := sandbox.Profile("no-like")
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.Record = true
	r := sandbox.New(cfg)
	defer r.Close()
	faults, err := sandbox.ParseFaults("close-after:p=0.01,cmd=create; slow=2s:every=10")
	if err != nil {
		fmt.Println(err)
		return
	}
	r.SetFaults(faults)
	fmt.Println(cfg.MaxSessions, cfg.IdleTimeout, r.Faults())
	fmt.Println(r.Executions("create", "example.com"))
	// Output:
	// 1 2m0s [close-after:p=0.01,cmd=create slow=2s:every=10]
	// {0 0}
}
