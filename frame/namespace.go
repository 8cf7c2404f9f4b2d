package frame

import "bytes"

// Namespaces with a fixed meaning, Namespaces in XML 1.0 section 3.
var (
	xmlURI   = []byte("http://www.w3.org/XML/1998/namespace")
	xmlnsURI = []byte("http://www.w3.org/2000/xmlns/")
)

// Namespace numbers of attributes that are in no namespace, or are declarations. Any other
// namespace has the id of its binding.
const (
	nsNone  = -1
	nsXMLNS = -2
)

// binding is one namespace declaration in scope.
type binding struct {
	prefix []byte // empty for the default namespace
	uri    []byte // namespace name, references resolved; empty: no namespace
	// id is the number of the outermost binding in scope with this uri. That binding lives at least
	// as long as this one, so two names are in the same namespace if and only if their ids are
	// equal.
	id int
}

// builtinBindings is the number of bindings that are always there: binding 0 says that there is no
// default namespace, binding 1 is the prefix xml.
const builtinBindings = 2

var xmlPrefix = []byte("xml")

// nameKey is a number for the name between i and end of p. Different names of up to 8 octets, none
// of them NUL, have different numbers; longer ones nearly always.
func nameKey(p []byte, i, end int) uint64 {
	n := end - i
	if i+8 > len(p) {
		var k uint64
		for at, c := range p[i:end] {
			k |= uint64(c) << (8 * at)
		}
		return k
	}
	k := load(p, i)
	if n <= 8 {
		return k & (1<<(8*n) - 1)
	}
	return k*31 ^ load(p, end-8) ^ uint64(n)<<56
}

// lookup gives the id of the namespace that the prefix between i and end of the payload stands for,
// or of the default namespace for an empty prefix. It is -1, with the fault set, if the prefix is
// not declared.
func (s *Scanner) lookup(i, end int) int {
	key, prefix := nameKey(s.p, i, end), s.p[i:end]
	for k := s.bindings - 1; k >= 0; k-- {
		if s.bindingKey[k] != key {
			continue
		}
		b := &s.binding[k]
		if len(b.prefix) == len(prefix) && (len(prefix) <= 8 || bytes.Equal(b.prefix, prefix)) {
			return b.id
		}
	}
	return s.fail(UnboundPrefix, i)
}

// declare adds the declaration that the attribute a makes. a is xmlns or has the prefix xmlns.
func (s *Scanner) declare(a *attribute) bool {
	start := a.end
	if a.ns == nsXMLNS {
		start = a.local
	}
	prefix := s.p[start:a.end]
	uri := s.attributeValue(a)
	if !mayBind(prefix, uri) {
		s.fail(BadNamespace, a.start)
		return false
	}
	if s.bindings == len(s.binding) {
		s.fail(TooManyNamespaces, a.start)
		return false
	}
	b := &s.binding[s.bindings]
	b.prefix, b.uri, b.id = prefix, uri, s.bindings
	s.bindingKey[s.bindings] = nameKey(s.p, start, a.end)
	for k := range s.binding[:s.bindings] {
		if bytes.Equal(s.binding[k].uri, uri) {
			b.id = k
			break
		}
	}
	s.bindings++
	return true
}

// mayBind reports whether Namespaces in XML 1.0 sections 3 and 5 allow a declaration: the prefix
// xml stands for its own namespace and no other prefix does, xmlns cannot be declared, and a
// declaration cannot be taken back for a prefix.
func mayBind(prefix, uri []byte) bool {
	isXML := string(prefix) == "xml"
	switch {
	case string(prefix) == "xmlns", bytes.Equal(uri, xmlnsURI):
		return false
	case isXML || bytes.Equal(uri, xmlURI):
		return isXML && bytes.Equal(uri, xmlURI)
	}
	return len(uri) > 0 || len(prefix) == 0
}
