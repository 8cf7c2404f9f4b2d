package frame

import "bytes"

// readText reads character data at i and gives the offset of the "<" behind it, or -1.
func (s *Scanner) readText(i int) int {
	p, start := s.p, i
	if p[i] == '\n' {
		if i = skipIndent(p, i); i < len(p) && p[i] == '<' {
			return i
		}
	}
	for {
		if i = skipPlain(p, i, ']'); i == len(p) {
			return s.fail(EndsEarly, i)
		}
		switch p[i] {
		case '<':
			if s.depth <= 2 && skipSpace(p, start) < i {
				s.strayText(start)
			}
			return i
		case '&':
			_, next := reference(p, i)
			if next < 0 {
				return s.fail(BadReference, i)
			}
			i = next
		case ']':
			// XML 1.0 section 2.4: "]]>" must not appear in content.
			if bytes.HasPrefix(p[i:], cdataEnd) {
				return s.fail(BadText, i)
			}
			i++
		default:
			if i = s.char(i); i < 0 {
				return -1
			}
		}
	}
}

// readValue reads an attribute value at i, where its first quote stands. end is the offset of the
// second quote, or -1. plain reports whether a parser gives the value octet for octet as written.
func (s *Scanner) readValue(i int) (end int, plain bool) {
	p, quote := s.p, s.p[i]
	plain = true
	for i++; ; {
		if i = skipPlain(p, i, quote); i == len(p) {
			return s.fail(EndsEarly, i), false
		}
		switch c := p[i]; {
		case c == quote:
			return i, plain
		case c == '<':
			return s.fail(LessThanInValue, i), false
		case c == '&':
			_, next := reference(p, i)
			if next < 0 {
				return s.fail(BadReference, i), false
			}
			i, plain = next, false
		default:
			plain = plain && c >= ' '
			if i = s.char(i); i < 0 {
				return -1, false
			}
		}
	}
}

// cdata reads the CDATA section at i and gives the offset behind it, or -1.
func (s *Scanner) cdata(i int) int {
	body := i + len(cdataStart)
	n := bytes.Index(s.p[body:], cdataEnd)
	if n < 0 {
		return s.fail(EndsEarly, i)
	}
	end := body + n
	if !s.checkChars(body, end) {
		return -1
	}
	if skipSpace(s.p, body) < end {
		s.strayText(body)
	}
	return end + len(cdataEnd)
}

// strayText refuses the text at i, which is not all white space, if the innermost open element is
// one that may hold elements only: epp or command.
func (s *Scanner) strayText(i int) {
	if r := s.stack[s.depth-1].role; r == roleRoot || r == roleCommand {
		s.refuse(StrayText, i)
	}
}
