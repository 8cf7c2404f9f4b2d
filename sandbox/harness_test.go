package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, c := range []struct {
		what string
		docs *collector
		want []string
	}{{"written", &written, wantWritten}, {"carried out", &accepted, wantAccepted}} {
		err := c.docs.validate()
		if wholeRun() {
			err = errors.Join(err, c.docs.missing(c.want))
		}
		if err != nil && code == 0 {
			fmt.Fprintf(os.Stderr, "messages %s: %v\n", c.what, err)
			code = 1
		}
	}
	if left := sessionsLeft(); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// sessionsLeft returns the stacks of all goroutines if one of them is of a session; all registries
// are closed by now.
func sessionsLeft() string {
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	if strings.Contains(stacks, "sandbox.(*session)") || strings.Contains(stacks, "sandbox.(*Registry)") {
		return stacks
	}
	return ""
}

// client is the registrar's end of a dialogue with a registry. Any surprise ends the test.
type client struct {
	t    testing.TB
	conn net.Conn
	trid int
	name string
	// offered are the extensions of the greeting, as a login has them.
	offered string
	wild    bool // the registry may write in any number of writes, and carries out what no schema allows

	// invalid says why the registry writes what no schema allows. Empty: it does not.
	invalid string
}

// start returns a registry that is closed when the test ends.
func start(t testing.TB, cfg Config) *Registry {
	r := New(cfg)
	t.Cleanup(func() { r.Close() })
	return r
}

// enterWild is enter for a client that takes all that comes.
func enterWild(t testing.TB, r *Registry, account string) *client {
	t.Helper()
	return enterInvalid(t, r, account, "")
}

// enterInvalid is enterWild where the registry breaks the schemas from the login on, for the reason
// why.
func enterInvalid(t testing.TB, r *Registry, account, why string) *client {
	t.Helper()
	c := connect(t, r)
	c.wild, c.invalid = true, why
	c.greet()
	c.ask(epp("<command>" + loginXML(account, account+"-secret", "", "1.0", "en", allObjects+c.offered) + "</command>")).want(1000)
	return c
}

// connect opens a connection over a pipe. The greeting is not read.
func connect(t testing.TB, r *Registry) *client {
	near, far := net.Pipe()
	go r.ServeConn(far)
	c := &client{t: t, conn: near, name: fmt.Sprintf("%p", near)}
	t.Cleanup(func() { near.Close() })
	return c
}

// enter opens a session of account.
func enter(t testing.TB, r *Registry, account string) *client {
	t.Helper()
	c := connect(t, r)
	c.greet()
	c.login(account, account+"-secret").want(1000)
	return c
}

func (c *client) send(payload string) {
	c.t.Helper()
	if _, err := c.conn.Write(unit(payload)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// unit is a data unit.
func unit(payload string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4))
	return append(b, payload...)
}

// receive reads one payload and checks that header and payload came in one write.
func (c *client) receive() (string, error) {
	if c.wild {
		var header [4]byte
		if _, err := io.ReadFull(c.conn, header[:]); err != nil {
			return "", err
		}
		p := make([]byte, binary.BigEndian.Uint32(header[:])-4)
		_, err := io.ReadFull(c.conn, p)
		if err == nil {
			c.collect(p)
		}
		return string(p), err
	}
	buf := make([]byte, 1<<20)
	n, err := c.conn.Read(buf)
	if err != nil {
		return "", err
	}
	if _, stream := c.conn.(*net.TCPConn); stream {
		for n < 4 || n < int(binary.BigEndian.Uint32(buf)) {
			k, err := c.conn.Read(buf[n:])
			if err != nil {
				return "", err
			}
			n += k
		}
	}
	if n < 4 || int(binary.BigEndian.Uint32(buf)) != n {
		return "", fmt.Errorf("%d octets are not one data unit", n)
	}
	c.collect(buf[4:n])
	return string(buf[4:n]), nil
}

// collect keeps what the registry wrote for the schemas, unless a test has it break them.
func (c *client) collect(payload []byte) {
	if c.invalid == "" {
		written.add(payload)
	}
}

func (c *client) greet() string {
	c.t.Helper()
	p, err := c.receive()
	if err != nil || !strings.Contains(p, "greeting>") {
		c.t.Fatalf("no greeting but %q, %v", p, err)
	}
	c.offered = allExtensions
	if !strings.Contains(p, nsFee) {
		c.offered = olderExtensions
	}
	return p
}

// ended checks that the registry closed the connection and said nothing more.
func (c *client) ended() {
	c.t.Helper()
	if p, err := c.receive(); !errors.Is(err, io.EOF) {
		c.t.Fatalf("got %q, %v, want the end", p, err)
	}
}

// ask sends a payload and reads the answer.
func (c *client) ask(payload string) *reply {
	c.t.Helper()
	c.send(payload)
	p, err := c.receive()
	if err != nil {
		c.t.Fatalf("no answer to %s: %v", payload, err)
	}
	root, err := parseXML([]byte(p))
	if err != nil {
		c.t.Fatalf("answer %s: %v", p, err)
	}
	rp := &reply{t: c.t, asked: payload, text: p, root: root}
	rp.code, _ = strconv.Atoi(rp.attr("result", "code"))
	if rp.code >= 1000 && rp.code < 2000 && !c.wild {
		accepted.add([]byte(payload))
	}
	return rp
}

const (
	allObjects    = `<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><objURI>urn:ietf:params:xml:ns:host-1.0</objURI><objURI>urn:ietf:params:xml:ns:contact-1.0</objURI>`
	allExtensions = `<svcExtension><extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI><extURI>urn:ietf:params:xml:ns:epp:loginSec-1.0</extURI>` +
		`<extURI>urn:ietf:params:xml:ns:epp:fee-1.0</extURI><extURI>urn:ietf:params:xml:ns:epp:ttl-1.0</extURI></svcExtension>`
	// olderExtensions are those of profiles.
	olderExtensions = `<svcExtension><extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI><extURI>urn:ietf:params:xml:ns:epp:loginSec-1.0</extURI></svcExtension>`
)

func epp(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">` + inner + `</epp>`
}

func loginXML(id, pw, newPW, version, lang, svcs string) string {
	if newPW != "" {
		newPW = "<newPW>" + newPW + "</newPW>"
	}
	return "<login><clID>" + id + "</clID><pw>" + pw + "</pw>" + newPW + "<options><version>" + version + "</version><lang>" +
		lang + "</lang></options><svcs>" + svcs + "</svcs></login>"
}

func (c *client) login(id, pw string) *reply {
	c.t.Helper()
	return c.command(loginXML(id, pw, "", "1.0", "en", allObjects+c.offered))
}

// command sends a command with a fresh clTRID, and checks that it comes back.
func (c *client) command(inner string) *reply {
	c.t.Helper()
	c.trid++
	id := fmt.Sprintf("%s-%d", c.name, c.trid)
	rp := c.ask(epp("<command>" + inner + "<clTRID>" + id + "</clTRID></command>"))
	if got := rp.text1("trID", "clTRID"); got != id {
		c.t.Fatalf("clTRID %q, want %q, in %s", got, id, rp.text)
	}
	return rp
}

// do sends verb (with attributes) of an object whose element holds inner; D:, H: and C: begin
// domain, host and contact.
func (c *client) do(verb, inner string, extension ...string) *reply {
	c.t.Helper()
	return c.command(objectXML(verb, inner, extension...))
}

func objectXML(verb, inner string, extension ...string) string {
	objects := map[string]string{"D:": "domain", "H:": "host", "C:": "contact"}
	prefix := objects[inner[:2]]
	name, _, _ := strings.Cut(verb, " ")
	inner = strings.NewReplacer("</", "</"+prefix+":", "<", "<"+prefix+":").Replace(inner[2:])
	el := prefix + ":" + name
	out := "<" + verb + "><" + el + " xmlns:" + prefix + `="urn:ietf:params:xml:ns:` + prefix + `-1.0">` + inner + "</" + el + "></" + name + ">"
	if len(extension) > 0 {
		out += "<extension>" + strings.Join(extension, "") + "</extension>"
	}
	return out
}

// reply is an answer under test.
type reply struct {
	t     testing.TB
	asked string
	text  string
	root  *node
	code  int
}

func (rp *reply) want(code int) *reply {
	rp.t.Helper()
	if rp.code != code {
		rp.t.Fatalf("got %d, want %d\nsent %s\ngot  %s", rp.code, code, rp.asked, rp.text)
	}
	return rp
}

// has checks that the answer contains each of the texts.
func (rp *reply) has(parts ...string) *reply {
	rp.t.Helper()
	for _, p := range parts {
		if !strings.Contains(rp.text, p) {
			rp.t.Fatalf("no %q\nsent %s\ngot  %s", p, rp.asked, rp.text)
		}
	}
	return rp
}

// lacks checks that it contains none of them.
func (rp *reply) lacks(parts ...string) *reply {
	rp.t.Helper()
	for _, p := range parts {
		if strings.Contains(rp.text, p) {
			rp.t.Fatalf("%q is there\nsent %s\ngot  %s", p, rp.asked, rp.text)
		}
	}
	return rp
}

// find walks down by local names, from anywhere.
func (rp *reply) find(path ...string) *node {
	n := descend(rp.root, path[0])
	for _, p := range path[1:] {
		n = descend(n, p)
	}
	return n
}

func descend(n *node, local string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.local == local {
			return k
		}
		if d := descend(k, local); d != nil {
			return d
		}
	}
	return nil
}

func (rp *reply) text1(path ...string) string { return rp.find(path...).token() }

func (rp *reply) attr(element, name string) string {
	if n := rp.find(element); n != nil {
		v, _ := n.attr(name)
		return v
	}
	return ""
}

// breaches checks the breaches counted so far.
func breaches(t testing.TB, r *Registry, want Breaches) {
	t.Helper()
	if got := r.Counters().Breaches; got != want {
		t.Fatalf("breaches\ngot  %+v\nwant %+v", got, want)
	}
}

// clock is a clock that is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2031, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (k *clock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *clock) step(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

// TestHarness is the manual of the above.
func TestHarness(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	rp := c.do("check", "D:<name>example.com</name><name>free.com</name>").want(1000)
	rp.has(`<domain:name avail="0">example.com</domain:name><domain:reason>In use`, `<domain:name avail="1">free.com`).lacks("contact:")
	if got := rp.text1("cd", "reason"); got != "In use" {
		t.Errorf("reason %q", got)
	}
	if !bytes.Equal(unit("ab"), []byte{0, 0, 0, 6, 'a', 'b'}) {
		t.Error("unit")
	}
	c.command("<logout/>").want(1500)
	c.ended()
	breaches(t, r, Breaches{})
}
