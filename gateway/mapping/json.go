package mapping

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxJSONDepth bounds how deep objects and lists of JSON may be in each other.
const MaxJSONDepth = 32

// DecodeJSON reads one JSON value into what v points to, and is strict where encoding/json is not: a member
// that the type does not have, or has in other letters, is refused, as are one that is there twice, a
// value of another type, null for what is no pointer, text that is not UTF-8, and more than MaxJSONDepth
// levels. The error is a *Fault with the member's path, as in "nameservers[2].addresses[0]"; it repeats
// no value. v is left as it is then, but where a type's own reader refuses its value.
func DecodeJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return &Fault{Why: "is not UTF-8"}
	}
	if !json.Valid(data) {
		return &Fault{Why: notJSON(data)}
	}
	d := jsonReader{data: data}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		panic("BUG: DecodeJSON into what is no pointer")
	}
	if d.value("", t.Elem(), 0); d.fault != nil {
		return d.fault
	}
	if err := json.Unmarshal(data, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return &Fault{Member: wrong.Field, Why: "is of another type"}
		}
		return &Fault{Why: "has a value that is not allowed"}
	}
	return nil
}

// notJSON says where data stops to be JSON.
func notJSON(data []byte) string {
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(data, new(any)), &syntax) {
		return "is not JSON: at octet " + strconv.FormatInt(syntax.Offset, 10)
	}
	return "is not JSON"
}

// jsonReader goes through JSON that is valid and holds it against a type.
type jsonReader struct {
	data  []byte
	at    int
	fault *Fault // the first one; the reading ends with it
}

func (d *jsonReader) fail(member, why string) {
	if d.fault == nil {
		d.fault = &Fault{Member: member, Why: why}
	}
}

// next is the first octet that is no white space.
func (d *jsonReader) next() byte {
	for strings.IndexByte(" \t\r\n", d.data[d.at]) >= 0 {
		d.at++
	}
	return d.data[d.at]
}

// more reports whether the list or object that is read has another element, and goes on to it.
func (d *jsonReader) more(closing byte) bool {
	switch c := d.next(); {
	case d.fault != nil:
		return false
	case c == closing:
		d.at++
		return false
	case c == ',':
		d.at++
	}
	return true
}

// anything is the type of what nobody has a type for.
var anything = reflect.TypeFor[any]()

// value reads a value of type t.
func (d *jsonReader) value(path string, t reflect.Type, depth int) {
	c := d.next()
	if depth == MaxJSONDepth && (c == '{' || c == '[') {
		d.fail("", "is nested too deeply")
		return
	}
	own := readsItself(t)
	for t.Kind() == reflect.Pointer && c != 'n' && !own {
		t = t.Elem()
		own = readsItself(t)
	}
	if own {
		t = anything
	}
	switch c {
	case '{':
		d.object(path, t, depth)
	case '[':
		d.list(path, t, depth)
	case '"':
		d.want(path, t, "a text", reflect.String)
		d.text(path)
	case 't', 'f':
		d.want(path, t, "true or false", reflect.Bool)
		d.word()
	case 'n':
		d.want(path, t, "null", reflect.Pointer)
		d.word()
	default:
		d.number(path, t)
	}
}

// What is known of the types that were read: as many as the program has, since no type is made from what is read.
var (
	ownReaders   sync.Map // bool of reflect.Type, see readsItself
	structFields sync.Map // map[string]reflect.Type of reflect.Type, see fieldsOf
)

// readsItself reports whether a type has a reader of its own.
func readsItself(t reflect.Type) bool {
	if own, ok := ownReaders.Load(t); ok {
		return own.(bool)
	}
	p := reflect.PointerTo(t)
	own := p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	ownReaders.Store(t, own)
	return own
}

// want refuses a value where the type is of none of kinds.
func (d *jsonReader) want(path string, t reflect.Type, got string, kinds ...reflect.Kind) {
	if k := t.Kind(); k != reflect.Interface && !slices.Contains(kinds, k) {
		d.fail(path, "is "+got+", not "+wanted(t))
	}
}

// wanted says what a type holds.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "a number"
}

// word goes past true, false or null.
func (d *jsonReader) word() {
	for d.at < len(d.data) && isLetter(d.data[d.at]) {
		d.at++
	}
}

// text goes past a text and gives it as it is written, with its quotes.
func (d *jsonReader) text(path string) []byte {
	start := d.at
	for d.at++; d.data[d.at] != '"'; d.at++ {
		if d.data[d.at] != '\\' {
			continue
		}
		if d.at++; d.data[d.at] == 'u' && !d.surrogate() {
			d.fail(path, "has half a character") // encoding/json would make U+FFFD of it
		}
	}
	d.at++
	return d.data[start:d.at]
}

// surrogate goes past the escape whose u d is at, and past the one behind it where the two are a pair. It
// is false for half a pair.
func (d *jsonReader) surrogate() bool {
	unit := func(at int) uint64 {
		if at+4 > len(d.data) {
			return 0
		}
		n, _ := strconv.ParseUint(string(d.data[at:at+4]), 16, 16)
		return n
	}
	first := unit(d.at + 1)
	if first < 0xD800 || first > 0xDFFF {
		return true
	}
	pair := first < 0xDC00 && strings.HasPrefix(string(d.data[d.at+5:min(d.at+7, len(d.data))]), `\u`)
	if second := unit(d.at + 7); !pair || second < 0xDC00 || second > 0xDFFF {
		return false
	}
	d.at += 6
	return true
}

// number goes past a number.
func (d *jsonReader) number(path string, t reflect.Type) {
	start := d.at
	for d.at < len(d.data) && strings.IndexByte("+-.eE0123456789", d.data[d.at]) >= 0 {
		d.at++
	}
	s := string(d.data[start:d.at])
	d.want(path, t, "a number", reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64)
	var err error
	switch {
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		_, err = strconv.ParseInt(s, 10, t.Bits())
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		_, err = strconv.ParseUint(s, 10, t.Bits())
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		_, err = strconv.ParseFloat(s, t.Bits())
	}
	if err != nil {
		d.fail(path, "is no whole number in its bounds")
	}
}

// list reads a list.
func (d *jsonReader) list(path string, t reflect.Type, depth int) {
	d.want(path, t, "a list", reflect.Slice, reflect.Array)
	element := anything
	if k := t.Kind(); k == reflect.Slice || k == reflect.Array {
		element = t.Elem()
	}
	d.at++
	for i := 0; d.more(']'); i++ {
		if t.Kind() == reflect.Array && i >= t.Len() {
			d.fail(path, "has too many elements")
		}
		d.value(item(path, i), element, depth+1)
	}
}

// maxMember bounds how much of a member's name is repeated, in octets.
const maxMember = 64

// object reads an object.
func (d *jsonReader) object(path string, t reflect.Type, depth int) {
	d.want(path, t, "an object", reflect.Struct, reflect.Map)
	var fields map[string]reflect.Type
	if t.Kind() == reflect.Struct {
		fields = fieldsOf(t)
	}
	seen := make(map[string]bool, 8)
	d.at++
	for d.more('}') {
		d.next()
		name, ok := unquoted(d.text(path))
		if !ok || d.fault != nil {
			d.fail(path, "has half a character") // unreachable where the JSON is valid
			return
		}
		member := under(path, strings.ToValidUTF8(name[:min(len(name), maxMember)], ""))
		if seen[name] {
			d.fail(member, "is there twice")
		}
		seen[name] = true
		d.next()
		d.at++ // the colon
		of := anything
		switch t.Kind() {
		case reflect.Struct:
			field, ok := fields[name]
			if !ok {
				d.fail(member, "is unknown")
				return
			}
			of = field
		case reflect.Map:
			of = t.Elem()
		}
		d.value(member, of, depth+1)
	}
}

// unquoted is a text of JSON without its quotes and escapes.
func unquoted(text []byte) (s string, ok bool) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1]), true
	}
	err := json.Unmarshal(text, &s)
	return s, err == nil
}

// fieldsOf are the types of a struct's members by their names in JSON, those of embedded structs included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if all, ok := structFields.Load(t); ok {
		return all.(map[string]reflect.Type)
	}
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" || !f.IsExported() || f.Tag.Get("json") == "-":
			continue
		case name == "":
			name = f.Name
		}
		all[name] = f.Type
	}
	structFields.Store(t, all)
	return all
}
