package frame

import (
	"strconv"
	"unicode/utf8"
)

// Namespace is the namespace name of EPP, RFC 5730 section 4.1.
const Namespace = "urn:ietf:params:xml:ns:epp-1.0"

const (
	openEPP  = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + `<epp xmlns="` + Namespace + `">`
	closeEPP = `</epp>`
)

// AppendHello appends the data unit of a hello.
func AppendHello(dst []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte { return append(b, openEPP+"<hello/>"+closeEPP...) })
}

// AppendLogout appends the data unit of a logout, without a clTRID element if clTRID is empty.
func AppendLogout[T string | []byte](dst []byte, clTRID T) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(b, openEPP+"<command><logout/>"...)
		return append(appendClTRID(b, clTRID), "</command>"+closeEPP...)
	})
}

// AppendPoll appends the data unit of a poll with op=req, without a clTRID element if clTRID is
// empty.
func AppendPoll[T string | []byte](dst []byte, clTRID T) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(b, openEPP+`<command><poll op="req"/>`...)
		return append(appendClTRID(b, clTRID), "</command>"+closeEPP...)
	})
}

// AppendResponse appends the data unit of a response without resData. The text is msg, followed by
// "; " and reason unless that is empty: RFC 5730 section 2.6 has extValue for reasons, but only
// together with an element of the command, and clients show the text alone. msg, reason and svTRID
// are escaped. rawClTRID is the content of the command's clTRID as it was written and goes in as it
// is; empty for none.
func AppendResponse(dst []byte, code int, msg, reason string, rawClTRID []byte, svTRID []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(b, openEPP+`<response><result code="`...)
		b = append(strconv.AppendInt(b, int64(code), 10), `"><msg>`...)
		b = appendText(b, msg)
		if reason != "" {
			b = appendText(append(b, "; "...), reason)
		}
		b = append(b, "</msg></result><trID>"...)
		if len(rawClTRID) > 0 {
			b = append(append(append(b, "<clTRID>"...), rawClTRID...), "</clTRID>"...)
		}
		b = appendElement(b, "svTRID", svTRID)
		return append(b, "</trID></response>"+closeEPP...)
	})
}

// appendClTRID appends a clTRID element, unless clTRID is empty.
func appendClTRID[T string | []byte](dst []byte, clTRID T) []byte {
	if len(clTRID) == 0 {
		return dst
	}
	return appendElement(dst, "clTRID", clTRID)
}

// appendElement appends an element that holds text. name is with its prefix; text gets escaped.
func appendElement[T string | []byte](dst []byte, name string, text T) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = appendText(dst, text)
	return append(append(append(dst, "</"...), name...), '>')
}

// appendText appends text escaped as character data. A character that XML cannot hold becomes
// U+FFFD. A carriage return becomes a reference, since a parser would make a line feed of it.
func appendText[T string | []byte](dst []byte, text T) []byte {
	for _, r := range string(text) {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case !isChar(r):
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
