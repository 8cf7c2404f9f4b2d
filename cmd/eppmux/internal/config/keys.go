package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"eppmux/ratelimit"
)

// The keys of a mapping are the tagged fields of its struct. The tags stand in doc.go.

// key is one key, as the tags of its field describe it.
type key struct {
	name  string
	index []int         // of the field, for reflect.Value.FieldByIndex
	def   reflect.Value // what it is where the file leaves it out; the zero Value: nothing

	min, max string // a number, another key of the mapping, or such a key and what is added to it
	zero     string // what 0 stands for; empty: nothing of its own
	unit     string // of min and max, in a fault
}

// inlined are types of other packages whose fields are keys of the mapping around them. Each has a
// twin here, with the same fields and with tags. A type of ours has its tags itself.
var inlined = map[reflect.Type]reflect.Type{
	reflect.TypeFor[ratelimit.Limit](): reflect.TypeFor[limitKeys](),
}

var _ = ratelimit.Limit(limitKeys{}) // the fields are the same

// keyCache is a table that is fixed but for its being made as it is needed: reflect.Type to []key.
var keyCache sync.Map

// keysOf returns the keys of a struct in the order of its fields; none for a type without tags.
func keysOf(t reflect.Type) []key {
	if keys, ok := keyCache.Load(t); ok {
		return keys.([]key)
	}
	keys := appendKeys(nil, t, nil)
	keyCache.Store(t, keys)
	return keys
}

func appendKeys(keys []key, t reflect.Type, index []int) []key {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clip(index), i)
		name := f.Tag.Get("yaml")
		switch name {
		case "":
			continue
		case ",inline":
			twin := inlined[f.Type]
			if twin == nil {
				twin = f.Type
			}
			keys = appendKeys(keys, twin, at)
			continue
		}
		k := key{name: name, index: at}
		k.min, k.max, k.zero, k.unit = f.Tag.Get("min"), f.Tag.Get("max"), f.Tag.Get("zero"), f.Tag.Get("unit")
		if text, ok := f.Tag.Lookup("default"); ok {
			k.def = parseDefault(name, text, f.Type)
		}
		keys = append(keys, k)
	}
	return keys
}

// parseDefault reads the text of a tag as the file would be read.
func parseDefault(name, text string, t reflect.Type) reflect.Value {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		panic("BUG: default of " + name + ": " + err.Error())
	}
	r, v := newReader(), reflect.New(t).Elem()
	r.value("", doc.Content[0], v)
	if err := r.faults("BUG: default of " + name); err != nil {
		panic(err.Error())
	}
	return v
}

// setDefaults gives v, and what it holds, the defaults. Values that have the same default share its
// list, which nobody may change.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, k := range keysOf(v.Type()) {
		f := v.FieldByIndex(k.index)
		if k.def.IsValid() {
			f.Set(k.def)
		} else {
			setDefaults(f)
		}
	}
}

// amount returns the number that a min or max tag stands for in a mapping, and how a fault writes
// it.
func amount(tag string, mapping reflect.Value) (n int64, said string) {
	if n, err := strconv.ParseInt(tag, 10, 64); err == nil {
		return n, tag
	}
	name, more, _ := strings.Cut(tag, " + ")
	i := slices.IndexFunc(keysOf(mapping.Type()), func(k key) bool { return k.name == name })
	if i < 0 {
		panic("BUG: no key for the bound " + tag)
	}
	n = mapping.FieldByIndex(keysOf(mapping.Type())[i].index).Int()
	plus, _ := strconv.ParseInt(more, 10, 64)
	return n + plus, tag + " (" + strconv.FormatInt(n+plus, 10) + ")"
}
