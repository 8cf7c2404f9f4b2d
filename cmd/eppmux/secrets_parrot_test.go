package main

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// parrot is a registry that repeats what it hears wherever it can, and misbehaves in doing so.
type parrot struct {
	address string
	refuses bool // all logins, for good
	heard   atomic.Int64
	logins  atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
}

// startParrot runs a parrot until the test ends.
func startParrot(t *testing.T, made *sandbox.TLS, refuses bool) *parrot {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", made.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	p := &parrot{address: ln.Addr().String(), refuses: refuses, conns: map[net.Conn]bool{}}
	served := make(chan struct{}) // closed when all of it has ended
	go func() {
		defer close(served)
		p.serve(ln)
	}()
	t.Cleanup(func() {
		ln.Close()
		p.mu.Lock()
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		<-served
	})
	return p
}

// serve ends when the listener and all connections are closed.
func (p *parrot) serve(ln net.Listener) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns[conn] = true
		p.mu.Unlock()
		all.Go(func() {
			p.talk(conn)
			p.mu.Lock()
			delete(p.conns, conn)
			p.mu.Unlock()
			conn.Close()
		})
	}
}

const parrotGreeting = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting><svID>parrot</svID><svDate>2026-01-01T00:00:00.0Z</svDate><svcMenu>` +
	`<version>1.0</version><lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension>` +
	`<extURI>urn:ietf:params:xml:ns:epp:loginSec-1.0</extURI></svcExtension></svcMenu></greeting></epp>`

// A command out of parrotEvery is answered in one of parrotWays ways, in turn. It is not each,
// since sessions that are lost right after their login are not replaced at once.
const parrotEvery, parrotWays = 4, 11

func (p *parrot) talk(conn net.Conn) {
	if _, err := conn.Write(clitest.Unit(parrotGreeting)); err != nil {
		return
	}
	for {
		heard, err := clitest.ReadUnit(conn)
		if err != nil {
			return
		}
		answer, more := p.answer(heard)
		if _, err := io.WriteString(conn, answer); err != nil || !more {
			return
		}
	}
}

// answer is what is written, and whether the connection stays.
func (p *parrot) answer(heard []byte) (string, bool) {
	if bytes.Contains(heard, []byte("<login>")) {
		n := p.logins.Add(1)
		_, password, _ := strings.Cut(string(heard), "<loginSec:pw>") // and what follows: a log cuts words
		switch {
		case p.refuses:
			password, _, _ = strings.Cut(password, "<")
			// as we wrote it, so that it is read as the password itself
			return string(clitest.Unit(answerXML(heard, 2200, password))), true
		case n == 1:
			return string(clitest.Unit(answerXML(heard, 2400, escape(password)))), true
		case n == 2:
			return string(clitest.Unit(string(heard))), true
		}
		return string(clitest.Unit(answerXML(heard, 1000, "ok"))), true
	}
	if bytes.Contains(heard, []byte("<logout/>")) {
		return saying(heard, 1500, ""), false
	}
	n := p.heard.Add(1)
	if n%parrotEvery != 0 {
		return saying(heard, 2001, ""), true
	}
	switch n / parrotEvery % parrotWays {
	case 0:
		return saying(heard, 1501, ""), true
	case 1:
		return saying(heard, 2500, ""), false
	case 2:
		return string(clitest.Unit(string(heard))), true // no answer at all
	case 3:
		return string(heard), true // no data unit
	case 4:
		return string(clitest.Unit(string(heard[:len(heard)/2]))), true
	case 5:
		whole := saying(heard, 1000, "")
		return whole[:len(whole)/2], false
	case 6:
		return saying(heard, 1000, clitest.Canary), true // the answer to another command
	case 7:
		return "", false
	case 8:
		return saying(heard, 1000, "") + saying(heard, 1000, ""), true
	case 9:
		return string(clitest.Unit(strings.Replace(parrotGreeting, "parrot", escape(string(heard)), 1))), true
	}
	return saying(heard, 1000, "SAFE-1"), true // the answer to a client's own id
}

// saying is a response that repeats heard in every place for words; its clTRID is that of heard
// unless another is given.
func saying(heard []byte, code int, clTRID string) string {
	var words bytes.Buffer
	xml.EscapeText(&words, heard) // a bytes.Buffer takes all
	payload := answerXML(heard, code, words.String())
	payload = strings.Replace(payload, "</msg>", "</msg><value><undef/></value><extValue><value><undef/></value><reason>"+words.String()+"</reason></extValue>", 1)
	if clTRID != "" {
		payload = clitest.ClTRIDs.ReplaceAllString(payload, "<clTRID>"+clTRID+"</clTRID>")
	}
	return string(clitest.Unit(payload))
}

// anyClTRID is a muxTRID in the element that holds it.
var anyClTRID = regexp.MustCompile(`clTRID[^<>]*>(M[0-9A-Z]{13}[^<]*)<`)

// answerXML is a response with the muxTRID that stands in heard under any prefix.
func answerXML(heard []byte, code int, text string) string {
	id := ""
	if m := anyClTRID.FindSubmatch(heard); m != nil {
		id = "<clTRID>" + string(m[1]) + "</clTRID>"
	}
	return fmt.Sprintf(`<?xml version="1.0"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="%d"><msg>%s</msg></result><trID>%s<svTRID>s</svTRID></trID></response></epp>`, code, text, id)
}
