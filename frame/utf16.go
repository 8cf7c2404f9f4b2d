package frame

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Byte order marks. RFC 5730 section 2: EPP is UTF-8 or UTF-16; RFC 2781 and XML 1.0 section 4.3.3
// want the latter marked.
var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16BE = []byte{0xFE, 0xFF}
	bomUTF16LE = []byte{0xFF, 0xFE}
)

// transcript sets s.p to the UTF-8 transcript of a UTF-16 payload without its mark. It lives in
// s.utf8, which is kept.
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

// decode sets s.p to UTF-8, past any doubt about the encoding, and gives the offset of what follows
// the XML declaration, or -1.
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
		// As UTF-8 the transcript would be wrong about itself; without a declared encoding it is
		// right.
		s.p = append(s.p[:enc.Start], s.p[enc.End:]...)
		next -= enc.Len()
	}
	return next
}
