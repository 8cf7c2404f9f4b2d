package sandbox

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// shape is the type of an element, as in an XML schema. An element is either a leaf with a rule for
// its text, or it holds children in the order of its slots.
type shape struct {
	kids   []slot
	choice bool     // the children must all be of one slot
	text   rule     // nil for an element without text
	attrs  []attrIs // unknown attributes without namespace are refused
	open   bool     // any content and attributes
	// carries: it holds one element of another namespace, which has a shape of its own.
	carries bool
	also    func(*node) *fault // a last test, may be nil
}

// slot is a place for children of one name. most < 0 means no limit.
type slot struct {
	name        string
	least, most int
	shape       *shape
}

// attrIs is an attribute that an element may have. needs: it must have it.
type attrIs struct {
	name  string
	needs bool
	value rule
}

// rule tests a text with white space collapsed. It returns 0, or the result code of the fault.
type rule func(s string) int

// shapeName names an element or, in handlers and objectShapes, a command for an object.
type shapeName struct{ space, local string }

// checkShape tests n against its shape. Wrong or misplaced elements are 2001, missing ones 2003,
// values out of range 2004 and malformed values 2005. Children must be in n's namespace.
func checkShape(n *node, sh *shape) *fault {
	if sh.open {
		return nil
	}
	if f := checkAttrs(n, sh); f != nil {
		return f
	}
	if sh.text != nil {
		if len(n.kids) > 0 {
			return &fault{codeSyntax, n.local + " takes no elements"}
		}
		if code := sh.text(collapse(n.text)); code != 0 {
			return &fault{code, n.local}
		}
		return nil
	}
	if !blank(n.text) {
		return &fault{codeSyntax, n.local + " takes no text"}
	}
	if sh.carries {
		return checkCarried(n)
	}
	if f := checkKids(n, sh); f != nil {
		return f
	}
	if sh.also != nil {
		return sh.also(n)
	}
	return nil
}

func checkCarried(n *node) *fault {
	switch {
	case len(n.kids) == 0:
		return &fault{codeMissing, n.local + " of what"}
	case len(n.kids) > 1 || n.kids[0].space == n.space:
		return &fault{codeSyntax, n.local + " takes one element of an object"}
	}
	return nil
}

func checkAttrs(n *node, sh *shape) *fault {
	for _, a := range n.attrs {
		if a.isNil() || a.space == "" &&
			!slices.ContainsFunc(sh.attrs, func(k attrIs) bool { return k.name == a.local }) {
			return &fault{codeSyntax, n.local + " takes no attribute " + a.local}
		}
	}
	for _, k := range sh.attrs {
		v, ok := n.attr(k.name)
		if !ok && k.needs {
			return &fault{codeMissing, "attribute " + k.name}
		}
		if ok {
			if code := k.value(v); code != 0 {
				return &fault{code, "attribute " + k.name}
			}
		}
	}
	return nil
}

// checkKids tests the children of n against the slots of its shape.
func checkKids(n *node, sh *shape) *fault {
	at, count := 0, 0
	for i, k := range n.kids {
		j := slices.IndexFunc(sh.kids, func(s slot) bool { return s.name == k.local })
		if j < 0 || k.space != n.space {
			return &fault{codeSyntax, "unexpected element " + k.local}
		}
		if j != at {
			if j < at || sh.choice && i > 0 {
				return &fault{codeSyntax, "misplaced element " + k.local}
			}
			if f := skipped(n.kids[i:], sh, at, j, count); f != nil {
				return f
			}
			at, count = j, 0
		}
		count++
		if s := sh.kids[j]; s.most >= 0 && count > s.most {
			return &fault{codeSyntax, "too many elements " + k.local}
		}
		if f := checkShape(k, sh.kids[j].shape); f != nil {
			return f
		}
	}
	if sh.choice {
		if len(n.kids) == 0 {
			return &fault{codeMissing, n.local + " is empty"}
		}
		return nil
	}
	return skipped(nil, sh, at, len(sh.kids), count)
}

// skipped tests the slots from..to-1, of which the first has count children and the others none. A
// child that they demand is missing, or misplaced if it stands among the rest.
func skipped(rest []*node, sh *shape, from, to, count int) *fault {
	if sh.choice {
		return nil
	}
	for i := from; i < to; i++ {
		if count < sh.kids[i].least {
			name := sh.kids[i].name
			if slices.ContainsFunc(rest, func(k *node) bool { return k.local == name }) {
				return &fault{codeSyntax, "misplaced element " + name}
			}
			return &fault{codeMissing, name}
		}
		count = 0
	}
	return nil
}

// Constructors of shapes, slots and attributes, named to read like a schema.

func leaf(text rule, attrs ...attrIs) *shape   { return &shape{text: text, attrs: attrs} }
func seq(kids ...slot) *shape                  { return &shape{kids: kids} }
func either(kids ...slot) *shape               { return &shape{kids: kids, choice: true} }
func one(name string, sh *shape) slot          { return slot{name, 1, 1, sh} }
func maybe(name string, sh *shape) slot        { return slot{name, 0, 1, sh} }
func some(name string, sh *shape) slot         { return slot{name, 1, -1, sh} }
func many(name string, sh *shape) slot         { return slot{name, 0, -1, sh} }
func upTo(n int, name string, sh *shape) slot  { return slot{name, 0, n, sh} }
func oneTo(n int, name string, sh *shape) slot { return slot{name, 1, n, sh} }
func (sh *shape) with(attrs ...attrIs) *shape  { c := *sh; c.attrs = attrs; return &c }
func needs(name string, value rule) attrIs     { return attrIs{name, true, value} }
func takes(name string, value rule) attrIs     { return attrIs{name, false, value} }

// chars is the rule for a text of so many characters. most < 0 means no limit.
func chars(least, most int) rule {
	return func(s string) int {
		if n := utf8.RuneCountInString(s); n < least || most >= 0 && n > most {
			return codeValue
		}
		return 0
	}
}

func anyText(string) int { return 0 }

// among is the rule for a text that is one of values.
func among(values ...string) rule {
	return func(s string) int {
		if !slices.Contains(values, s) {
			return codeValue
		}
		return 0
	}
}

// number is the rule for a whole number within bounds. A number out of bounds is 2004, RFC 5730
// section 3.
func number(least, most uint64) rule {
	return func(s string) int {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64)
		if err != nil {
			return codeValue
		}
		if n < least || n > most {
			return codeRange
		}
		return 0
	}
}

// pattern is the rule for a text that a regular expression matches as a whole.
func pattern(expr string) rule {
	re := regexp.MustCompile("^(?:" + expr + ")$")
	return func(s string) int {
		if !re.MatchString(s) {
			return codeValue
		}
		return 0
	}
}

func isDate(s string) int {
	if _, err := parseDate(s); err != nil {
		return codeValue
	}
	return 0
}

// parseDate reads an xs:date. It ignores the time zone.
func parseDate(s string) (time.Time, error) {
	if len(s) > 10 {
		if _, err := time.Parse("Z07:00", s[10:]); err != nil {
			return time.Time{}, err
		}
		s = s[:10]
	}
	return time.Parse("2006-01-02", s)
}

func isDateTime(s string) int {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if _, err := time.Parse(form, s); err == nil {
			return 0
		}
	}
	return codeValue
}

func isHex(s string) int {
	if _, err := hex.DecodeString(s); err != nil || s == "" {
		return codeValue
	}
	return 0
}

func isBase64(s string) int {
	if _, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(s, " ", "")); err != nil || s == "" {
		return codeValue
	}
	return 0
}

var (
	isLabel    = chars(1, 255)
	isClID     = chars(3, 16)
	isFlag     = among("true", "false", "1", "0")
	isLanguage = pattern(`[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`)
	isE164     = pattern(`(\+[0-9]{1,3}\.[0-9]{1,14})?`)
	isROID     = pattern(`[\pL\pN_]{1,80}-[\pL\pN]{1,8}`)
	isVersion  = pattern(`[1-9]+\.[0-9]+`)
	isNothing  = chars(0, 0)
	isCurrency = pattern(`[A-Z]{3}`)
	isFee      = pattern(`\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)|-0+(\.0*)?`)
	isCredit   = pattern(`-([0-9]+(\.[0-9]*)?|\.[0-9]+)|\+?0+(\.0*)?`)
)
