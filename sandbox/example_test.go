package sandbox_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"eppmux/sandbox"
)

// A registry greets each client that connects. Its counters tell what the clients did.
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

// exchange writes a payload, if there is one, and reads the next. RFC 5734 section 4: a data unit
// is a length of four octets, which counts itself, and a payload.
func exchange(conn net.Conn, payload string) string {
	if payload != "" {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4))
		conn.Write(append(b, payload...)) // in one write, as registries want it
	}
	var header [4]byte
	io.ReadFull(conn, header[:])
	answer := make([]byte, binary.BigEndian.Uint32(header[:])-4)
	io.ReadFull(conn, answer)
	return string(answer)
}

// part returns the text between two others.
func part(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// A dialogue with a registry in memory: login, check, create, logout, over a pipe.
func ExampleRegistry_ServeConn() {
	r := sandbox.New(sandbox.Config{Record: true})
	defer r.Close()
	client, registry := net.Pipe()
	go r.ServeConn(registry)
	exchange(client, "") // the greeting

	const (
		epp    = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>%s<clTRID>EX-%d</clTRID></command></epp>`
		domain = "urn:ietf:params:xml:ns:domain-1.0"
	)
	for i, command := range []string{
		"<login><clID>demo</clID><pw>demo-secret</pw><options><version>1.0</version><lang>en</lang></options>" +
			"<svcs><objURI>" + domain + "</objURI></svcs></login>",
		`<check><check xmlns="` + domain + `"><name>example.com</name></check></check>`,
		`<create><create xmlns="` + domain + `"><name>new.com</name><authInfo><pw>secret</pw></authInfo></create></create>`,
		"<logout/>",
	} {
		answer := exchange(client, fmt.Sprintf(epp, command, i))
		fmt.Println(part(answer, `code="`, `"`), part(answer, "<clTRID>", "<"), part(answer, "<msg>", "<"))
	}
	fmt.Println(r.Executions("create", "new.com"), r.Counters().Breaches.Total())
	// Output:
	// 1000 EX-0 Command completed successfully
	// 1000 EX-1 Command completed successfully
	// 1000 EX-2 Command completed successfully
	// 1500 EX-3 Command completed successfully; ending session
	// {1 1} 0
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
