package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// attack is one kind of hostile client. one makes one connection, from its beginning to its end; it
// is made again and again, by several at a time.
type attack struct {
	name string
	one  func(*hostile)
	ends string // the reason for which eppmux counts the end of each
}

// hostile is one connection of an attack, or several if it needs them.
type hostile struct {
	*rig
	made    int // connections that eppmux counts
	refused int // answers 2001, and those in their place that end the connection for three of them
}

// attacks are all that there are. None asks for anything of the registry but where it must: then
// others wait for it by right.
func attacks() []attack {
	return []attack{
		{"says nothing", (*hostile).silent, "client"},
		{"half a header", says([]byte{0, 0}), "slow_frame"},
		{"half a frame", says(unit(checkPayload("half.example", "H-1"))[:80]), "slow_frame"},
		{"an octet at a time", (*hostile).dribble, "slow_frame"},
		{"a header that announces more", says(lied(10)), "slow_frame"},
		{"a header that announces less", says(lied(-5)), "frame"},
		{"length 0", says([]byte{0, 0, 0, 0}), "frame"},
		{"length 0xFFFFFFFF", says([]byte{255, 255, 255, 255}), "frame"},
		{"HTTP", says([]byte("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")), "http"},
		{"garbage", says(garbage(64 << 10)), "frame"},
		{"frames of garbage", says(bytes.Repeat(unit(string(garbage(500))), 3)), "faults"},
		{"logins with many services", (*hostile).logins, "logout"},
		{"logins that are too long", says(bytes.Repeat(unit(loginPayload(200_000)), 3)), "refused"},
		{"frames that are slow to read", (*hostile).slowToRead, "client"},
		{"thousands of hellos ahead", (*hostile).hellos, "client"},
		{"too far ahead", says(bytes.Repeat(unit(checkPayload("ahead.example", "A-1")), 4000)), "ahead"},
		{"never reads", (*hostile).neverReads, "ahead"},
		{"reset at once", (*hostile).reset, "client"},
		{"TLS: says nothing", (*hostile).silentTLS, "client"},
		{"TLS: ClientHello octet by octet", (*hostile).helloByOctet, "handshake"},
		{"TLS: plain text", (*hostile).plainToTLS, "no_tls"},
		{"TLS: another protocol version", (*hostile).oldTLS, "handshake"},
		{"TLS: a record that is none", (*hostile).badRecord, "tls"},
		{"TLS: key updates", (*hostile).keyUpdates, "tls"},
	}
}

func unit(payload string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)
}

const openEPP = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`

func checkPayload(name, trid string) string {
	return openEPP + `<command><check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>` + name +
		`</domain:name></domain:check></check><clTRID>` + trid + `</clTRID></command></epp>`
}

// loginPayload is a login with services of at least so many octets.
func loginPayload(octets int) string {
	const uri = "<objURI>urn:none</objURI>"
	return openEPP + `<command><login><clID>a</clID><pw>b</pw><options><version>1.0</version><lang>en</lang></options><svcs>` +
		strings.Repeat(uri, octets/len(uri)+1) + `</svcs></login><clTRID>L-1</clTRID></command></epp>`
}

// lied is a frame whose header announces so many octets more than there are.
func lied(by int) []byte {
	b := unit(checkPayload("lied.example", "LIED-1"))
	binary.BigEndian.PutUint32(b, uint32(len(b)+by))
	return b
}

// garbage is the same each time, and begins with a length that is too great.
func garbage(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	b[0] |= 0x80
	return b
}

// open connects to a listener, see opened.
func (h *hostile) open(secure bool) net.Conn {
	nc, err := h.dial(secure)
	return h.opened(nc, err)
}

// opened counts a connection that was opened. It returns nil and fails the test if there is none.
func (h *hostile) opened(nc net.Conn, err error) net.Conn {
	if err != nil {
		h.t.Errorf("a hostile client: %v", err)
		return nil
	}
	h.made++
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// rest reads what eppmux sends, to the end of the connection, and counts refusals.
func (h *hostile) rest(nc net.Conn) {
	b, err := io.ReadAll(nc)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		h.t.Errorf("eppmux does not end the connection")
	}
	h.refused += bytes.Count(b, []byte(`code="2001"`)) + bytes.Count(b, []byte("three faulty frames")) - bytes.Count(b, []byte("login is longer"))
}

// says sends octets and waits for the end.
func says(b []byte) func(*hostile) {
	return func(h *hostile) {
		nc := h.open(false)
		if nc == nil {
			return
		}
		defer nc.Close()
		// eppmux may answer before it has read all; ends with the connection
		go func() { _, _ = nc.Write(b) }()
		h.rest(nc)
	}
}

// holding is how long those are there that do nothing.
const holding = 100 * time.Millisecond

func (h *hostile) silent() {
	if nc := h.open(false); nc != nil {
		time.Sleep(holding)
		nc.Close()
	}
}

func (h *hostile) silentTLS() {
	nc, err := net.Dial("tcp", h.secure)
	if err != nil {
		h.t.Error(err)
		return
	}
	h.made++
	time.Sleep(holding)
	nc.Close()
}

// dribble sends an octet from time to time.
func (h *hostile) dribble() {
	nc := h.open(false)
	if nc == nil {
		return
	}
	defer nc.Close()
	go func() { // ends with the connection
		for _, c := range unit(loginPayload(10_000)) {
			if _, err := nc.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	h.rest(nc)
}

// ask sends a frame and takes the answer.
func (h *hostile) ask(nc net.Conn, frame []byte) {
	if _, err := nc.Write(frame); err == nil {
		h.skip(nc)
	}
}

// skip takes one frame.
func (h *hostile) skip(nc net.Conn) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return
	}
	b := make([]byte, max(4, binary.BigEndian.Uint32(head[:]))-4)
	_, _ = io.ReadFull(nc, b)
	h.refused += bytes.Count(b, []byte(`code="2001"`))
}

func (h *hostile) logins() {
	nc := h.open(false)
	if nc == nil {
		return
	}
	defer nc.Close()
	h.skip(nc)
	h.ask(nc, unit(loginPayload(7_000)))
	_, _ = nc.Write(unit(openEPP + "<command><logout/></command></epp>"))
	h.rest(nc)
}

// evilPayloads have clients.max_frame octets, or nearly, and try what a parser may be slow at.
var evilPayloads = func() (all []string) {
	const size = 262_000
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	prefixes, attributes := "", ""
	for i := range 120 {
		prefixes += fmt.Sprintf(` xmlns:p%d="u%d"`, i, i)
		attributes += fmt.Sprintf(` a%d=""`, i)
	}
	for _, inner := range []string{
		fill("<a" + attributes + "/>"),
		"<a" + prefixes + ">" + strings.Repeat("<p0:b/>", (size-len(prefixes)-20)/7) + "</a>",
		fill(strings.Repeat("<a>", 60) + strings.Repeat("</a>", 60)),
		fill("<" + strings.Repeat("n", 1000) + "/>"),
		fill("&lt;&#65;"),
		fill("<a xmlns='u'/>"),
		fill("<![CDATA[]]>"),
		fill("<!---->"),
		"<" + fill("n"),
	} {
		all = append(all, openEPP+"<hello>"+inner+"</hello></epp>")
	}
	return all
}()

// slowToRead sends one of evilPayloads, and goes when it is answered.
func (h *hostile) slowToRead() {
	nc := h.open(false)
	if nc == nil {
		return
	}
	defer nc.Close()
	h.skip(nc)
	h.ask(nc, unit(evilPayloads[rand.IntN(len(evilPayloads))]))
}

var hello = unit(openEPP + "<hello/></epp>")

// hellos sends many at once, and takes the answers.
func (h *hostile) hellos() {
	nc := h.open(false)
	if nc == nil {
		return
	}
	defer nc.Close()
	const n = 2000
	go func() { _, _ = nc.Write(bytes.Repeat(hello, n)) }() // ends with the connection
	for range n + 1 {
		h.skip(nc)
	}
}

// neverReads sends hellos until it is ended.
func (h *hostile) neverReads() {
	nc := h.open(false)
	if nc == nil {
		return
	}
	defer nc.Close()
	for many := bytes.Repeat(hello, 500); ; {
		if _, err := nc.Write(many); err != nil {
			return
		}
	}
}

func (h *hostile) reset() {
	if nc := h.open(false); nc != nil {
		_ = nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
}

// clientHello is a TLS client's first record.
var clientHello = func() []byte {
	a, b := net.Pipe()
	// ends when the pipe does
	go func() { _ = tls.Client(a, &tls.Config{ServerName: "localhost"}).Handshake() }()
	buf := make([]byte, 1<<14)
	n, _ := b.Read(buf)
	b.Close()
	return buf[:n]
}()

// raw connects to the TLS listener without TLS.
func (h *hostile) raw() net.Conn {
	nc, err := net.Dial("tcp", h.secure)
	return h.opened(nc, err)
}

func (h *hostile) helloByOctet() {
	nc := h.raw()
	if nc == nil {
		return
	}
	defer nc.Close()
	for _, c := range clientHello[:60] {
		if _, err := nc.Write([]byte{c}); err != nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (h *hostile) plainToTLS() {
	if nc := h.raw(); nc != nil {
		defer nc.Close()
		_, _ = nc.Write(unit(loginPayload(2000)))
		h.rest(nc)
	}
}

// oldTLS offers TLS 1.1 at most.
func (h *hostile) oldTLS() {
	nc := h.raw()
	if nc == nil {
		return
	}
	defer nc.Close()
	_ = tls.Client(nc, &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
}

func (h *hostile) badRecord() {
	nc := h.open(true)
	if nc == nil {
		return
	}
	defer nc.Close()
	h.skip(nc)
	_, _ = nc.(*tls.Conn).NetConn().Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	_, _ = io.Copy(io.Discard, nc)
}
