package frame

import "unicode/utf8"

// Namespace is the namespace name of EPP, RFC 5730 section 4.1.
const Namespace = "urn:ietf:params:xml:ns:epp-1.0"

const (
	xmlDecl  = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n"
	openEPP  = xmlDecl + `<epp xmlns="` + Namespace + `">`
	closeEPP = `</epp>`
)

// AppendHello is Root.AppendHello in the namespace of RFC 5730.
func AppendHello(dst []byte) []byte { return Root{}.AppendHello(dst) }

// AppendResponse is Root.AppendResponse in the namespace of RFC 5730.
func AppendResponse(dst []byte, code int, msg, reason string, rawClTRID []byte, svTRID []byte) []byte {
	return Root{}.AppendResponse(dst, code, msg, reason, rawClTRID, svTRID)
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
