package audit

import (
	"bytes"
	"time"

	"eppmux/frame"
)

// Bounds of a line.
const (
	maxNames   = 100       // names
	maxText    = 500       // octets of a name, an id, a namespace, or the registry's message
	maxPayload = 256 << 10 // octets of a payload

	keepOctets = 1 << 20 // buffers that grew beyond so many octets are dropped
)

// unreadable takes the place of a payload in which secrets cannot be found with certainty.
const unreadable = "(left out: it cannot be read with certainty)"

// renderer renders entries as the lines that Line describes. In the usual case it allocates
// nothing. It has one owner.
type renderer struct {
	frames  bool
	command frame.Scanner
	answer  frame.Scanner
	ids     frame.Scanner // of transaction ids with markup or white space
	moments moments
	known   memory
	blanker blanker
	text    []byte // scratch: the text that is being looked at
}

func newRenderer(frames bool) *renderer {
	return &renderer{frames: frames, command: frame.Scanner{Names: true}}
}

// append appends the line of e.
func (r *renderer) append(dst []byte, e *Entry) []byte {
	dst = r.begin(dst, e.Event, e.Time)
	var sent *frame.Message // nil: the payload was not scanned, or Scan refuses it
	if known := r.known.find(e); known != nil && !r.frames {
		dst = append(dst, known...)
	} else {
		if m, err := r.command.Scan(e.Payload); err == nil {
			sent = m
		}
		from := len(dst)
		dst = r.appendSent(dst, sent, e)
		r.known.keep(e, dst[from:])
	}
	dst = r.appendID(dst, `,"svtrid":`, e.SvTRID)
	dst = appendNumber(dst, `,"code":`, uint64(max(0, e.Code)))
	dst = r.appendMessage(dst, e)
	dst = appendField(dst, `,"end":`, e.End)
	dst = appendField(dst, `,"cause":`, e.Cause)
	if e.Orphan {
		dst = append(dst, `,"orphan":true`...)
	}
	dst = appendSeconds(dst, `,"wait":`, e.Wait)
	dst = appendSeconds(dst, `,"rtt":`, e.RTT)
	if r.frames {
		dst = r.appendFrames(dst, sent, e)
	}
	r.shrink()
	return append(dst, "}\n"...)
}

// appendSent appends what all lines of a command have in common: what was sent, by whom and where.
// m is nil if the payload cannot be read.
func (r *renderer) appendSent(dst []byte, m *frame.Message, e *Entry) []byte {
	dst = appendField(dst, `,"registry":`, e.Registry)
	dst = appendField(dst, `,"listener":`, e.Listener)
	dst = appendField(dst, `,"client":`, e.Client)
	dst = appendNumber(dst, `,"session":`, e.Session)
	dst = appendField(dst, `,"command":`, e.Command)
	dst = appendField(dst, `,"op":`, e.Op)
	if e.Transform && isQuery(e.Command, e.Op) {
		dst = append(dst, `,"transform":true`...)
	}
	if m != nil {
		dst = r.appendObjects(dst, m)
	}
	dst = r.appendID(dst, `,"cltrid":`, e.ClTRID)
	return appendField(dst, `,"muxtrid":`, e.MuxTRID)
}

// shrink drops the buffers that grew beyond keepOctets.
func (r *renderer) shrink() {
	for _, b := range []*[]byte{&r.text, &r.blanker.out, &r.blanker.kept, &r.blanker.scratch, &r.blanker.run} {
		if cap(*b) > keepOctets {
			*b = nil
		}
	}
}

// appendOwn appends a line about the log itself. lost is the number of lines of which it tells.
func (r *renderer) appendOwn(dst []byte, ev Event, at time.Time, lost uint64) []byte {
	dst = appendNumber(r.begin(dst, ev, at), `,"lost":`, lost)
	return append(dst, "}\n"...)
}

// begin appends the keys that every line has.
func (r *renderer) begin(dst []byte, ev Event, at time.Time) []byte {
	dst = r.moments.append(append(dst, `{"time":"`...), at)
	return appendField(dst, `","event":`, ev.String())
}

// appendObjects appends what a command acts on: the kind of the object and the names.
func (r *renderer) appendObjects(dst []byte, m *frame.Message) []byte {
	dst = appendBounded(dst, `,"object":`, objectOf(m.Object), maxText)
	if m.Command == frame.CommandPoll && m.Op == frame.OpAck {
		if r.text = appendMessageID(r.text[:0], m.Payload); len(r.text) > 0 {
			dst = append(appendBounded(dst, `,"names":[`, r.text, maxText), ']')
		}
		return dst
	}
	key := `,"names":[`
	for _, n := range m.Names[:min(maxNames, len(m.Names))] {
		dst = appendBounded(dst, key, n, maxText)
		key = ","
	}
	if len(m.Names) > 0 {
		dst = append(dst, ']')
	}
	return appendNumber(dst, `,"names_left_out":`, uint64(max(0, len(m.Names)-maxNames)))
}

// appendMessageID appends the id of the message that a poll acknowledges.
func appendMessageID(dst, payload []byte) []byte {
	w := frame.NewWalker(payload)
	if !w.Root() || w.Child("command") == frame.TokenNone || w.Child("poll") == frame.TokenNone {
		return dst
	}
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if string(frame.Local(name)) == "msgID" {
			dst = frame.AppendAttribute(dst[:0], value)
		}
	}
	return dst
}

// appendMessage appends the text of the registry's answer. A registry may repeat secrets of the
// command in it, in its own words too; of success it usually gives the text of RFC 5730, in which
// there is nothing to look for.
func (r *renderer) appendMessage(dst []byte, e *Entry) []byte {
	text, n, ok := frame.AppendResult(r.text[:0], e.Answer)
	r.text = text
	if !ok || len(text) == 0 {
		return dst
	}
	if code := frame.Code(n); code >= 2000 || string(text) != code.Text() {
		r.blanker.reset()
		r.blanker.find(e.Payload)
		text = r.blanker.hide(text)
	}
	return appendBounded(dst, `,"message":`, text, maxText)
}

// appendFrames appends the payloads of the command and of its answer without their secrets. sent is
// nil if the command cannot be read.
func (r *renderer) appendFrames(dst []byte, sent *frame.Message, e *Entry) []byte {
	r.blanker.reset()
	if sent == nil {
		r.blanker.find(e.Payload) // the answer may repeat what can be found even so
	}
	dst = r.appendShown(dst, `,"frame":`, sent)
	if e.Answer == nil {
		return dst
	}
	answer, err := r.answer.Scan(e.Answer)
	if err != nil {
		answer = nil
	}
	return r.appendShown(dst, `,"answer":`, answer)
}

// appendShown appends a document without its secrets, and without those of the document before. m
// is nil if it cannot be read.
func (r *renderer) appendShown(dst []byte, key string, m *frame.Message) []byte {
	if m == nil {
		return appendField(dst, key, unreadable)
	}
	r.blanker.find(m.Payload) // first, since text may repeat a secret that comes behind it
	if !r.blanker.document(m.Payload) {
		return appendField(dst, key, unreadable)
	}
	return appendBounded(dst, key, r.blanker.hide(r.blanker.out), maxPayload)
}

// appendID appends the content of a clTRID or svTRID element as a parser gives it.
func (r *renderer) appendID(dst []byte, key string, content []byte) []byte {
	if bytes.ContainsAny(content, "<& \t\r\n") {
		r.text = append(append(append(r.text[:0], aroundID[0]...), content...), aroundID[1]...)
		if m, err := r.ids.Scan(r.text); err == nil {
			content = m.ClTRID.Value
		}
	}
	return appendBounded(dst, key, content, maxText)
}

// aroundID makes a document of the content of a clTRID.
var aroundID = [2]string{
	`<epp xmlns="` + frame.Namespace + `"><command><logout/><clTRID>`,
	`</clTRID></command></epp>`,
}

// objectOf is the last word of a namespace name without its version, such as domain; the whole name
// if it ends without a word. Borrowed from uri.
func objectOf(uri []byte) []byte {
	word := uri[bytes.LastIndexAny(uri, ":/#")+1:]
	if i := bytes.LastIndexByte(word, '-'); i > 0 && len(bytes.Trim(word[i+1:], "0123456789.")) == 0 {
		word = word[:i]
	}
	if len(word) == 0 {
		return uri
	}
	return word
}
