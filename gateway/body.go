package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// Bodies in JSON are read strictly: each member is one that the type has, by its exact name, and is there once; null
// stands for nothing; strings are Unicode. What encoding/json would pass over, a client has meant.

// maxDepth is how deep a body may be nested.
const maxDepth = 16

// maxWrong is how many faults an answer lists.
const maxWrong = 20

// readJSON reads a body into what v points to. The faults name their places from "body" on.
func readJSON(body []byte, v any) []Wrong {
	if !utf8.Valid(body) {
		return []Wrong{{"body", "is not in UTF-8"}}
	}
	tree, wrongs := parseJSON(body)
	if len(wrongs) > 0 {
		return wrongs
	}
	f := filler{}
	f.fill("body", tree, reflect.ValueOf(v).Elem())
	return f.wrong
}

// object is a JSON object with its members in their order.
type object []member

type member struct {
	name  string
	value any
}

// parseJSON reads a body as bool, json.Number, string, nil, []any and object.
func parseJSON(body []byte) (any, []Wrong) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	tree, err := parseValue(d, "body", 0)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return tree, nil
		}
		err = Wrong{"body", "has something behind its value"}
	}
	var w Wrong
	if errors.As(err, &w) {
		return nil, []Wrong{w}
	}
	return nil, []Wrong{{"body", "is no JSON"}}
}

// Error implements error.
func (w Wrong) Error() string { return w.Location + ": " + w.Message }

func parseValue(d *json.Decoder, path string, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, Wrong{path, fmt.Sprintf("is nested deeper than %d", maxDepth)}
		}
		if t == '[' {
			return parseArray(d, path, depth+1)
		}
		return parseObject(d, path, depth+1)
	case string:
		if strings.ContainsRune(t, utf8.RuneError) || strings.ContainsRune(t, 0) {
			return nil, Wrong{path, "has what is no Unicode character, or a NUL"}
		}
	}
	return t, nil
}

func parseArray(d *json.Decoder, path string, depth int) (any, error) {
	all := []any{}
	for d.More() {
		v, err := parseValue(d, fmt.Sprintf("%s[%d]", path, len(all)), depth)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err
}

func parseObject(d *json.Decoder, path string, depth int) (any, error) {
	var all object
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if seen[name] {
			return nil, Wrong{path + "." + shown(name), "is there twice"}
		}
		seen[name] = true
		v, err := parseValue(d, path+"."+shown(name), depth)
		if err != nil {
			return nil, err
		}
		all = append(all, member{name, v})
	}
	_, err := d.Token()
	return all, err
}

// shown is a member's name as an answer shows it.
func shown(name string) string {
	if len(name) > 64 {
		return strings.ToValidUTF8(name[:64], "") + "..."
	}
	return name
}

// filler puts a tree into a Go value.
type filler struct{ wrong []Wrong }

func (f *filler) add(path, why string) {
	if len(f.wrong) < maxWrong {
		f.wrong = append(f.wrong, Wrong{path, why})
	}
}

// treeReader is a type that reads itself from a tree; what is wrong it returns.
type treeReader interface{ readTree(tree any) string }

func (f *filler) fill(path string, tree any, v reflect.Value) {
	if tree == nil {
		f.add(path, "must not be null")
		return
	}
	if own, ok := v.Addr().Interface().(treeReader); ok {
		if s, isString := tree.(string); isString {
			if why := own.readTree(s); why != "" {
				f.add(path, why)
			}
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(path, tree, v.Elem())
	case reflect.Struct:
		f.fillStruct(path, tree, v)
	case reflect.Slice:
		f.fillSlice(path, tree, v)
	default:
		f.fillScalar(path, tree, v)
	}
}

func (f *filler) fillScalar(path string, tree any, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s, ok := tree.(string); ok {
			v.SetString(s)
			return
		}
		f.add(path, "must be a string")
	case reflect.Bool:
		if b, ok := tree.(bool); ok {
			v.SetBool(b)
			return
		}
		f.add(path, "must be true or false")
	default:
		n, ok := tree.(json.Number)
		if !ok || json.Unmarshal([]byte(n), v.Addr().Interface()) != nil {
			f.add(path, "must be a whole number in bounds")
		}
	}
}

func (f *filler) fillSlice(path string, tree any, v reflect.Value) {
	all, ok := tree.([]any)
	if !ok {
		f.add(path, "must be an array")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(all), len(all)))
	for i, one := range all {
		f.fill(fmt.Sprintf("%s[%d]", path, i), one, v.Index(i))
	}
}

func (f *filler) fillStruct(path string, tree any, v reflect.Value) {
	all, ok := tree.(object)
	if !ok {
		f.add(path, "must be an object")
		return
	}
	fields := fieldsOf(v.Type())
	for _, m := range all {
		at, known := fields.index[m.name]
		if !known {
			f.add(path+"."+shown(m.name), "there is no such member")
			continue
		}
		f.fill(path+"."+m.name, m.value, v.FieldByIndex(at))
	}
	for _, name := range fields.required {
		if !all.has(name) {
			f.add(path+"."+name, "is missing")
		}
	}
}

func (o object) has(name string) bool {
	for _, m := range o {
		if m.name == name {
			return true
		}
	}
	return false
}

// fields are the members that a struct has in JSON. Immutable.
type fields struct {
	index    map[string][]int
	required []string // those without omitempty, as the OpenAPI document says
}

// knownFields has fields by reflect.Type. They are the same for each caller.
var knownFields sync.Map

func fieldsOf(t reflect.Type) *fields {
	if known, ok := knownFields.Load(t); ok {
		return known.(*fields)
	}
	all := &fields{index: make(map[string][]int)}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		all.index[name] = f.Index
		if !strings.Contains(options, "omitempty") {
			all.required = append(all.required, name)
		}
	}
	knownFields.Store(t, all)
	return all
}
