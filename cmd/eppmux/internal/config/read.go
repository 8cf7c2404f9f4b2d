package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// The reading of the file. It walks the nodes of the YAML and the fields of the structs together,
// so that it finds all faults at once, each with its path and line, and refuses unknown and
// repeated keys. Values have their defaults beforehand. A value that cannot be read keeps its
// default.

// maxNodes bounds the values that are looked at: with anchors a small file can stand for a huge
// one.
const maxNodes = 20_000

// maxMerges bounds how deep merge keys refer to each other; an anchor may contain itself.
const maxMerges = 8

// reader reads one file into values.
type reader struct {
	*faultList
	nodes int // visited so far
}

func newReader() *reader { return &reader{faultList: &faultList{lines: map[string]int{}}} }

// document finds the one document of the file. It is nil when there is none or more.
func (r *reader) document(data []byte) *yaml.Node {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.add("", "the file is empty")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := d.Decode(&second); {
	case err == nil:
		r.put(Fault{second.Line, "", "a second document begins here: the file must hold exactly one"})
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil
	}
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
		r.add("", "the file is empty")
		return nil
	}
	return doc.Content[0]
}

// yamlError is the shape of the library's errors; anchor is the one place where they repeat what
// stands in the file.
var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	anchor    = regexp.MustCompile(`(?s)unknown anchor '.*' referenced`)
)

// syntax records what the YAML library says, without what it quotes: an unquoted password may begin
// with "*".
func (r *reader) syntax(err error) {
	f := Fault{Text: "not YAML"}
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Text = "not YAML: " + anchor.ReplaceAllString(m[2], "unknown anchor (a text that begins with * needs quotes)")
	}
	r.put(f)
}

// node returns the node to read where n stands; nil when there is nothing to read.
func (r *reader) node(path string, n *yaml.Node) *yaml.Node {
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.add("", "more than %d values", maxNodes)
		}
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.ShortTag() == "!!null" {
		r.add(path, "has no value; leave the key out for its default")
		return nil
	}
	return n
}

// A yamlReader is a type with a form of its own in the file.
type yamlReader interface {
	readYAML(r *reader, path string, n *yaml.Node)
}

// value reads a node into v. The type of v decides how.
func (r *reader) value(path string, n *yaml.Node, v reflect.Value) {
	switch to := v.Addr().Interface().(type) {
	case yamlReader:
		to.readYAML(r, path, n)
	case *string:
		r.text(path, n, to)
	case *bool:
		r.boolean(path, n, to)
	case *int:
		r.integer(path, n, to)
	case *time.Duration:
		r.duration(path, n, to)
	case *fs.FileMode:
		r.mode(path, n, to)
	case *netip.Addr:
		r.ip(path, n, to)
	case *netip.Prefix:
		r.network(path, n, to)
	default:
		switch v.Kind() {
		case reflect.Pointer: // a mapping that is there, or not
			v.Set(reflect.New(v.Type().Elem()))
			setDefaults(v.Elem())
			r.value(path, n, v.Elem())
		case reflect.Struct:
			r.mapping(path, n, v)
		case reflect.Slice:
			r.sequence(path, n, v)
		default:
			r.word(path, n, v)
		}
	}
}

// mapping reads a mapping into a struct. It may have the keys of the struct and no others.
func (r *reader) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		r.add(path, "must be a mapping, got %s", kind(n))
		return
	}
	m := &mapping{reader: r, path: path, to: v, keys: keysOf(v.Type()), seen: map[string]bool{}}
	m.pairs(n, 0)
}

// mapping is a mapping that is being read, with those that it merges.
type mapping struct {
	*reader
	path string
	to   reflect.Value // a struct
	keys []key
	seen map[string]bool // keys that have been read: the first of them wins
}

// A keyReader is a struct that reads some of its keys itself.
type keyReader interface {
	// readKey reads n, the value of a key, and reports whether the key is one of those.
	readKey(r *reader, path, key string, n *yaml.Node) bool
}

// pairs reads the keys of n that have not been read, then those of the mappings that n merges.
func (m *mapping) pairs(n *yaml.Node, depth int) {
	own := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, val := n.Content[i], n.Content[i+1]
		if name.ShortTag() == "!!merge" {
			merged = append(merged, val)
			continue
		}
		k := slices.IndexFunc(m.keys, func(k key) bool { return k.name == name.Value })
		switch {
		case name.Kind != yaml.ScalarNode || k < 0:
			m.unknown(name)
		case own[name.Value]:
			m.put(Fault{name.Line, join(m.path, name.Value), duplicateKey})
		case !m.seen[name.Value]:
			m.read(m.keys[k], name.Line, val)
		}
		if k >= 0 {
			own[name.Value] = true
		}
	}
	maps.Copy(m.seen, own)
	for _, val := range merged {
		m.merge(val, depth+1)
	}
}

// read reads the value of a key.
func (m *mapping) read(k key, line int, val *yaml.Node) {
	at := join(m.path, k.name)
	m.lines[at] = line
	n := m.node(at, val)
	if n == nil {
		return
	}
	if own, ok := m.to.Addr().Interface().(keyReader); !ok || !own.readKey(m.reader, at, k.name, n) {
		m.value(at, n, m.to.FieldByIndex(k.index))
	}
}

// merge reads what stands behind a merge key: a mapping or a list of mappings.
func (m *mapping) merge(n *yaml.Node, depth int) {
	if m.nodes++; depth > maxMerges || m.nodes > maxNodes {
		m.add(join(m.path, "<<"), "merges too many mappings")
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		m.pairs(n, depth)
	case yaml.SequenceNode:
		for _, e := range n.Content {
			m.merge(e, depth+1)
		}
	default:
		m.add(join(m.path, "<<"), "must be a mapping or a list of mappings, got %s", kind(n))
	}
}

// shown is what may be shown of an unknown key: "password:secret", without the blank, is one key
// and not a pair.
var shown = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}`)

func (m *mapping) unknown(n *yaml.Node) {
	name := shown.FindString(n.Value)
	if name == "" {
		name = "?"
	}
	var known []string
	for _, k := range m.keys {
		known = append(known, k.name)
	}
	slices.Sort(known)
	hint := suggest(name, known)
	if hint == "" {
		hint = "; known here: " + strings.Join(known, ", ")
	}
	if name != n.Value && slices.Contains(known, name) {
		hint = "; put a blank after the colon"
	}
	m.put(Fault{n.Line, join(m.path, name), "unknown key" + hint})
}

// given reports whether the file has a value at path that could be read.
func (r *reader) given(path string) bool {
	refused := func(f Fault) bool { return f.Path == path && f.Text != duplicateKey }
	return r.has(path) && !slices.ContainsFunc(r.list, refused)
}

// sequence reads a list in place of the default one. An entry that cannot be read counts, with its
// default.
func (r *reader) sequence(path string, n *yaml.Node, v reflect.Value) {
	v.SetZero()
	if n.Kind != yaml.SequenceNode {
		r.add(path, "must be a list, got %s", kind(n))
		return
	}
	for i, e := range n.Content {
		at, entry := index(path, i), reflect.New(v.Type().Elem()).Elem()
		setDefaults(entry)
		r.lines[at] = e.Line
		if e := r.node(at, e); e != nil {
			r.value(at, e, entry)
		}
		v.Set(reflect.Append(v, entry))
	}
}

// scalar reports whether n is a single value without a tag. Any other is a fault; want says what it
// must be.
func (r *reader) scalar(path string, n *yaml.Node, want string) bool {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.add(path, "must be %s, got %s", want, kind(n))
		return false
	case n.ShortTag() == "!!bool":
		r.add(path, "must be %s, got a truth value; put a text in quotes", want)
		return false
	case n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str",
		!slices.Contains([]string{"!!str", "!!int", "!!float", "!!timestamp"}, n.ShortTag()):
		r.add(path, "must be %s without a tag", want)
		return false
	}
	return true
}

// kind names what stands in the file instead of what should; it never shows it.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a truth value"
	}
	return "a text"
}
