package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// sent is a command of a client, and how it ended.
type sent struct {
	client  int
	host    string // to which it went
	command string
	name    string // of its object; no other command of its kind has it
	trid    string
	at      time.Time // when its last octet was given to the kernel
	done    time.Time // when its end was known
	end     end
	code    int    // of the answer
	strange string // the answer, where it is not that of the command
}

func (s *sent) transform() bool { return isTransform(s.command) }

// clusterClient is a registrar's system with a list of hosts: it uses its own, goes to the next when
// its connection ends, and comes back. One command follows another; none is repeated. The goroutine
// of run owns it.
type clusterClient struct {
	id      int
	hosts   []*host
	home    int           // index of its own
	patient time.Duration // for an answer

	nc    net.Conn
	here  int       // index of the host that it is connected to
	moved time.Time // when it came there
	n     int
	exDay string // when the domain that it has created ends
	book  []sent
}

const (
	// away is how long a client stays with another host before it tries its own again.
	awayTime = 2 * time.Second
	// greetTime is how long it waits for a greeting.
	greetTime = 2 * time.Second
	// retryTime is between two attempts to connect.
	retryTime = 20 * time.Millisecond
)

// run goes on until stop; it ends then, behind the command that is under way.
func (c *clusterClient) run(stop *atomic.Bool) {
	defer c.leave()
	for !stop.Load() {
		if c.nc != nil && c.here != c.home && time.Since(c.moved) > awayTime {
			c.goHome()
		}
		if c.nc == nil && !c.connect(stop) {
			continue
		}
		c.next()
	}
}

func (c *clusterClient) leave() {
	if c.nc != nil {
		c.nc.Close()
		c.nc = nil
	}
}

// connect goes from one host to the next until one greets.
func (c *clusterClient) connect(stop *atomic.Bool) bool {
	for try := 0; !stop.Load(); try++ {
		i := (c.home + try) % len(c.hosts)
		if nc := c.dial(i); nc != nil {
			c.nc, c.here, c.moved = nc, i, time.Now()
			return true
		}
		time.Sleep(retryTime)
	}
	return false
}

// goHome changes to the client's own host, if that greets.
func (c *clusterClient) goHome() {
	c.moved = time.Now()
	if nc := c.dial(c.home); nc != nil {
		c.leave()
		c.nc, c.here = nc, c.home
	}
}

// dial returns a connection that was greeted, or nil.
func (c *clusterClient) dial(i int) net.Conn {
	at := c.hosts[i].address()
	if at == "" {
		return nil
	}
	nc, err := net.DialTimeout("tcp", at, greetTime)
	if err != nil {
		return nil
	}
	if _, err := readPayload(nc, greetTime); err != nil {
		nc.Close()
		return nil
	}
	return nc
}

// readPayload reads a payload.
func readPayload(nc net.Conn, within time.Duration) ([]byte, error) {
	_ = nc.SetReadDeadline(time.Now().Add(within))
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > 1<<20 {
		return nil, fmt.Errorf("a data unit of %d octets", n)
	}
	b := make([]byte, n-4)
	_, err := io.ReadFull(nc, b)
	return b, err
}

// next sends the next command of the life of a domain, and waits for its end.
func (c *clusterClient) next() {
	domain, step := c.n/len(domainLife), c.n%len(domainLife)
	c.n++
	name := fmt.Sprintf("c%d-%d.example", c.id, domain)
	command, more := domainLife[step].command, domainLife[step].more
	if command == "renew" {
		if c.exDay == "" { // it is not known that the domain is there
			return
		}
		more = "<domain:curExpDate>" + c.exDay + "</domain:curExpDate>"
	}
	if step == 0 {
		c.exDay = ""
	}
	op := ""
	if command == "transfer" {
		op = ` op="request"`
	}
	s := sent{client: c.id, host: c.hosts[c.here].name, command: command, name: name,
		trid: fmt.Sprintf("C.%d/%d:%x", c.id, c.n, c.id*7919+c.n)}
	c.exchange(&s, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><`+command+op+`><domain:`+command+
		` xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>`+name+`</domain:name>`+more+`</domain:`+command+`></`+command+
		`><clTRID>`+s.trid+`</clTRID></command></epp>`)
	c.book = append(c.book, s)
}

// domainLife is what a client does with each domain, in turn.
var domainLife = []struct{ command, more string }{
	{"create", `<domain:authInfo><domain:pw>secret-1</domain:pw></domain:authInfo>`},
	{"check", ""},
	{"info", ""},
	{"renew", ""},
	{"check", ""},
	{"transfer", `<domain:authInfo><domain:pw>secret-1</domain:pw></domain:authInfo>`}, // refused: it is our own
	{"info", ""},
	{"delete", ""},
}

// exchange sends a command, and finds its end.
func (c *clusterClient) exchange(s *sent, payload string) {
	unit := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)
	_, err := c.nc.Write(unit)
	s.at = time.Now()
	var a []byte
	if err == nil {
		a, err = readPayload(c.nc, c.patient)
	}
	s.done = time.Now()
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			s.strange = "no end within " + c.patient.String()
		}
		c.leave()
		s.end = closed
		return
	}
	s.read(a)
	if s.command == "create" {
		c.exDay = firstGroup(exDateForm, a)
	}
	if s.code%1000/100 == 5 { // the answer says that the connection ends
		c.leave()
	}
}

var (
	codeForm   = regexp.MustCompile(`<result code="(\d{4})"`)
	tridForm   = regexp.MustCompile(`<clTRID>([^<]*)</clTRID>`)
	nameForm   = regexp.MustCompile(`<domain:name[^>]*>([^<]*)</domain:name>`)
	exDateForm = regexp.MustCompile(`<domain:exDate>(\d{4}-\d\d-\d\d)`)
)

func firstGroup(form *regexp.Regexp, a []byte) string {
	if m := form.FindSubmatch(a); m != nil {
		return string(m[1])
	}
	return ""
}

// read finds out how a command has ended by its answer.
func (s *sent) read(a []byte) {
	fmt.Sscan(firstGroup(codeForm, a), &s.code)
	name := firstGroup(nameForm, a)
	if s.code == 0 || firstGroup(tridForm, a) != s.trid || name != "" && name != s.name {
		s.end, s.strange = wrong, string(a)
		return
	}
	switch {
	case s.code != 2400:
		s.end = answered
	case bytes.Contains(a, []byte("held back")):
		s.end = heldBack
	case bytes.Contains(a, []byte("not sent to registry")), bytes.Contains(a, []byte("registry did not execute it")):
		s.end = notSent
	default:
		s.end = failed
	}
}

// crowd is all clients of a cluster.
type crowd struct {
	clients []*clusterClient
	stop    atomic.Bool
	wg      sync.WaitGroup
}

// newCrowd lets so many clients work for each host, each of which has the hosts in a list that begins
// with its own.
func newCrowd(hosts []*host, each int, patient time.Duration) *crowd {
	cr := &crowd{}
	for i := range hosts {
		for range each {
			c := &clusterClient{id: len(cr.clients), hosts: hosts, home: i, patient: patient}
			cr.clients = append(cr.clients, c)
		}
	}
	for _, c := range cr.clients {
		cr.wg.Go(func() { c.run(&cr.stop) })
	}
	return cr
}

// ended stops the clients, and returns all that they have sent.
func (cr *crowd) ended() []sent {
	cr.stop.Store(true)
	cr.wg.Wait()
	var all []sent
	for _, c := range cr.clients {
		all = append(all, c.book...)
	}
	return all
}
