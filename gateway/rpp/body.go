package rpp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of bodies. The deepest object here has seven levels.
const (
	maxDepth  = 16
	maxValues = 10000
	maxFaults = 20
)

// kind is what a JSON value is.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "true or false", "a number", "a string", "an array", "an object"}[k]
}

// value is a JSON value of a body, with its place.
type value struct {
	kind    kind
	text    string // of a string or number; "true" or "false"
	items   []value
	names   []string // of members, in order; items has their values
	path    string   // JSONPath (RFC 9535)
	present bool
}

// fault is one thing that is wrong with a body.
type fault struct {
	code   int
	path   string // empty: the whole
	reason string
}

// faults collects what is wrong with a body, so that all is said at once.
type faults struct{ list []fault }

func (f *faults) add(code int, path, reason string) {
	if len(f.list) < maxFaults {
		f.list = append(f.list, fault{code, path, reason})
	}
}

// parse reads a body as JSON (RFC 8259), strictly: a name twice, null, more behind the value, and text that
// XML cannot hold are faults. J@0494c6c: what is absent is left out, never null.
func parse(body []byte, f *faults) value {
	if !utf8.Valid(body) {
		f.add(codeSyntax, "$", "the body is not UTF-8")
		return value{}
	}
	d := &parser{Decoder: json.NewDecoder(bytes.NewReader(body)), left: maxValues}
	d.UseNumber()
	v, err := d.value("$", maxDepth)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return v
		}
		err = errors.New("there is more behind the value")
	}
	var at *badJSON
	if errors.As(err, &at) {
		f.add(codeSyntax, at.path, at.why)
	} else {
		f.add(codeSyntax, "$", fmt.Sprintf("the body is no JSON, near octet %d", d.InputOffset()))
	}
	return value{}
}

// badJSON is JSON that is well-formed and not taken.
type badJSON struct{ path, why string }

func (b *badJSON) Error() string { return b.path + ": " + b.why }

// parser builds the values of a body.
type parser struct {
	*json.Decoder
	left int // values that may still come
}

func (d *parser) value(path string, depth int) (value, error) {
	v := value{path: path, present: true}
	if d.left--; d.left < 0 {
		return v, &badJSON{"$", "too many values"}
	}
	t, err := d.Token()
	if err != nil {
		return v, err
	}
	switch t := t.(type) {
	case nil:
		return v, &badJSON{path, "null: a member that is absent is left out"}
	case bool:
		v.kind, v.text = kindBool, strconv.FormatBool(t)
	case json.Number:
		v.kind, v.text = kindNumber, t.String()
	case string:
		v.kind, v.text = kindString, t
		if !xmlText(t) {
			return v, &badJSON{path, "a character that no text can have"}
		}
	case json.Delim:
		if depth == 0 {
			return v, &badJSON{path, "too deep"}
		}
		if t == '[' {
			v.kind = kindArray
			err = d.array(&v, depth)
		} else {
			v.kind = kindObject
			err = d.object(&v, depth)
		}
	}
	return v, err
}

func (d *parser) array(v *value, depth int) error {
	for d.More() {
		item, err := d.value(v.path+"["+strconv.Itoa(len(v.items))+"]", depth-1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := d.Token()
	return err
}

func (d *parser) object(v *value, depth int) error {
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name := t.(string) // the decoder gives no other here
		path := v.path + step(name)
		if seen[name] {
			return &badJSON{path, "this member is there twice"}
		}
		seen[name] = true
		item, err := d.value(path, depth-1)
		if err != nil {
			return err
		}
		v.names, v.items = append(v.names, name), append(v.items, item)
	}
	_, err := d.Token()
	return err
}

// step is a member's name in a JSONPath (RFC 9535 section 2.5.1). A long one is cut.
func step(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	short := name != ""
	for i, b := range []byte(name) {
		short = short && (b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || i > 0 && b >= '0' && b <= '9')
	}
	if short {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// xmlText reports whether XML 1.0 can hold s (section 2.2). The decoder has put U+FFFD where an escape was
// half of a pair.
func xmlText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == utf8.RuneError || r == 0xfffe || r == 0xffff
	}) < 0
}

// object reads the members of a JSON object, each once. What is left at the end is undeclared.
type object struct {
	v     value
	taken []bool
	f     *faults
}

// typed is whether an object must say its @type. J@0494c6c rule 25: it MUST. own: below the top it may be
// missing, as in examples of C@0f11225, since the place says it.
type typed uint8

const (
	typeMay typed = iota
	typeMust
)

// objectOf reads v as an object of the type with that identifier; empty: it has no @type. Nil where v is
// absent or no object, which is a fault.
func (f *faults) objectOf(v value, typ string, must typed) *object {
	if !v.present {
		return nil
	}
	if v.kind != kindObject {
		f.add(codeValue, v.path, "this is "+v.kind.String()+", and must be an object")
		return nil
	}
	o := &object{v, make([]bool, len(v.items)), f}
	if typ == "" {
		return o
	}
	switch t := o.take("@type"); {
	case !t.present:
		if must == typeMust {
			f.add(codeMissing, v.path+step("@type"), "@type must be "+typ)
		}
	case t.kind != kindString || t.text != typ:
		f.add(codeValue, t.path, "@type must be "+typ)
	}
	return o
}

// take returns a member; one that is absent has its path.
func (o *object) take(name string) value {
	for i, n := range o.v.names {
		if n == name {
			o.taken[i] = true
			return o.v.items[i]
		}
	}
	return value{path: o.v.path + step(name)}
}

// skip takes members that only the server writes. J@0494c6c rule 5: they MUST be ignored.
func (o *object) skip(names ...string) {
	for _, n := range names {
		o.take(n)
	}
}

// end says which members were not taken. J@0494c6c rule 24: undeclared ones are refused.
func (o *object) end() {
	for i, v := range o.v.items {
		if !o.taken[i] {
			o.f.add(codeSyntax, v.path, "this member is not declared here")
		}
	}
}

// str reads a member as a string with something in it; "" where it is absent or wrong.
func (o *object) str(name string) string { return o.f.str(o.take(name)) }

func (f *faults) str(v value) string {
	switch {
	case !v.present:
		return ""
	case v.kind != kindString:
		f.add(codeValue, v.path, "this is "+v.kind.String()+", and must be a string")
		return ""
	case v.text == "":
		f.add(codeValue, v.path, "this is empty")
	}
	return v.text
}

// need reads a member as str does, and it must be there.
func (o *object) need(name string) string {
	v := o.take(name)
	if !v.present {
		o.f.add(codeMissing, v.path, name+" is needed")
	}
	return o.f.str(v)
}

// token reads a member as an id of EPP.
func (o *object) token(name string) string {
	v := o.take(name)
	s := o.f.str(v)
	if s != "" && !goodToken(s) {
		o.f.add(codeValue, v.path, "this is no id: too long, or with spaces that are not between words")
	}
	return s
}

// needToken reads a member as token does, and it must be there.
func (o *object) needToken(name string) string {
	if v := o.take(name); !v.present {
		o.f.add(codeMissing, v.path, name+" is needed")
	}
	return o.token(name)
}

// list reads a member as an array.
func (o *object) list(name string) []value {
	v := o.take(name)
	if v.present && v.kind != kindArray {
		o.f.add(codeValue, v.path, "this is "+v.kind.String()+", and must be an array")
		return nil
	}
	return v.items
}

// integer reads v as a whole number from low to high; 0 where it is absent or wrong.
func (f *faults) integer(v value, low, high int) int {
	if !v.present {
		return 0
	}
	n, err := strconv.Atoi(v.text)
	switch {
	case v.kind != kindNumber:
		f.add(codeValue, v.path, "this is "+v.kind.String()+", and must be a number")
	case err != nil && !errors.Is(err, strconv.ErrRange) || strings.HasPrefix(v.text, "-0"):
		f.add(codeValue, v.path, "this must be a whole number")
	case err != nil || n < low || n > high:
		f.add(codeRange, v.path, fmt.Sprintf("this must be from %d to %d", low, high))
	default:
		return n
	}
	return 0
}
