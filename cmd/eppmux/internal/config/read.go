package config

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/cli"
)

// The decoding of the file. It walks the nodes itself, so that all faults come at once, each with
// its path and line, and so that an unknown or repeated key is one. What it decodes has its
// defaults already; what it cannot decode keeps them.

// maxNodes bounds the values that are looked at: with anchors a small file can stand for a huge
// one.
const maxNodes = 20_000

// maxMerges bounds how deep merge keys refer to each other; an anchor may contain itself.
const maxMerges = 8

// reader decodes one file into values.
type reader struct {
	*faultList
	nodes int // visited so far
}

// A read decodes a node into the value that it was made for.
type read func(path string, n *yaml.Node)

// fields are the keys that a mapping may have.
type fields map[string]read

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

// value reads one node, after what holds for all nodes.
func (r *reader) value(path string, n *yaml.Node, to read) {
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.add("", "more than %d values", maxNodes)
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.ShortTag() == "!!null" {
		r.add(path, "has no value; leave the key out for its default")
		return
	}
	to(path, n)
}

// mapping reads a mapping with the keys of f and no others.
func (r *reader) mapping(path string, n *yaml.Node, f fields) {
	if n.Kind != yaml.MappingNode {
		r.add(path, "must be a mapping, got %s", kind(n))
		return
	}
	r.pairs(path, n, f, map[string]bool{}, 0)
}

// pairs reads the keys of n that seen does not have, then those of the mappings that it merges.
func (r *reader) pairs(path string, n *yaml.Node, f fields, seen map[string]bool, depth int) {
	own := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merged = append(merged, val)
			continue
		}
		name := key.Value
		to, known := f[name]
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			r.unknown(path, key, f)
		case own[name]:
			r.put(Fault{key.Line, join(path, name), "duplicate key"})
		case !seen[name]:
			at := join(path, name)
			r.lines[at] = key.Line
			r.value(at, val, to)
		}
		if known {
			own[name] = true
		}
	}
	for name := range own {
		seen[name] = true
	}
	for _, m := range merged {
		r.merge(path, m, f, seen, depth+1)
	}
}

// merge reads what stands behind a merge key: a mapping or a list of mappings.
func (r *reader) merge(path string, n *yaml.Node, f fields, seen map[string]bool, depth int) {
	if r.nodes++; depth > maxMerges || r.nodes > maxNodes {
		r.add(join(path, "<<"), "merges too many mappings")
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		r.pairs(path, n, f, seen, depth)
	case yaml.SequenceNode:
		for _, m := range n.Content {
			r.merge(path, m, f, seen, depth+1)
		}
	default:
		r.add(join(path, "<<"), "must be a mapping or a list of mappings, got %s", kind(n))
	}
}

// word is what may be shown of an unknown key: "password:secret", without the blank, is one key and
// not a pair.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}`)

func (r *reader) unknown(path string, key *yaml.Node, f fields) {
	name := word.FindString(key.Value)
	if name == "" {
		name = "?"
	}
	known := make([]string, 0, len(f))
	for k := range f {
		known = append(known, k)
	}
	slices.Sort(known)
	hint := suggest(name, known)
	if hint == "" {
		hint = "; known here: " + strings.Join(known, ", ")
	}
	if name != key.Value && slices.Contains(known, name) {
		hint = "; put a blank after the colon"
	}
	r.put(Fault{key.Line, join(path, name), "unknown key" + hint})
}

// listOf reads a list; entry gives the read for the next entry.
func (r *reader) listOf(entry func() read) read {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.add(path, "must be a list, got %s", kind(n))
			return
		}
		for i, e := range n.Content {
			at := index(path, i)
			r.lines[at] = e.Line
			r.value(at, e, entry())
		}
	}
}

// texts reads a list of texts in place of what was there.
func (r *reader) texts(to *[]string) read {
	return func(path string, n *yaml.Node) {
		*to = nil
		r.listOf(func() read {
			*to = append(*to, "")
			return r.text(&(*to)[len(*to)-1])
		})(path, n)
	}
}

// text reads a text as it is written, so that digits need no quotes.
func (r *reader) text(to *string) read {
	return func(path string, n *yaml.Node) {
		if r.scalar(path, n, "a text") {
			*to = n.Value
		}
	}
}

// secret is text that no fault repeats.
func (r *reader) secret(to *Secret) read {
	return func(path string, n *yaml.Node) {
		if r.scalar(path, n, "a text") {
			*to = NewSecret(n.Value)
		}
	}
}

// scalar says whether n is a single value of a kind that stands for itself.
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

// oneOf reads one of a closed set of words.
func oneOf[T ~string](r *reader, to *T, allowed ...T) read {
	return func(path string, n *yaml.Node) {
		want := cli.Either(allowed)
		if !r.scalar(path, n, want) {
			return
		}
		if !slices.Contains(allowed, T(n.Value)) {
			r.add(path, "must be %s, got %s%s", want, cli.Quote(n.Value), suggest(n.Value, allowed))
			return
		}
		*to = T(n.Value)
	}
}

// level reads the least level that is logged.
func (r *reader) level(to *slog.Level) read {
	return func(path string, n *yaml.Node) {
		var name string
		oneOf(r, &name, "debug", "info", "warn", "error")(path, n)
		if name != "" {
			to.UnmarshalText([]byte(name)) // cannot fail: these are slog's names
		}
	}
}

// boolean reads true or false.
func (r *reader) boolean(to *bool) read {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			r.add(path, "must be true or false")
			return
		}
		*to = strings.EqualFold(n.Value, "true")
	}
}

// digits is how a number is written: YAML's other notations, octal among them, are more often a
// slip than meant.
var digits = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func (r *reader) integer(to *int) read {
	return func(path string, n *yaml.Node) {
		if !r.scalar(path, n, "a whole number") {
			return
		}
		i, err := strconv.Atoi(n.Value)
		if err != nil || !digits.MatchString(n.Value) || n.ShortTag() == "!!str" {
			r.add(path, "must be a whole number, got %s", cli.Quote(n.Value))
			return
		}
		*to = i
	}
}

func (r *reader) duration(to *time.Duration) read {
	return func(path string, n *yaml.Node) {
		if !r.scalar(path, n, "a duration such as 30s") {
			return
		}
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			r.add(path, "must be a duration such as 30s, 4m or 1h30m, got %s", cli.Quote(n.Value))
			return
		}
		*to = d
	}
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
