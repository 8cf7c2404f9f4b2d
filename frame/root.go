package frame

import (
	"bytes"
	"strconv"
)

// Root is how messages of our own begin: the XML declaration and the start tag of epp, whose default
// namespace is that of EPP. The zero Root has the one of RFC 5730. Some registries have an EPP
// namespace of their own, and the ones that validate take no message in another. Immutable.
type Root struct {
	open string // empty: openEPP
}

// maxRoot bounds the namespace name of a Root, in octets: each of our messages holds it.
const maxRoot = 256

// RootOf returns a Root in the namespace, which is the registry's own text and gets escaped. It is
// the zero Root where the namespace is empty, or has more than 256 octets.
func RootOf(namespace string) Root {
	if namespace == "" || namespace == Namespace || len(namespace) > maxRoot {
		return Root{}
	}
	return Root{string(append(appendValue([]byte(xmlDecl+`<epp xmlns="`), namespace), `">`...))}
}

func (r Root) appendOpen(dst []byte) []byte {
	if r.open == "" {
		return append(dst, openEPP...)
	}
	return append(dst, r.open...)
}

// AppendHello appends the data unit of a hello.
func (r Root) AppendHello(dst []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte { return append(r.appendOpen(b), "<hello/>"+closeEPP...) })
}

// AppendLogout appends the data unit of a logout, without a clTRID element if clTRID is empty.
func (r Root) AppendLogout(dst, clTRID []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(r.appendOpen(b), "<command><logout/>"...)
		return append(appendClTRID(b, clTRID), "</command>"+closeEPP...)
	})
}

// AppendPoll appends the data unit of a poll with op=req, without a clTRID element if clTRID is
// empty.
func (r Root) AppendPoll(dst, clTRID []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(r.appendOpen(b), `<command><poll op="req"/>`...)
		return append(appendClTRID(b, clTRID), "</command>"+closeEPP...)
	})
}

// AppendResponse appends the data unit of a response without resData. The text is msg, followed by
// "; " and reason unless that is empty: RFC 5730 section 2.6 has extValue for reasons, but only
// together with an element of the command, and clients show the text alone. msg, reason and svTRID
// are escaped. rawClTRID is the content of the command's clTRID as it was written and goes in as it
// is; empty for none.
func (r Root) AppendResponse(dst []byte, code int, msg, reason string, rawClTRID []byte, svTRID []byte) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		b = append(r.appendOpen(b), `<response><result code="`...)
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

// Rewrite returns a payload of our own, which begins in the namespace of RFC 5730, as one in that of r.
func (r Root) Rewrite(payload []byte) []byte {
	if r.open == "" {
		return payload
	}
	const ours = `<epp xmlns="` + Namespace + `">`
	return bytes.Replace(payload, []byte(ours), []byte(r.open[len(xmlDecl):]), 1)
}

// appendValue appends text escaped as the value of an attribute between double quotes. A parser makes
// a blank of each tab and line feed that is not a reference.
func appendValue(dst []byte, text string) []byte {
	for _, r := range text {
		switch r {
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t', '\n':
			dst = append(strconv.AppendInt(append(dst, "&#"...), int64(r), 10), ';')
		default:
			dst = appendText(dst, string(r))
		}
	}
	return dst
}
