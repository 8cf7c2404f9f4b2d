package frame

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Byte order marks. RFC 5730 section 2: EPP is UTF-8 or UTF-16. RFC 2781 and XML 1.0 section 4.3.3
// want UTF-16 to begin with one.
var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16BE = []byte{0xFE, 0xFF}
	bomUTF16LE = []byte{0xFF, 0xFE}
)

// transcript sets s.p to the UTF-8 transcript of a UTF-16 payload, without the byte order mark. The
// transcript lives in s.utf8, which is kept for the next Scan. It is false after a fail.
func (s *Scanner) transcript(payload []byte, order binary.ByteOrder) bool {
	out := s.utf8[:0]
	for i := 2; i < len(payload); i += 2 {
		if i+1 == len(payload) {
			s.fail(BadUTF16, i)
			return false
		}
		r := rune(order.Uint16(payload[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(payload) {
				low = rune(order.Uint16(payload[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				s.fail(BadUTF16, i)
				return false
			}
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	s.utf8, s.p = out, out
	return true
}

// decode finds out the encoding, sets s.p to the payload in UTF-8, and gives the offset behind the
// XML declaration, or -1. It leaves no doubt: a declared encoding that is not the one used is a
// fault.
func (s *Scanner) decode(payload []byte) int {
	s.p = payload
	if n := usualDeclaration(payload); n > 0 {
		return n
	}
	want, at := "utf-8", 0
	switch {
	case bytes.HasPrefix(payload, bomUTF8):
		at = len(bomUTF8)
	case bytes.HasPrefix(payload, bomUTF16BE):
		want = "utf-16"
		if !s.transcript(payload, binary.BigEndian) {
			return -1
		}
	case bytes.HasPrefix(payload, bomUTF16LE):
		want = "utf-16"
		if !s.transcript(payload, binary.LittleEndian) {
			return -1
		}
	}
	next, enc, name := s.readDeclaration(at)
	if next < 0 || enc == (Span{}) {
		return next
	}
	if !bytes.EqualFold(s.p[name.Start:name.End], []byte(want)) {
		return s.fail(BadEncoding, name.Start)
	}
	if want == "utf-16" {
		// A transcript that declares UTF-16 would be wrong about itself. One that declares no
		// encoding is UTF-8.
		s.p = append(s.p[:enc.Start], s.p[enc.End:]...)
		next -= enc.Len()
	}
	return next
}
