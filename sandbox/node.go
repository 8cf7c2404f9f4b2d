package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on a document. They protect the registry from documents built to exhaust it.
const (
	maxDepth = 128
	maxAttrs = 64
)

// node is one element. Its name has the namespace resolved. text holds all its own text, without
// that of its children.
type node struct {
	space, local string
	attrs        []attr
	kids         []*node
	text         string
}

// attr is an attribute other than a namespace declaration.
type attr struct{ space, local, value string }

// isNil reports whether a is xsi:nil, which no element of EPP may have: none is nillable (XML Schema
// part 1 section 3.3.4).
func (a attr) isNil() bool {
	return a.space == "http://www.w3.org/2001/XMLSchema-instance" && a.local == "nil"
}

// child returns the first child with that local name; nil if there is none or n is nil.
func (n *node) child(local string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.local == local {
			return k
		}
	}
	return nil
}

// children returns all children with that local name.
func (n *node) children(local string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.kids {
		if k.local == local {
			out = append(out, k)
		}
	}
	return out
}

// attr returns the value of an attribute without namespace, collapsed. ok tells whether it is
// there.
func (n *node) attr(local string) (value string, ok bool) {
	for i := range n.attrs {
		if n.attrs[i].local == local && n.attrs[i].space == "" {
			return collapse(n.attrs[i].value), true
		}
	}
	return "", false
}

// token returns the text as a value of xs:token, empty for nil.
func (n *node) token() string {
	if n == nil {
		return ""
	}
	return collapse(n.text)
}

// line returns the text as a value of xs:normalizedString, empty for nil.
func (n *node) line() string {
	if n == nil {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c == '\t' || c == '\n' || c == '\r' {
			return ' '
		}
		return c
	}, n.text)
}

// collapse trims s and turns each run of white space into one space, as XML Schema does for a
// token. White space is the four characters of XML and no others.
func collapse(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, isSpace), " ")
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func blank(s string) bool { return strings.TrimLeft(s, " \t\r\n") == "" }

// parser turns one payload into nodes. encoding/xml splits it into raw tokens. The parser adds the
// tests that RawToken leaves out: matching tags, namespaces, one root and nothing beside it, no
// DTD, no attribute twice, a declaration only in front.
type parser struct {
	dec    *xml.Decoder
	stack  []open    // elements that are open, the root first
	bounds []binding // namespace declarations in force, the innermost last
	root   *node     // nil before its start tag
	slab   []node    // nodes are handed out from here; a full slab is left to its nodes
}

// open is an element whose end tag is still to come.
type open struct {
	node   *node
	name   xml.Name // as written: prefix and local name
	bounds int      // number of bindings in force outside the element
}

// binding is a namespace declaration. The default namespace has an empty prefix.
type binding struct{ prefix, uri string }

// Names of encodings in which a document has the octets that it has in UTF-8: of UTF-8 itself, and of
// those that extend ASCII, where all octets are ASCII.
var (
	namesUTF8    = regexp.MustCompile(`(?i)^utf[-_]?8$`)
	extendsASCII = regexp.MustCompile(`(?i)^((us-)?ascii|iso[-_]?8859[-_]\d+|latin-?\d+|windows-(125\d|874)|cp125\d)$`)
)

// parseXML reads a document. RFC 5730 section 2: UTF-8, with or without a byte order mark, or
// UTF-16 with one. Another encoding may be declared where it makes no difference.
func parseXML(p []byte) (*node, error) {
	p, wide := transcode(p)
	ps := parser{dec: xml.NewDecoder(bytes.NewReader(p)), slab: make([]node, 0, 16)}
	ps.dec.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch {
		case wide && strings.EqualFold(label, "utf-16"),
			!wide && namesUTF8.MatchString(label), !wide && extendsASCII.MatchString(label) && isASCII(p):
			return in, nil
		}
		return nil, fmt.Errorf("encoding %q", label)
	}
	for {
		at := ps.dec.InputOffset()
		tok, err := ps.dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ps.token(tok, at)
		}
		if err != nil {
			return nil, err
		}
	}
	if ps.root == nil || len(ps.stack) > 0 {
		return nil, errors.New("document is incomplete")
	}
	return ps.root, nil
}

func isASCII(p []byte) bool {
	return !slices.ContainsFunc(p, func(c byte) bool { return c >= utf8.RuneSelf })
}

// transcode takes off a byte order mark and turns UTF-16 into UTF-8. wide: it was UTF-16.
func transcode(p []byte) (text []byte, wide bool) {
	switch {
	case bytes.HasPrefix(p, []byte("\xef\xbb\xbf")):
		return p[3:], false
	case bytes.HasPrefix(p, []byte("\xfe\xff")):
		return decode16(p[2:], binary.BigEndian), true
	case bytes.HasPrefix(p, []byte("\xff\xfe")):
		return decode16(p[2:], binary.LittleEndian), true
	}
	return p, false
}

func decode16(p []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = order.Uint16(p[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

func (ps *parser) token(tok xml.Token, at int64) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return ps.start(t)
	case xml.EndElement:
		return ps.finish(t)
	case xml.CharData:
		return ps.chars(t)
	case xml.Directive:
		return errors.New("document type declaration")
	case xml.ProcInst:
		if strings.EqualFold(t.Target, "xml") && at > 0 {
			return errors.New("XML declaration not in front")
		}
	}
	return nil
}

func (ps *parser) chars(t xml.CharData) error {
	if len(ps.stack) == 0 {
		if !blank(string(t)) {
			return errors.New("text outside the root element")
		}
		return nil
	}
	ps.stack[len(ps.stack)-1].node.text += string(t)
	return nil
}

func (ps *parser) start(t xml.StartElement) error {
	if len(ps.stack) == 0 && ps.root != nil {
		return errors.New("second root element")
	}
	if len(ps.stack) >= maxDepth || len(t.Attr) > maxAttrs {
		return errors.New("too deep, or too many attributes")
	}
	outside := len(ps.bounds)
	if err := ps.bind(t.Attr); err != nil {
		return err
	}
	n := ps.newNode()
	var err error
	if n.space, err = ps.resolve(t.Name.Space); err != nil {
		return err
	}
	n.local = t.Name.Local
	if err := badName(t.Name.Local); err != nil {
		return err
	}
	if n.attrs, err = ps.attributes(t.Attr); err != nil {
		return err
	}
	if len(ps.stack) == 0 {
		ps.root = n
	} else {
		up := ps.stack[len(ps.stack)-1].node
		up.kids = append(up.kids, n)
	}
	ps.stack = append(ps.stack, open{n, t.Name, outside})
	return nil
}

func (ps *parser) finish(t xml.EndElement) error {
	if len(ps.stack) == 0 {
		return errors.New("end tag without start tag")
	}
	top := ps.stack[len(ps.stack)-1]
	if top.name != t.Name {
		return fmt.Errorf("element %q closed by %q", asWritten(top.name), asWritten(t.Name))
	}
	ps.bounds = ps.bounds[:top.bounds]
	ps.stack = ps.stack[:len(ps.stack)-1]
	return nil
}

// asWritten is a name as it stands in a message, with its prefix.
func asWritten(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func (ps *parser) newNode() *node {
	if len(ps.slab) == cap(ps.slab) {
		ps.slab = make([]node, 0, 2*cap(ps.slab))
	}
	ps.slab = append(ps.slab, node{})
	return &ps.slab[len(ps.slab)-1]
}

// bind adds the namespace declarations among the attributes to bounds.
func (ps *parser) bind(as []xml.Attr) error {
	for _, a := range as {
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			ps.bounds = append(ps.bounds, binding{"", a.Value})
		case a.Name.Space == "xmlns":
			// Namespaces in XML 1.0 section 5: a prefix cannot be undeclared.
			if a.Value == "" || a.Name.Local == "xmlns" {
				return fmt.Errorf("namespace declaration of %q", a.Name.Local)
			}
			ps.bounds = append(ps.bounds, binding{a.Name.Local, a.Value})
		}
	}
	return nil
}

// resolve returns the namespace of a prefix.
func (ps *parser) resolve(prefix string) (string, error) {
	for i := len(ps.bounds) - 1; i >= 0; i-- {
		if ps.bounds[i].prefix == prefix {
			return ps.bounds[i].uri, nil
		}
	}
	switch prefix {
	case "":
		return "", nil
	case "xml":
		return "http://www.w3.org/XML/1998/namespace", nil
	}
	return "", fmt.Errorf("prefix %q is not declared", prefix)
}

// attributes returns the attributes that are no namespace declarations. RFC 5730 section 2 wants
// well-formed XML: no name may stand twice, neither as written nor with its namespace resolved.
func (ps *parser) attributes(as []xml.Attr) ([]attr, error) {
	var out []attr
	for i, a := range as {
		for _, b := range as[:i] {
			if a.Name == b.Name {
				return nil, fmt.Errorf("attribute %q twice", a.Name.Local)
			}
		}
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		at := attr{local: a.Name.Local, value: a.Value}
		if err := badName(a.Name.Local); err != nil {
			return nil, err
		}
		if a.Name.Space != "" {
			var err error
			if at.space, err = ps.resolve(a.Name.Space); err != nil {
				return nil, err
			}
		}
		for _, b := range out {
			if b.space == at.space && b.local == at.local {
				return nil, fmt.Errorf("attribute %q twice", at.local)
			}
		}
		out = append(out, at)
	}
	return out, nil
}

// badName refuses a local name with a colon, which is where encoding/xml did not split.
func badName(local string) error {
	if strings.Contains(local, ":") {
		return fmt.Errorf("name %q", local)
	}
	return nil
}
