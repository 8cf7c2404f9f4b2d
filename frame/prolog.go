package frame

import "bytes"

// The octets that open and close all markup but tags.
var (
	declaration  = []byte("<?xml")
	commentStart = []byte("<!--")
	commentEnd   = []byte("--")
	cdataStart   = []byte("<![CDATA[")
	cdataEnd     = []byte("]]>")
	piEnd        = []byte("?>")
	docType      = []byte("<!DOCTYPE")
)

// usualDeclaration gives the length of the XML declaration of p if it has one of the forms that
// nearly all software writes, and 0 otherwise.
func usualDeclaration(p []byte) int {
	const front, alone = `<?xml version="1.0" encoding="UTF-8"`, ` standalone="no"`
	n := len(front)
	if len(p) < n+len(alone)+len(piEnd) || string(p[:n]) != front {
		return 0
	}
	if p[n] == ' ' && string(p[n:n+len(alone)]) == alone {
		n += len(alone)
	}
	if p[n] == '?' && p[n+1] == '>' {
		return n + len(piEnd)
	}
	return 0
}

// readDeclaration reads the XML declaration at i, if there is one, and gives the offset behind it,
// or -1. enc is the span of the encoding declaration with the white space before it, name the span
// of its value. Both are zero if no encoding is declared.
func (s *Scanner) readDeclaration(i int) (next int, enc, name Span) {
	p := s.p
	if !bytes.HasPrefix(p[i:], declaration) || i+5 == len(p) || class[p[i+5]]&isSpace == 0 {
		return i, enc, name
	}
	bad := func(at int) (int, Span, Span) { return s.fail(BadDeclaration, at), Span{}, Span{} }
	i += len(declaration)
	i, _, version := s.pseudo(i, "version")
	// Production 26 allows any 1.x. No version but 1.0 is in use, and many parsers refuse it.
	if string(p[version.Start:version.End]) != "1.0" {
		return bad(i)
	}
	i, enc, name = s.pseudo(i, "encoding")
	i, _, standalone := s.pseudo(i, "standalone")
	if v := string(p[standalone.Start:standalone.End]); standalone != (Span{}) && v != "yes" && v != "no" {
		return bad(i)
	}
	i = skipSpace(p, i)
	if !bytes.HasPrefix(p[i:], piEnd) {
		return bad(i)
	}
	return i + len(piEnd), enc, name
}

// pseudo reads the pseudo-attribute of that name at i, with the white space that must stand before
// it. next is the offset behind it, whole includes the white space, value is without quotes. If the
// pseudo-attribute is not there, next is i and both spans are zero.
func (s *Scanner) pseudo(i int, name string) (next int, whole, value Span) {
	p := s.p
	j := skipSpace(p, i)
	if j == i || j+len(name) > len(p) || string(p[j:j+len(name)]) != name {
		return i, whole, value
	}
	j = skipSpace(p, j+len(name))
	if j == len(p) || p[j] != '=' {
		return i, whole, value
	}
	j = skipSpace(p, j+1)
	if j == len(p) || p[j] != '"' && p[j] != '\'' {
		return i, whole, value
	}
	n := bytes.IndexByte(p[j+1:], p[j])
	if n < 0 {
		return i, whole, value
	}
	end := j + 1 + n
	return end + 1, Span{i, end + 1}, Span{j + 1, end}
}

// misc reads white space, comments and processing instructions outside the root (XML 1.0 production
// 27) and gives the offset of the tag behind them, or of the payload's end, or -1.
func (s *Scanner) misc(i int) int {
	p := s.p
	for {
		i = skipSpace(p, i)
		if i == len(p) {
			return i
		}
		if p[i] != '<' {
			return s.fail(TextOutsideRoot, i)
		}
		if i+1 == len(p) {
			return s.fail(EndsEarly, i)
		}
		switch p[i+1] {
		case '?':
			i = s.instruction(i)
		case '!':
			if bytes.HasPrefix(p[i:], cdataStart) {
				return s.fail(TextOutsideRoot, i)
			}
			i = s.comment(i)
		default:
			return i
		}
		if i < 0 {
			return -1
		}
	}
}

// comment reads the comment at i, where "<!" stands, and gives the offset behind it, or -1.
func (s *Scanner) comment(i int) int {
	p := s.p
	if !bytes.HasPrefix(p[i:], commentStart) {
		if bytes.HasPrefix(p[i:], docType) {
			return s.fail(DocType, i)
		}
		return s.fail(BadMarkup, i)
	}
	body := i + len(commentStart)
	n := bytes.Index(p[body:], commentEnd)
	end := body + n + len(commentEnd)
	// XML 1.0 section 2.5: "--" must not occur within comments, and a comment must not end in
	// "--->".
	if n < 0 || end == len(p) || p[end] != '>' {
		return s.fail(BadComment, i)
	}
	if !s.checkChars(body, end) {
		return -1
	}
	return end + 1
}

// instruction reads the processing instruction at i, where "<?" stands, and gives the offset behind
// it, or -1.
func (s *Scanner) instruction(i int) int {
	p := s.p
	target := i + 2
	local, end := s.qname(target)
	if end < 0 {
		return -1
	}
	if local != target {
		return s.fail(BadInstruction, i) // Namespaces in XML 1.0 section 7: no colon
	}
	if len(p[target:end]) == 3 && bytes.EqualFold(p[target:end], []byte("xml")) {
		return s.fail(LateDeclaration, i)
	}
	n := bytes.Index(p[end:], piEnd)
	if n < 0 || n > 0 && class[p[end]]&isSpace == 0 {
		return s.fail(BadInstruction, i)
	}
	if !s.checkChars(end, end+n) {
		return -1
	}
	return end + n + len(piEnd)
}
