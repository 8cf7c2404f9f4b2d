package frame

import "bytes"

// attribute is one attribute of the tag being read.
type attribute struct {
	start, local, end int    // of its QName
	value             Span   // between the quotes, as written
	plain             bool   // the value as a parser gives it is the value as written
	ns                int    // id of its binding, nsNone or nsXMLNS
	key               uint64 // nameKey of its local name; set by checkAttributes
}

// declares reports whether a is a namespace declaration.
func (s *Scanner) declares(a *attribute) bool {
	return a.ns == nsXMLNS || a.ns == nsNone && string(s.p[a.start:a.end]) == "xmlns"
}

// readAttributes reads the attributes behind the name of a start tag, from i on, and gives the
// offset of the tag's ">" or "/>".
func (s *Scanner) readAttributes(i int) int {
	p := s.p
	for {
		next := skipSpace(p, i)
		if next == len(p) {
			return s.fail(EndsEarly, next)
		}
		if p[next] == '>' || p[next] == '/' {
			i = next
			break
		}
		if next == i {
			return s.fail(BadTag, i)
		}
		if i = s.readAttribute(next); i < 0 {
			return -1
		}
	}
	if s.attributes > 0 && !s.checkAttributes() {
		return -1
	}
	return i
}

// readAttribute reads one attribute at i and gives the offset behind its value.
func (s *Scanner) readAttribute(i int) int {
	p := s.p
	if s.attributes == len(s.attribute) {
		return s.fail(TooManyAttributes, i)
	}
	local, end := s.qname(i)
	if end < 0 {
		return -1
	}
	if end-i > MaxName {
		return s.fail(NameTooLong, i)
	}
	open := end
	if p[open] != '=' {
		if open = skipSpace(p, end); open == len(p) || p[open] != '=' {
			return s.fail(BadAttribute, i)
		}
	}
	open = skipSpace(p, open+1)
	if open == len(p) || p[open] != '"' && p[open] != '\'' {
		return s.fail(BadAttribute, i)
	}
	a := &s.attribute[s.attributes]
	s.attributes++
	a.start, a.local, a.end, a.ns = i, local, end, nsNone
	a.value.Start = open + 1
	if a.value.End, a.plain = s.readValue(open); a.value.End < 0 {
		return -1
	}
	if local-i == len("xmlns:") && string(p[i:local]) == "xmlns:" {
		a.ns = nsXMLNS
	}
	if s.declares(a) && !s.declare(a) {
		return -1
	}
	return a.value.End + 1
}

// checkAttributes resolves the prefixes of a tag's attributes and finds duplicates. It must be
// called after all declarations of the tag have been read, since they may stand behind their use.
func (s *Scanner) checkAttributes() bool {
	p := s.p
	all := s.attribute[:s.attributes]
	for i := range all {
		a := &all[i]
		if len(all) > 1 {
			a.key = nameKey(p, a.local, a.end)
		}
		if a.local > a.start && a.ns == nsNone {
			if a.ns = s.lookup(a.start, a.local-1); a.ns < 0 {
				return false
			}
		}
		for j := range all[:i] {
			b := &all[j]
			// Namespaces in XML 1.0 section 6.3: two prefixes of one namespace make no difference.
			if a.key == b.key && a.ns == b.ns && bytes.Equal(p[a.local:a.end], p[b.local:b.end]) {
				s.fail(DuplicateAttribute, a.start)
				return false
			}
		}
	}
	return true
}

// unprefixed gives the value of the attribute of that name that has no prefix, as a parser gives
// it.
func (s *Scanner) unprefixed(name string) (value []byte, found bool) {
	for i := range s.attribute[:s.attributes] {
		a := &s.attribute[i]
		if a.ns == nsNone && string(s.p[a.start:a.end]) == name {
			return s.attributeValue(a), true
		}
	}
	return nil, false
}
