package sandbox

import (
	"cmp"
	"strconv"
	"time"
)

// answer is the part of a response that depends on the command. appendResponse adds the rest.
type answer struct {
	code    int
	msg     string        // replaces the text that RFC 5730 gives for the code; empty: keep it
	reason  string        // content of extValue's reason; empty: no extValue
	about   string        // XML: the element that reason is about; empty: undef
	resData string        // XML: children of resData
	ext     string        // XML: children of extension
	queue   *queueHead    // content of msgQ; nil: no msgQ
	ends    bool          // the connection is closed after the answer
	delay   time.Duration // before the answer is written, without Config.Latency
	fate    fate
}

// queueHead is the content of msgQ: how many messages wait for an account, and the first of them.
// Only the answer to poll req sets date and text.
type queueHead struct {
	count int
	id    string
	date  time.Time
	text  string
}

func done(resData string) answer { return answer{code: codeDone, resData: resData} }

func refuse(code int, reason string) answer { return answer{code: code, reason: reason} }

// ending reports whether a code ends the session. RFC 5730 section 3: a second digit of 5 stands
// for connection management.
func ending(code int) bool { return code/100%10 == 5 }

// xmlText is XML under construction. Its methods append.
type xmlText []byte

func (x *xmlText) raw(s string) { *x = append(*x, s...) }

// text appends s escaped. The result is good for content and for attribute values.
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

// el appends an element with text. name includes the prefix.
func (x *xmlText) el(name, text string) {
	x.raw("<")
	x.raw(name)
	x.raw(">")
	x.text(text)
	x.raw("</")
	x.raw(name)
	x.raw(">")
}

// elAttr appends an element with one attribute and with text, which may be empty.
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

// opt appends an element with text, and nothing if the text is empty.
func (x *xmlText) opt(name, text string) {
	if text != "" {
		x.el(name, text)
	}
}

// when appends an element with a dateTime, and nothing for the zero time.
func (x *xmlText) when(name string, t time.Time) {
	if !t.IsZero() {
		x.el(name, dateTime(t))
	}
}

// wrap returns an element that declares its own namespace. inner appends the content.
func wrap(prefix, ns, local string, inner func(*xmlText)) string {
	var x xmlText
	x.raw("<" + prefix + ":" + local + " xmlns:" + prefix + `="` + ns + `">`)
	inner(&x)
	x.raw("</" + prefix + ":" + local + ">")
	return string(x)
}

// dateTime formats t in the one form that the registry writes. RFC 5730 section 2: UTC, upper-case
// T and Z.
func dateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0Z") }

const (
	docHead = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + `<epp xmlns="` + nsEPP + `">`
	docTail = `</epp>`
)

// appendResponse appends the response of RFC 5730 section 2.6. An empty clTRID or svTRID is left
// out.
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

// trID appends the ids of a transaction. Both children are in the EPP namespace, within panData
// too: RFC 5731 takes trIDType from RFC 5730.
func (x *xmlText) trID(name, clTRID, svTRID string) {
	x.raw("<" + name + ">")
	x.opt("clTRID", clTRID)
	x.opt("svTRID", svTRID)
	x.raw("</" + name + ">")
}
