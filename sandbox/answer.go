package sandbox

import (
	"cmp"
	"strconv"
	"time"
)

// answer is what a command is answered with, before the parts that every response has.
type answer struct {
	code    int
	msg     string // text of the code, if it is not that of RFC 5730
	reason  string // why not, in words; empty if the code says it all
	about   string // XML: the element the reason is about
	resData string // XML: its children
	ext     string // XML: children of extension
	queue   *queueHead
	ends    bool // the connection is closed after the answer
	delay   time.Duration
	fate    fate
}

// queueHead is what msgQ tells about an account's messages. date and text are set in the answer to
// poll req only.
type queueHead struct {
	count int
	id    string
	date  time.Time
	text  string
}

func done(resData string) answer { return answer{code: codeDone, resData: resData} }

func refuse(code int, reason string) answer { return answer{code: code, reason: reason} }

// ending is the rule of RFC 5730 section 3: a code whose second digit is 5 ends the session.
func ending(code int) bool { return code/100%10 == 5 }

// xmlText is XML under construction.
type xmlText []byte

func (x *xmlText) raw(s string) { *x = append(*x, s...) }

// text appends s escaped, for content and attribute values alike.
func (x *xmlText) text(s string) {
	b := *x
	last := 0
	for i := 0; i < len(s); i++ {
		var esc string
		switch s[i] {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '"':
			esc = "&quot;"
		case '\r':
			esc = "&#13;"
		default:
			continue
		}
		b = append(b, s[last:i]...)
		b = append(b, esc...)
		last = i + 1
	}
	*x = append(b, s[last:]...)
}

// el appends an element with text. name is as written, with prefix.
func (x *xmlText) el(name, text string) {
	x.raw("<")
	x.raw(name)
	x.raw(">")
	x.text(text)
	x.raw("</")
	x.raw(name)
	x.raw(">")
}

// elAttr is el with one attribute.
func (x *xmlText) elAttr(name, attr, value, text string) {
	x.raw("<")
	x.raw(name)
	x.raw(" ")
	x.raw(attr)
	x.raw(`="`)
	x.text(value)
	if text == "" {
		x.raw(`"/>`)
		return
	}
	x.raw(`">`)
	x.text(text)
	x.raw("</")
	x.raw(name)
	x.raw(">")
}

// opt is el unless the text is empty.
func (x *xmlText) opt(name, text string) {
	if text != "" {
		x.el(name, text)
	}
}

// when is el with a dateTime, left out for the zero time.
func (x *xmlText) when(name string, t time.Time) {
	if !t.IsZero() {
		x.el(name, dateTime(t))
	}
}

// wrap puts an element with its namespace declaration around what inner appends.
func wrap(prefix, ns, local string, inner func(*xmlText)) string {
	var x xmlText
	x.raw("<" + prefix + ":" + local + " xmlns:" + prefix + `="` + ns + `">`)
	inner(&x)
	x.raw("</" + prefix + ":" + local + ">")
	return string(x)
}

// dateTime is the only form of time the registry writes. RFC 5730 section 2: upper-case T and Z,
// UTC.
func dateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0Z") }

const (
	docHead = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + `<epp xmlns="` + nsEPP + `">`
	docTail = `</epp>`
)

// appendResponse appends the response of RFC 5730 section 2.6. clTRID and svTRID are left out when
// empty.
func appendResponse(b []byte, a answer, clTRID, svTRID string) []byte {
	x := xmlText(b)
	x.raw(docHead)
	x.raw(`<response><result code="`)
	x = strconv.AppendInt(x, int64(a.code), 10)
	x.raw(`">`)
	x.el("msg", cmp.Or(a.msg, codeText(a.code)))
	if a.reason != "" {
		about := a.about
		if about == "" {
			about = "<undef/>"
		}
		x.raw("<extValue><value>" + about + "</value>")
		x.el("reason", a.reason)
		x.raw("</extValue>")
	}
	x.raw("</result>")
	x.msgQ(a.queue)
	if a.resData != "" {
		x.raw("<resData>" + a.resData + "</resData>")
	}
	if a.ext != "" {
		x.raw("<extension>" + a.ext + "</extension>")
	}
	x.trID("trID", clTRID, svTRID)
	x.raw("</response>" + docTail)
	return x
}

func (x *xmlText) msgQ(q *queueHead) {
	if q == nil {
		return
	}
	x.raw(`<msgQ count="`)
	*x = strconv.AppendInt(*x, int64(q.count), 10)
	x.raw(`" id="`)
	x.text(q.id)
	if q.text == "" {
		x.raw(`"/>`)
		return
	}
	x.raw(`">`)
	x.when("qDate", q.date)
	x.el("msg", q.text)
	x.raw("</msgQ>")
}

// trID appends the ids of a transaction. Both children are in the EPP namespace, also within
// panData.
func (x *xmlText) trID(name, clTRID, svTRID string) {
	x.raw("<" + name + ">")
	x.opt("clTRID", clTRID)
	x.opt("svTRID", svTRID)
	x.raw("</" + name + ">")
}
