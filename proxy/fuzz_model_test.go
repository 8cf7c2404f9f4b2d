package proxy

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
)

// model holds what a client got against what it sent.
type model struct {
	t        *testing.T
	talked   *talked
	mode     byte
	acts     []byte
	answered int // answers that have been looked at
	passed   int // commands that have been looked at
	faults   int
	ends     int // sessions that ended behind its commands; none is forgotten within a play
	scanner  frame.Scanner
}

// hold goes through the frames in octets: each has one answer, in their order, until one ends the
// connection.
func (m *model) hold(octets []byte) {
	h := m.talked
	if h.reason == closedAhead || h.reason == closedMemory {
		if m.mode&(modeTight|modeMemory) == 0 {
			m.t.Fatalf("%q: closed for %v", octets, h.reason)
		}
		return // by then any number may have been answered
	}
	if !strings.Contains(m.next("none"), "<greeting>") {
		m.t.Fatalf("%q: no greeting", octets)
	}
	for len(octets) >= 4 {
		size := int(binary.BigEndian.Uint32(octets))
		if size < 5 {
			m.ended(closedFrame)
			return
		}
		if size-4 > fuzzFrame {
			m.want(m.next(""), 2500, "")
			m.ended(beginsWith(octets))
			return
		}
		if len(octets) < size {
			break
		}
		if !m.frame(octets[4:size]) {
			return
		}
		octets = octets[size:]
	}
	if !h.open || h.stuck {
		m.t.Fatalf("ended for %v, stuck %v, with all answered", h.reason, h.stuck)
	}
	m.all()
}

// beginsWith is why a client is closed whose frame is too long.
func beginsWith(octets []byte) closeReason {
	for reason, form := range map[closeReason]string{
		closedWantsTLS:      `^\x16\x03`,
		closedHTTP:          `^(GET |POST|HEAD|PUT |OPTI|CONN|DELE|PATC|PRI )`,
		closedProxyProtocol: `^(PROX|\r\n\r\n\x00)`,
		closedNoLength:      `^(<\?xm|<epp|\xef\xbb\xbf<)`,
	} {
		if regexp.MustCompile(`(?s)` + form).Match(octets) {
			return reason
		}
	}
	return closedFrame
}

// next is the next answer.
func (m *model) next(id string) string {
	if m.answered == len(m.talked.answers) {
		m.t.Fatalf("no answer to frame %d, with clTRID %q; ended for %v", m.answered, id, m.talked.reason)
	}
	m.answered++
	return m.talked.answers[m.answered-1]
}

// all fails when there are more answers, or more reached the registry.
func (m *model) all() {
	if h := m.talked; m.answered < len(h.answers) || m.passed < len(h.passed) {
		m.t.Fatalf("beyond the last frame: answers %q, at the registry %q", h.answers[m.answered:], h.passed[m.passed:])
	}
}

// ended fails unless the connection ended here, and for that reason.
func (m *model) ended(reason closeReason) {
	m.all()
	if h := m.talked; h.open || h.reason != reason {
		m.t.Fatalf("ended for %v, open %v, want %v", h.reason, h.open, reason)
	}
}

var codeForm = regexp.MustCompile(`<result code="(\d{4})"`)

// want holds an answer against a code and the content of a clTRID.
func (m *model) want(answer string, code int, id string) {
	m.t.Helper()
	element := "<clTRID>" + id + "</clTRID>"
	if !strings.Contains(answer, fmt.Sprintf(`<result code="%d"`, code)) || id != "" && strings.Count(answer, element) != 1 ||
		id == "" && strings.Contains(answer, "clTRID") {
		m.t.Fatalf("got %s\nwant code %d and clTRID %q", answer, code, id)
	}
}

// frame holds what became of one frame; false when nothing more may have come of those behind it.
func (m *model) frame(payload []byte) bool {
	msg, err := m.scanner.Scan(payload)
	if err != nil {
		return m.fault(string(m.scanner.EchoClTRID()))
	}
	id := string(ownClTRID(msg))
	switch {
	case len(msg.Payload) > fuzzFrame:
		return m.fault(id)
	case msg.Kind == frame.KindGreeting || msg.Kind == frame.KindResponse:
		return m.fault("")
	case msg.Kind == frame.KindHello:
		m.faults = 0
		if !strings.Contains(m.next(id), "<greeting>") {
			m.t.Fatal("no greeting for a hello")
		}
		return true
	}
	m.faults = 0
	switch {
	case msg.Command == frame.CommandLogout:
		m.want(m.next(id), 1500, id)
		m.ended(closedLogout)
		return false
	case msg.Command == frame.CommandLogin:
		answer := m.next(id)
		code := codeForm.FindStringSubmatch(answer)
		if code == nil || !slices.Contains([]string{"1000", "2001", "2002", "2100", "2102", "2307", "2103", "2501"}, code[1]) {
			m.t.Fatalf("got %s for a login", answer)
		}
		if code[1] == "2501" {
			m.ended(closedRefused)
		}
		return code[1] != "2501"
	}
	if msg.Kind == frame.KindCommand && fateOf("command", string(msg.Payload[msg.Verb.Start:msg.Verb.End]), string(msg.Object)) == fateUnknown {
		m.want(m.next(id), 2000, id)
		return true
	}
	if set := allowed(); m.mode&modeAllow != 0 && !set.Has(msg.Command, msg.Op) {
		m.want(m.next(id), 2201, id)
		return true
	}
	return m.command(msg, id)
}

func (m *model) fault(id string) bool {
	if m.faults++; m.faults < maxFaults {
		m.want(m.next(id), 2001, id)
		return true
	}
	m.want(m.next(id), 2500, id)
	m.ended(closedFaults)
	return false
}

// command is for a frame that is the registry's to answer.
func (m *model) command(msg *frame.Message, id string) bool {
	h := m.talked
	if m.mode&modeMemory != 0 && m.answered < len(h.answers) && strings.Contains(h.answers[m.answered], "too much is held") {
		m.want(m.next(id), 2400, id)
		return true
	}
	for range 2 {
		if m.passed == len(h.passed) {
			if !h.stuck { // it waits for a session, until the client has gone
				m.t.Fatalf("did not reach the registry: %q", msg.Payload)
			}
			m.all()
			return false
		}
		act := (&rig{acts: m.acts}).act(m.passed)
		if !same(h.passed[m.passed], msg, id) {
			m.t.Fatalf("I12: passed on %q\nfrom %q", h.passed[m.passed], msg.Payload)
		}
		m.passed++
		switch act {
		case actCode:
			m.want(m.next(id), 2500, id)
			m.ended(closedCode)
			return false
		case actSilent:
			if !h.stuck {
				m.t.Fatal("answered by nobody")
			}
			m.all()
			return false
		case actNoID:
			if !h.nameless[m.passed-1] {
				m.want(m.next(id), 1000, "")
				return true
			}
			m.ends++
		case actOther, actClose:
			m.ends++
		default:
			m.want(m.next(id), 1000, id)
			return true
		}
		if !msg.Query(nil) || m.ends >= 2 { // a query that ended one session too many is not asked again
			break
		}
	}
	if msg.Query(nil) || m.mode&modeFail != 0 {
		m.want(m.next(id), 2400, id)
		return true
	}
	m.ended(closedUnknownOutcome)
	return false
}

// same says whether what was passed on is what was sent, but for the clTRID.
func same(passed []byte, msg *frame.Message, id string) bool {
	sent := string(msg.Payload)
	if string(passed) == sent {
		return id == "" && msg.Kind == frame.KindExtension
	}
	for _, at := range muxForm.FindAllIndex(passed, -1) {
		front, back := string(passed[:at[0]]), string(passed[at[1]:])
		if front+id+back == sent {
			return id != ""
		}
		open := front[max(0, strings.LastIndexByte(front, '<')):]
		shut := back[:strings.IndexByte(back, '>')+1]
		if id == "" && shut == "</"+open[1:] && strings.HasSuffix(open, "clTRID>") && strings.TrimSuffix(front, open)+strings.TrimPrefix(back, shut) == sent {
			return true
		}
	}
	return false
}
