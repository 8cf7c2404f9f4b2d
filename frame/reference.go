package frame

import (
	"bytes"
	"unicode/utf8"
)

// reference reads the reference at i of p, where a "&" stands. r is the character that it stands
// for, next the offset behind its ";". Since a document with a DOCTYPE is refused, only character
// references and the five predefined entities exist; next is -1 for anything else.
func reference(p []byte, i int) (r rune, next int) {
	if i+2 < len(p) && p[i+1] == '#' {
		return charReference(p, i+2)
	}
	// Eight octets hold the longest name, quot or apos, and its ";".
	rest := p[i+1 : min(i+9, len(p))]
	n := bytes.IndexByte(rest, ';')
	if n < 0 {
		return 0, -1
	}
	switch string(rest[:n]) {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		return 0, -1
	}
	return r, i + n + 2
}

// charReference reads the digits of a character reference from i on, behind "&#" (XML 1.0
// production 66).
func charReference(p []byte, i int) (r rune, next int) {
	base := rune(10)
	if p[i] == 'x' {
		base = 16
		i++
	}
	start := i
	for ; i < len(p) && p[i] != ';'; i++ {
		d := digit(p[i])
		if d >= base {
			return 0, -1
		}
		// The value stops growing at one that is no character, so no number of digits overflows.
		r = min(r*base+d, utf8.MaxRune+1)
	}
	if i == start || i == len(p) || !isChar(r) {
		return 0, -1
	}
	return r, i + 1
}

// digit is the value of a hexadecimal digit, 16 for any other octet.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}

// attributeValue gives the value of a as a parser gives it. It is part of the payload if it is
// plain, and of s.text otherwise; valid until the next Scan either way.
func (s *Scanner) attributeValue(a *attribute) []byte {
	raw := s.p[a.value.Start:a.value.End]
	if a.plain {
		return raw
	}
	start := len(s.text)
	s.text = appendAttribute(s.text, raw)
	return s.text[start:len(s.text):len(s.text)]
}

// appendAttribute appends the attribute value raw as a parser gives it: references resolved, each
// white space character made a space (XML 1.0 sections 2.11 and 3.3.3). It ends early at a
// reference that is none; Scan accepts no such value.
func appendAttribute(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '&':
			var r rune
			if r, i = reference(raw, i); i < 0 {
				return dst
			}
			dst = utf8.AppendRune(dst, r)
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
			i++ // both together are one line end, and the "\n" follows
		case class[c]&isSpace != 0:
			dst = append(dst, ' ')
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
