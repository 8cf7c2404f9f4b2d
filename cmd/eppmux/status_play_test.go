package main

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// The clients of verdictCases that do not just send a command again and again. Each is one
// connection, begun again a few times.

// play has the client of r connect and play.
func (st *statusStand) play(r statusRegistry) {
	for range 20 {
		st.connected(r, func(nc net.Conn) { r.play(st, nc) })
		st.rest(200 * time.Millisecond)
	}
}

// send writes a command, numbered.
func (st *statusStand) send(nc net.Conn, text string) error {
	if strings.Contains(text, "%d") {
		text = fmt.Sprintf(text, st.numbers.Add(1))
	}
	_, err := nc.Write(clitest.Unit(text))
	return err
}

// ask is send, and the answer; nil: there was none.
func (st *statusStand) ask(nc net.Conn, text string) []byte {
	if st.send(nc, text) != nil {
		return nil
	}
	answer, _ := clitest.ReadUnit(nc)
	return answer
}

// playLeaves leaves a moment after its command.
func playLeaves(st *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err == nil && st.send(nc, checkText) == nil {
		st.rest(50 * time.Millisecond)
	}
}

func playHalfCloses(st *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err == nil && st.send(nc, checkText) == nil {
		_ = nc.(*net.UnixConn).CloseWrite()
		_, _ = clitest.ReadUnit(nc)
	}
}

// playInfo asks for information about one name after the other, until its connection ends.
func playInfo(st *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err != nil {
		return
	}
	for st.ctx.Err() == nil && st.ask(nc, infoText) != nil {
		st.rest(soon)
	}
}

func playHalfFrame(_ *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err == nil {
		_, _ = nc.Write(clitest.Unit(checkText)[:100])
		_, _ = clitest.ReadUnit(nc)
	}
}

func playAhead(_ *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err != nil {
		return
	}
	if _, err := nc.Write(bytes.Repeat(clitest.Unit(checkText), 100)); err != nil {
		return
	}
	for range 100 {
		if _, err := clitest.ReadUnit(nc); err != nil {
			return
		}
	}
}

// playNeverReads asks for more greetings than its socket holds, and stays.
func playNeverReads(st *statusStand, nc net.Conn) {
	hello := clitest.Unit(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`)
	_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = nc.Write(bytes.Repeat(hello, 5000))
	<-st.ctx.Done()
}

// playPending registers what the registry decides on later, and takes its message about that.
func playPending(st *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err != nil {
		return
	}
	st.ask(nc, strings.Replace(createText, "new%d.", "pending-%d.", 1))
	for st.ctx.Err() == nil {
		answer := st.ask(nc, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><poll op="req"/><clTRID>P-1</clTRID></command></epp>`)
		if answer == nil || bytes.Contains(answer, []byte(`code="1301"`)) {
			<-st.ctx.Done()
			return
		}
		st.rest(100 * time.Millisecond)
	}
}

// playPiling registers on and on what the registry decides on later, and reads its messages about that
// without acknowledging any.
func playPiling(st *statusStand, nc net.Conn) {
	if _, err := clitest.ReadUnit(nc); err != nil {
		return
	}
	for st.ctx.Err() == nil {
		st.ask(nc, strings.Replace(createText, "new%d.", "pending-%d.", 1))
		st.ask(nc, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><poll op="req"/><clTRID>P-1</clTRID></command></epp>`)
		st.rest(300 * time.Millisecond)
	}
}

// passwordEnds is a registry that says so at the login, RFC 8807.
func passwordEnds(conn net.Conn) {
	greets(conn)
	login, err := clitest.ReadUnit(conn)
	if err != nil {
		return
	}
	event := `<extension><s:loginSecData xmlns:s="urn:ietf:params:xml:ns:epp:loginSec-1.0"><s:event type="password" level="warning" exDate="` +
		time.Now().Add(5*24*time.Hour+time.Hour).UTC().Format(time.RFC3339) + `">soon</s:event></s:loginSecData></extension><trID>`
	answer := strings.Replace(string(clitest.AnswerTo(login, 1000, "ok")[4:]), "<trID>", event, 1)
	_, _ = conn.Write(clitest.Unit(answer))
	_, _ = clitest.ReadUnit(conn)
}
