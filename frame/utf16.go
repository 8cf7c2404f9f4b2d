package frame

import (
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
