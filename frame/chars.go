package frame

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Masks for eight octets at a time: lows has a 1 in each of them, highs the top bit.
const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load gives the eight octets of p at i as a number, the first one lowest. p must have eight octets
// from i on.
func load(p []byte, i int) uint64 { return binary.LittleEndian.Uint64(p[i:]) }

// first gives the place (0 to 7) of the first octet whose top bit is set in mask; 8 if there is
// none.
func first(mask uint64) int { return bits.TrailingZeros64(mask) >> 3 }

// zeros sets the top bit of each octet of x that is 0. Behind an octet from 0x80 on, its bits may
// be wrong.
func zeros(x uint64) uint64 { return ^(x + 0x7F*lows) & highs }

// odd sets the top bit of each octet of x that is below 0x20, from 0x80 on, "<", "&" or the octet
// that stop consists of. Behind the first such octet its bits may be wrong.
func odd(x, stop uint64) uint64 {
	control := ^((x | highs) - 0x20*lows)
	return (x|control)&highs | zeros(x^'<'*lows) | zeros(x^'&'*lows) | zeros(x^stop)
}

// either joins the results of first for two neighbouring words: a, unless a is 8 (nothing found in
// the first word), and then 8+b. Names, texts and indentations are short and of all lengths, so a
// branch here would be mispredicted about every second time.
func either(a, b int) int { return a + b&-(a>>3) }

// skipPlain gives the offset of the first octet of p from i on that odd would mark; the end of p if
// there is none.
func skipPlain(p []byte, i int, stop byte) int {
	for stops := uint64(stop) * lows; i+8 <= len(p); i += 8 {
		if mask := odd(load(p, i), stops); mask != 0 {
			return i + first(mask)
		}
	}
	for i < len(p) && p[i] >= ' ' && p[i] < utf8.RuneSelf && p[i] != '<' && p[i] != '&' && p[i] != stop {
		i++
	}
	return i
}

// letters gives how many octets at the front of x are ASCII letters.
func letters(x uint64) int {
	lower := x | 0x20*lows
	atLeastA := lower + (0x80-'a')*lows
	aboveZ := lower + (0x7F-'z')*lows
	return first((^atLeastA | aboveZ | x) & highs)
}

// skipSpace gives the offset of the first octet of p from i on that is not white space; the end of
// p if there is none.
func skipSpace(p []byte, i int) int {
	for i < len(p) && class[p[i]]&isSpace != 0 {
		i++
	}
	return i
}

// skipIndent does the same as skipSpace, and is faster for the usual indentation: a line end, which
// must stand at i, and up to 16 spaces.
func skipIndent(p []byte, i int) int {
	if i++; i+16 < len(p) {
		i += either(first(load(p, i)^' '*lows), first(load(p, i+8)^' '*lows))
		if p[i] == '<' {
			return i
		}
	}
	return skipSpace(p, i)
}

// same reports whether the n octets of p at a equal those at b. b must be less than a.
func same(p []byte, a, b, n int) bool {
	if n > 16 || a+16 > len(p) {
		return string(p[a:a+n]) == string(p[b:b+n])
	}
	head := (load(p, a) ^ load(p, b)) << max(0, 64-8*n)
	tail := (load(p, a+8) ^ load(p, b+8)) << max(0, 128-8*n) // a shift by 64 or more leaves 0
	return head|tail == 0
}

// char checks the character at i against strict UTF-8 and XML 1.0 production 2 (Char) and gives the
// offset behind it, or -1. It is for the characters at which skipPlain stops.
func (s *Scanner) char(i int) int {
	c := s.p[i]
	if c < utf8.RuneSelf {
		if c < ' ' && class[c]&isSpace == 0 {
			return s.fail(BadCharacter, i)
		}
		return i + 1
	}
	r, n := utf8.DecodeRune(s.p[i:])
	if r == utf8.RuneError && n == 1 {
		return s.fail(BadUTF8, i)
	}
	if r == 0xFFFE || r == 0xFFFF {
		return s.fail(BadCharacter, i)
	}
	return i + n
}

// checkChars checks the characters between i and end, in a place where markup has no meaning. end
// must not lie inside a character.
func (s *Scanner) checkChars(i, end int) bool {
	for i >= 0 {
		if i = skipPlain(s.p[:end], i, '<'); i == end {
			return true
		}
		i = s.char(i)
	}
	return false
}

// isChar reports whether r is a Char of XML 1.0 production 2.
func isChar(r rune) bool {
	if r < ' ' {
		return r == '\t' || r == '\n' || r == '\r'
	}
	return r < 0xD800 || r > 0xDFFF && r < 0xFFFE || r > 0xFFFF && r <= utf8.MaxRune
}
