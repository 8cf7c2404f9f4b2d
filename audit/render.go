package audit

import (
	"encoding/xml"
	"strings"
	"unicode/utf8"

	"eppmux/frame"
)

// Bounds of a line, in octets but for maxNames.
const (
	maxNames   = 100
	maxText    = 500       // of the registry's message, or a namespace
	maxPayload = 256 << 10 // of a payload

	keepOctets = 1 << 20 // buffers that grew beyond are not kept
)

// unreadable stands in place of a payload whose secrets cannot be found with certainty.
const unreadable = "(left out: it cannot be read with certainty)"

// renderer turns entries into lines. Owned by one goroutine.
type renderer struct {
	frames  bool
	scanner frame.Scanner
	enc     *encoder
}

func newRenderer(frames bool) *renderer {
	return &renderer{frames: frames, scanner: frame.Scanner{Names: true}, enc: newEncoder()}
}

// append appends the line of e.
func (r *renderer) append(dst []byte, e *Entry) []byte {
	l := Line{
		Time: Moment{e.Time}, Event: e.Event.String(), Registry: e.Registry, Listener: e.Listener, Client: e.Client,
		Session: e.Session, Command: e.Command, Op: e.Op, MuxTRID: e.MuxTRID,
		Code: e.Code, End: e.End, Cause: e.Cause, Orphan: e.Orphan, Wait: seconds(e.Wait), RTT: seconds(e.RTT),
	}
	r.command(&l, e)
	if e.Answer != nil {
		r.answer(&l, e)
	}
	return r.enc.append(dst, &l)
}

// appendOwn appends a line about the log itself.
func (r *renderer) appendOwn(dst []byte, ev Event, at Moment, lost uint64) []byte {
	return r.enc.append(dst, &Line{Time: at, Event: ev.String(), Lost: lost})
}

// command fills in what the payload says.
func (r *renderer) command(l *Line, e *Entry) {
	l.ClTRID = r.decoded(e.ClTRID)
	m, err := r.scanner.Scan(e.Payload)
	if err != nil {
		if r.frames {
			l.Frame = unreadable
		}
		return
	}
	l.Object = objectOf(m.Object)
	for i, n := range m.Names {
		if i == maxNames {
			l.Left = len(m.Names) - i
			break
		}
		l.Names = append(l.Names, cut(string(n), maxText))
	}
	if m.Command == frame.CommandPoll && m.Op == frame.OpAck {
		l.Names = messageID(m.Payload)
	}
	if r.frames {
		l.Frame = shown(m.Payload, new(blanker))
	}
}

// messageID is what a poll acknowledges.
func messageID(payload []byte) []string {
	var d struct {
		Poll struct {
			ID string `xml:"msgID,attr"`
		} `xml:"command>poll"`
	}
	if xml.Unmarshal(payload, &d) != nil || d.Poll.ID == "" {
		return nil
	}
	return []string{cut(d.Poll.ID, maxText)}
}

// answer fills in what the registry's answer says. It may repeat secrets of the command, in its words too.
func (r *renderer) answer(l *Line, e *Entry) {
	m, err := r.scanner.Scan(e.Answer)
	if err != nil {
		if r.frames {
			l.Answer = unreadable
		}
		return
	}
	svtrid := string(m.Payload[m.SvTRID.Start:m.SvTRID.End])
	doc := m.Payload
	var b blanker
	if r.frames || e.Code >= 2000 {
		b.document(e.Payload) // UTF-8: what we send is
		b.out, b.depth = nil, 0
	}
	if _, msg, err := frame.ParseResult(doc); err == nil {
		l.Message = cut(b.hide(msg), maxText)
	}
	if r.frames {
		l.Answer = shown(doc, &b)
	}
	l.SvTRID = r.decoded(svtrid) // scans: doc is gone
}

// shown is a document that has been scanned, without its secrets.
func shown(doc []byte, b *blanker) string {
	if !b.document(doc) {
		return unreadable
	}
	return cut(b.hide(string(b.out)), maxPayload)
}

// decoded is the content of a clTRID or svTRID element as a parser gives it. It uses the scanner.
func (r *renderer) decoded(content string) string {
	if !strings.ContainsAny(content, "<& \t\r\n") {
		return cut(content, maxText)
	}
	m, err := r.scanner.Scan([]byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><logout/><clTRID>` + content + `</clTRID></command></epp>`))
	if err != nil {
		return cut(content, maxText)
	}
	return cut(string(m.ClTRID.Value), maxText)
}

// objectOf is the last word of a namespace name without its version, such as domain; the name itself where it has none.
func objectOf(uri []byte) string {
	whole := string(uri)
	word := whole[strings.LastIndexAny(whole, ":/#")+1:]
	if i := strings.LastIndexByte(word, '-'); i > 0 && strings.Trim(word[i+1:], "0123456789.") == "" {
		word = word[:i]
	}
	if word == "" {
		word = whole
	}
	return cut(word, maxText)
}

// cut is text of at most n octets, in whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "..."
}
