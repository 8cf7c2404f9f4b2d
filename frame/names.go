package frame

import "unicode/utf8"

// Classes of octets below 128. Octets from 128 on are in no class: they belong to characters that
// are decoded first.
const (
	inName     uint8 = 1 << iota // NameChar but the colon, whose meaning is in Namespaces in XML
	startsName                   // NameStartChar without the colon
	isSpace                      // XML 1.0 production 3
)

var class = classTable()

func classTable() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] = inName | startsName
		t[c-'a'+'A'] = inName | startsName
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = inName
	}
	t['_'] = inName | startsName
	t['-'], t['.'] = inName, inName
	t[' '], t['\t'], t['\r'], t['\n'] = isSpace, isSpace, isSpace, isSpace
	return t
}

// qname reads the QName (Namespaces in XML 1.0 production 7) at i and gives the offsets of its
// local part and of its end. There is always an octet at end, which the caller must check: it may
// be a second colon. end is -1 if there is no QName.
func (s *Scanner) qname(i int) (local, end int) {
	local, end = i, s.ncname(i)
	if end >= 0 && s.p[end] == ':' {
		local = end + 1
		end = s.ncname(local)
	}
	return local, end
}

// ncname reads the NCName, a name without a colon (Namespaces in XML 1.0 production 4), at i. It
// gives the offset of its end, where there is always an octet, or -1.
func (s *Scanner) ncname(i int) int {
	p, end := s.p, i
	for end+8 <= len(p) {
		n := letters(load(p, end))
		end += n
		if n < 8 {
			break
		}
	}
	for end < len(p) && class[p[end]]&inName != 0 {
		end++
	}
	if end == len(p) || p[end] >= utf8.RuneSelf || class[p[i]]&startsName == 0 {
		return s.anyName(i, end)
	}
	return end
}

// anyName does the work of ncname for names that are not all ASCII and for anything that is no
// name. The octets from i to end are known to be name characters.
func (s *Scanner) anyName(i, end int) int {
	p := s.p
	for end < len(p) && (p[end] >= utf8.RuneSelf || class[p[end]]&inName != 0) {
		r, n := utf8.DecodeRune(p[end:])
		if r >= utf8.RuneSelf && !nameRune(r) || n == 1 && r == utf8.RuneError {
			return s.fail(BadName, end)
		}
		end += n
	}
	if end == len(p) {
		return s.fail(EndsEarly, end)
	}
	if !startsNCName(p[i:end]) {
		return s.fail(BadName, i)
	}
	return end
}

// startsNCName reports whether b, which holds name characters only, begins as a name must.
func startsNCName(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if b[0] < utf8.RuneSelf {
		return class[b[0]]&startsName != 0
	}
	r, _ := utf8.DecodeRune(b)
	return within(r, nameStart)
}

// nameRune reports whether r, from U+0080 on, is a NameChar (XML 1.0 production 4a).
func nameRune(r rune) bool { return within(r, nameStart) || within(r, nameMore) }

// runeRange is a range of characters, both ends included.
type runeRange struct{ lo, hi rune }

// XML 1.0 (fifth edition) productions 4 and 4a without their ASCII part, ascending.
var (
	nameStart = []runeRange{
		{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D},
		{0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
	}
	nameMore = []runeRange{{0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}}
)

// within reports whether r is in one of the ranges, which must be ascending.
func within(r rune, ranges []runeRange) bool {
	for _, g := range ranges {
		if r < g.lo {
			return false
		}
		if r <= g.hi {
			return true
		}
	}
	return false
}
