package mapping

import (
	"bytes"
	"strings"

	"eppmux/frame"
)

// namespace is one of those that the package reads; two names are the same only in the same namespace.
type namespace uint8

const (
	nsOther namespace = iota // any that the package does not know
	nsRoot                   // that of the root: EPP's, or what a registry has in its place
	inDomain
	inHost
	inContact
	inSecDNS
	inRGP
	inFee
	inTTL
)

// namespaceOf is the namespace of that name; nsOther for those of others.
func namespaceOf(uri []byte) namespace {
	switch string(uri) {
	case nsDomain:
		return inDomain
	case nsHost:
		return inHost
	case nsContact:
		return inContact
	case nsSecDNS:
		return inSecDNS
	case nsRGP:
		return inRGP
	case nsFee:
		return inFee
	case nsTTL:
		return inTTL
	}
	return nsOther
}

// node is an element. Its offsets are those of the payload; the indices those of tree.nodes, 0 for none,
// since the root is nobody's child or sibling.
type node struct {
	start, tagEnd, end int32 // of its start tag; end is that of its content
	name, nameEnd      int32 // its local name
	child, next        int32 // the first child, and the next sibling
	ns                 namespace
}

// tree is the elements of a payload that frame.Scanner has accepted. It is borrowed from the payload.
type tree struct {
	p     []byte
	nodes []node
	open  []int32 // the elements around the place that is read
	last  []int32 // the last child so far of each of them; 0: none
	scope []binding
	uri   []byte // of the root's namespace
	text  []byte // scratch
}

// binding is a namespace declaration in scope.
type binding struct {
	prefix []byte
	ns     namespace
	depth  int // elements that were open before
}

// grow reads the payload into the tree. It is false where there is no root.
func (t *tree) grow(payload []byte) bool {
	t.p, t.nodes, t.open, t.last, t.scope = payload, t.nodes[:0], t.open[:0], t.last[:0], t.scope[:0]
	w := frame.NewWalker(payload)
	for at := 0; ; at += len(w.Raw) { // tokens follow each other without a gap
		switch w.Next() {
		case frame.TokenNone:
			return len(t.nodes) > 0
		case frame.TokenStart:
			i := t.add(&w, at)
			t.open, t.last = append(t.open, i), append(t.last, 0)
		case frame.TokenEmpty:
			i := t.add(&w, at)
			t.nodes[i].end = t.nodes[i].tagEnd
			t.leave()
		case frame.TokenEnd:
			if len(t.open) == 0 {
				return false
			}
			top := len(t.open) - 1
			t.nodes[t.open[top]].end = int32(at)
			t.open, t.last = t.open[:top], t.last[:top]
			t.leave()
		}
	}
}

// leave ends the declarations of the element that has ended.
func (t *tree) leave() {
	n := len(t.scope)
	for n > 0 && t.scope[n-1].depth >= len(t.open) {
		n--
	}
	t.scope = t.scope[:n]
}

var xmlns = []byte("xmlns")

// add appends the element whose tag w is at, and hangs it into the tree.
func (t *tree) add(w *frame.Walker, at int) int32 {
	if bytes.Contains(w.Raw, xmlns) {
		t.declare(*w)
	}
	local := frame.Local(w.Name)
	prefix := w.Name[:max(0, len(w.Name)-len(local)-1)]
	name := int32(at + 1 + len(w.Name) - len(local))
	i := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{
		start: int32(at), tagEnd: int32(at + len(w.Raw)), name: name, nameEnd: name + int32(len(local)),
		ns: t.lookup(prefix),
	})
	if i == 0 {
		t.nodes[0].ns = nsRoot
	}
	if top := len(t.open) - 1; top >= 0 {
		if before := t.last[top]; before != 0 {
			t.nodes[before].next = i
		} else {
			t.nodes[t.open[top]].child = i
		}
		t.last[top] = i
	}
	return i
}

// declare takes the namespace declarations of a tag. w is a copy.
func (t *tree) declare(w frame.Walker) {
	root := len(t.nodes) == 0
	prefix := w.Name[:max(0, len(w.Name)-len(frame.Local(w.Name))-1)]
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if !bytes.HasPrefix(name, xmlns) || len(name) > len(xmlns) && name[len(xmlns)] != ':' {
			continue
		}
		b := binding{prefix: name[min(len(xmlns)+1, len(name)):], depth: len(t.open)}
		t.text = frame.AppendAttribute(t.text[:0], value)
		if root && bytes.Equal(b.prefix, prefix) {
			t.uri = append(t.uri[:0], t.text...)
		}
		b.ns = namespaceOf(t.text)
		if b.ns == nsOther && (bytes.Equal(t.text, t.uri) || string(t.text) == frame.Namespace) {
			b.ns = nsRoot
		}
		t.scope = append(t.scope, b)
	}
	if root {
		for i := range t.scope { // the root's own may have come last
			if bytes.Equal(t.scope[i].prefix, prefix) {
				t.scope[i].ns = nsRoot
			}
		}
	}
}

// lookup is the namespace that a prefix stands for.
func (t *tree) lookup(prefix []byte) namespace {
	for i := len(t.scope) - 1; i >= 0; i-- {
		if bytes.Equal(t.scope[i].prefix, prefix) {
			return t.scope[i].ns
		}
	}
	if len(prefix) == 0 && len(t.scope) == 0 {
		return nsRoot // a document without namespaces
	}
	return nsOther
}

// element is a node of a tree; the zero element is none, and has nothing.
type element struct {
	t *tree
	i int32
}

func (t *tree) root() element { return element{t, 0} }

func (e element) node() *node { return &e.t.nodes[e.i] }

func (e element) is() bool { return e.t != nil }

// named reports whether e has that namespace and local name.
func (e element) named(ns namespace, local string) bool {
	n := e.node()
	return n.ns == ns && string(e.t.p[n.name:n.nameEnd]) == local
}

// local is the local name.
func (e element) local() string {
	if !e.is() {
		return ""
	}
	n := e.node()
	return string(e.t.p[n.name:n.nameEnd])
}

// children gives each child.
func (e element) children(yield func(element) bool) {
	if !e.is() {
		return
	}
	for i := e.node().child; i != 0; i = e.t.nodes[i].next {
		if !yield(element{e.t, i}) {
			return
		}
	}
}

// child is the first child of that namespace and local name.
func (e element) child(ns namespace, local string) element {
	for c := range e.children {
		if c.named(ns, local) {
			return c
		}
	}
	return element{}
}

// same is the first child of that local name in the namespace of e.
func (e element) same(local string) element {
	if !e.is() {
		return element{}
	}
	return e.child(e.node().ns, local)
}

// attribute is the value of an attribute without a prefix, with white space collapsed; ok is false where
// there is none.
func (e element) attribute(name string) (value string, ok bool) {
	value, ok = e.rawAttribute(name)
	return collapse(value), ok
}

// rawAttribute is attribute with the white space that it has.
func (e element) rawAttribute(name string) (value string, ok bool) {
	if !e.is() {
		return "", false
	}
	n, t := e.node(), e.t
	w := frame.NewWalker(t.p[n.start:n.tagEnd])
	w.NextStart()
	for key, v, more := w.Attribute(); more; key, v, more = w.Attribute() {
		if string(key) == name {
			t.text = frame.AppendAttribute(t.text[:0], v)
			return string(t.text), true
		}
	}
	return "", false
}

// value is an attribute, or empty.
func (e element) value(name string) string {
	v, _ := e.attribute(name)
	return v
}

// token is the text in the element with white space collapsed, without that of its children.
func (e element) token() string {
	if !e.is() {
		return ""
	}
	n, t := e.node(), e.t
	w := frame.NewWalker(t.p[n.start:n.end])
	w.NextStart()
	t.text = w.AppendContent(t.text[:0])
	return string(t.text)
}

// tokenOf is the text of a child in the namespace of e.
func (e element) tokenOf(local string) string { return e.same(local).token() }

// line is the text as of xs:normalizedString. Where it has a line end, somebody has indented it, and it
// is collapsed.
func (e element) line() string {
	s := e.raw()
	if strings.ContainsAny(s, "\r\n") {
		return collapse(s)
	}
	return strings.ReplaceAll(s, "\t", " ")
}

// raw is the text as a parser gives it, without that of children.
func (e element) raw() string {
	if !e.is() {
		return ""
	}
	n, t := e.node(), e.t
	w := frame.NewWalker(t.p[n.start:n.end])
	w.NextStart()
	t.text = t.text[:0]
	for depth := 0; ; {
		switch w.Next() {
		case frame.TokenNone:
			return string(t.text)
		case frame.TokenStart:
			depth++
		case frame.TokenEnd:
			depth--
		case frame.TokenText, frame.TokenCDATA:
			if depth == 0 {
				t.text = w.AppendText(t.text)
			}
		}
	}
}

// collapse collapses white space as of xs:token.
func collapse(s string) string {
	if s == "" || tokenFault(s) == "" {
		return s
	}
	isSpace := func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }
	return strings.Join(strings.FieldsFunc(s, isSpace), " ")
}

// isTrue is xs:boolean.
func isTrue(s string) bool { return s == "1" || s == "true" }
