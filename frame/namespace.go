package frame

import (
	"bytes"
	"encoding/binary"
)

// Namespaces with a fixed meaning, Namespaces in XML 1.0 section 3.
var (
	xmlURI   = []byte("http://www.w3.org/XML/1998/namespace")
	xmlnsURI = []byte("http://www.w3.org/2000/xmlns/")
)

// Namespace numbers of attributes that are in none, or are declarations; others are numbers of bindings.
const (
	nsNone  = -1
	nsXMLNS = -2
)

// binding is one namespace declaration in scope.
type binding struct {
	key    uint64 // nameKey of the prefix; of no prefix, for the default namespace
	prefix []byte
	uri    []byte // namespace name, references resolved; empty: no namespace
	// id is the number of the outermost binding in scope with this uri. It lives at least as long as this one, so two
	// names are in the same namespace when their ids are equal.
	id int
}

// Binding 0 says that there is no default namespace, binding 1 is the prefix xml. Both are always there.
const builtinBindings = 2

var builtin = [builtinBindings]binding{
	{},
	{key: 'x' | 'm'<<8 | 'l'<<16, prefix: []byte("xml"), uri: xmlURI, id: 1},
}

// nameKey is a number that is different for different names of up to 8 octets, none of them NUL, and nearly always for
// longer ones.
func nameKey(b []byte) uint64 {
	if len(b) < 8 {
		var k uint64
		for i, c := range b {
			k |= uint64(c) << (8 * i)
		}
		return k
	}
	k := binary.LittleEndian.Uint64(b)
	if len(b) == 8 {
		return k
	}
	return k*31 ^ binary.LittleEndian.Uint64(b[len(b)-8:]) ^ uint64(len(b))<<56
}

// lookup gives the id of the namespace that prefix stands for, or -1 with the fault set at offset at.
func (s *Scanner) lookup(prefix []byte, at int) int {
	b := s.find(prefix)
	if b == nil {
		return s.fail(UnboundPrefix, at)
	}
	return b.id
}

// find gives the innermost binding of a prefix, nil when there is none.
func (s *Scanner) find(prefix []byte) *binding {
	key := nameKey(prefix)
	for k := s.bindings - 1; k >= 0; k-- {
		b := &s.binding[k]
		if b.key == key && len(b.prefix) == len(prefix) && (len(prefix) <= 8 || bytes.Equal(b.prefix, prefix)) {
			return b
		}
	}
	return nil
}

// declare adds the declaration that a makes; a is xmlns or has the prefix xmlns.
func (s *Scanner) declare(a *attribute) bool {
	var prefix []byte
	if a.ns == nsXMLNS {
		prefix = s.p[a.local:a.end]
	}
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
	*b = binding{key: nameKey(prefix), prefix: prefix, uri: uri, id: s.bindings}
	for k := range s.binding[:s.bindings] {
		if bytes.Equal(s.binding[k].uri, uri) {
			b.id = k
			break
		}
	}
	s.bindings++
	return true
}

// mayBind holds a declaration against the constraints of Namespaces in XML 1.0 sections 3 and 5: xml stands for its
// own namespace and nothing else does, xmlns cannot be declared, and a prefix cannot be undeclared.
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
