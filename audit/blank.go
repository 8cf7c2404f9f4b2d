package audit

import (
	"bytes"
	"encoding/xml"
	"strings"
	"unicode/utf8"

	"eppmux/frame"
)

// blanked stands in place of a secret.
const blanked = "***"

// secretNames are elements and attributes, in lower case and whatever their namespace, whose
// content is a secret: the passwords of RFC 5730 section 2.9.1.1 and RFC 8807, the authInfo of the
// object mappings, the tokens of RFC 8495, and what registries call the same.
var secretNames = map[string]bool{
	"pw": true, "newpw": true, "authinfo": true, "password": true, "newpassword": true, "passwd": true, "pwd": true,
	"authcode": true, "newauthinfo": true, "allocationtoken": true,
}

// longestSecretName is theirs, in octets.
const longestSecretName = len("allocationtoken")

func isSecret(name []byte) bool {
	local := frame.Local(name)
	if len(local) < 2 {
		return false
	}
	switch local[0] | 0x20 {
	case 'a', 'n', 'p': // no letter beyond ASCII has one of these as its lower one
	default:
		return false
	}
	var lower [longestSecretName]byte
	for i, c := range local {
		if c >= utf8.RuneSelf || i == len(lower) { // some letters beyond ASCII have lower ones within
			return secretNames[strings.ToLower(string(local))]
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return secretNames[string(lower[:len(local)])]
}

// secretAttribute: a declaration of the prefix pw is none.
func secretAttribute(name []byte) bool {
	return !bytes.HasPrefix(name, []byte("xmlns:")) && isSecret(name)
}

// blanker reads a document that a Scanner has read before: so it has no DOCTYPE and is UTF-8, and
// two readers agree on it.
type blanker struct {
	out   []byte // the document without its secrets
	depth int    // of open elements from the secret one on; 0: none is
	// text since the last tag, as a parser gives it: comments and the marks of CDATA do not divide
	// it
	run     []byte
	runAt   int // where it begins in out
	kept    []byte
	secrets []frame.Span // of kept: texts found inside, as a parser gives them
	spaced  bool         // one of them has white space in it
	scratch []byte
}

// reset forgets the secrets found so far.
func (b *blanker) reset() { b.kept, b.secrets, b.spaced = b.kept[:0], b.secrets[:0], false }

// document makes out of a document, and adds its secrets to those found so far; false: it cannot be
// read. Text that repeats one of those found before is blanked, however it is written.
func (b *blanker) document(doc []byte) bool {
	b.out, b.depth, b.run = b.out[:0], 0, b.run[:0]
	read := 0
	w := frame.NewWalker(doc)
	for t := w.Next(); t != frame.TokenNone; t = w.Next() {
		read += len(w.Raw)
		b.token(t, &w)
	}
	return b.depth == 0 && read == len(doc)
}

// find is document that makes no out.
func (b *blanker) find(doc []byte) {
	b.depth, b.run = 0, b.run[:0]
	w := frame.NewWalker(doc)
	for t := w.NextStart(); t != frame.TokenNone; t = w.NextStart() {
		if !isSecret(w.Name) {
			b.keepSecretAttributes(w)
			continue
		}
		b.enter(t, &w)
		for b.depth > 0 && t != frame.TokenNone {
			t = w.Next()
			b.inside(t, &w)
		}
	}
}

// token is one step of document.
func (b *blanker) token(t frame.Token, w *frame.Walker) {
	switch {
	case b.depth > 0:
		b.inside(t, w)
	case t == frame.TokenStart, t == frame.TokenEmpty:
		b.endRun()
		b.start(t, w)
	case t == frame.TokenText, t == frame.TokenCDATA:
		if len(b.run) == 0 {
			b.runAt = len(b.out)
		}
		b.run = w.AppendText(b.run)
		b.out = append(b.out, w.Raw...)
	case t == frame.TokenEnd:
		b.endRun()
		b.out = append(b.out, w.Raw...)
	case t == frame.TokenDeclaration:
		b.out = append(b.out, w.Raw...)
	}
}

// endRun blanks what is secret in the text that ends here.
func (b *blanker) endRun() {
	run := b.run
	b.run = b.run[:0]
	if bytes.IndexByte(run, '<') >= 0 { // a document within: it may have secrets of its own
		b.out = append(b.out[:b.runAt], blanked...)
		return
	}
	if shown, changed := b.repeated(run); changed {
		b.out = append(b.out[:b.runAt], escaped(shown)...)
	}
}

// repeated says whether text repeats secrets found so far, also with other white space, and gives
// it without them.
func (b *blanker) repeated(text []byte) (shown []byte, changed bool) {
	if len(text) < shortestKept || len(b.secrets) == 0 {
		return text, false
	}
	if shown = b.hide(text); !bytes.Equal(shown, text) {
		return shown, true
	}
	if b.spaced {
		once := collapsed(text)
		if shown = b.hide(once); !bytes.Equal(shown, once) {
			return shown, true
		}
	}
	return text, false
}

func (b *blanker) start(t frame.Token, w *frame.Walker) {
	switch {
	case isSecret(w.Name):
		b.out = append(append(b.out, '<'), w.Name...)
		b.out = append(append(b.out, ">"+blanked+"</"...), w.Name...)
		b.out = append(b.out, '>')
		b.enter(t, w)
	case b.keepSecretAttributes(*w) || b.repeatedInAttributes(*w):
		b.out = append(append(b.out, '<'), w.Name...)
		for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
			b.out = append(append(append(b.out, ' '), name...), `="`...)
			if secretAttribute(name) {
				b.out = append(b.out, blanked...)
			} else {
				shown, _ := b.repeated(frame.AppendAttribute(nil, value))
				b.out = append(b.out, escaped(shown)...)
			}
			b.out = append(b.out, '"')
		}
		if t == frame.TokenEmpty {
			b.out = append(b.out, '/')
		}
		b.out = append(b.out, '>')
	default:
		b.out = append(b.out, w.Raw...)
	}
}

// enter begins a secret element, at its start tag.
func (b *blanker) enter(t frame.Token, w *frame.Walker) {
	if t == frame.TokenStart {
		b.depth++
	}
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if string(name) != "xmlns" && !bytes.HasPrefix(name, []byte("xmlns:")) {
			b.keepAttribute(value)
		}
	}
}

// inside is one step inside a secret element.
func (b *blanker) inside(t frame.Token, w *frame.Walker) {
	switch t {
	case frame.TokenStart, frame.TokenEmpty:
		b.keepRun()
		b.enter(t, w)
	case frame.TokenEnd:
		b.keepRun()
		b.depth--
	case frame.TokenText, frame.TokenCDATA:
		b.run = w.AppendText(b.run)
	}
}

// keepSecretAttributes says whether a tag has any.
func (b *blanker) keepSecretAttributes(w frame.Walker) (any bool) {
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if secretAttribute(name) {
			any = true
			b.keepAttribute(value)
		}
	}
	return any
}

// repeatedInAttributes says whether a tag's attributes repeat secrets found so far.
func (b *blanker) repeatedInAttributes(w frame.Walker) bool {
	if len(b.secrets) == 0 {
		return false
	}
	for _, value, ok := w.Attribute(); ok; _, value, ok = w.Attribute() {
		b.scratch = frame.AppendAttribute(b.scratch[:0], value)
		if _, changed := b.repeated(b.scratch); changed {
			return true
		}
	}
	return false
}

func escaped(text []byte) []byte {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, text) // a Buffer takes all
	return b.Bytes()
}

const (
	// shortestKept is the length from which a secret is looked for in other texts, in octets:
	// shorter ones stand in any text.
	shortestKept = 4
	// mostKept bounds the work: honest messages have one or two.
	mostKept = 16
)

// keep keeps a copy of text, once.
func (b *blanker) keep(text []byte) {
	if text = bytes.TrimSpace(text); len(text) < shortestKept || len(b.secrets) > mostKept {
		return
	}
	for _, at := range b.secrets {
		if bytes.Equal(b.kept[at.Start:at.End], text) {
			return
		}
	}
	b.spaced = b.spaced || bytes.ContainsAny(text, " \t\r\n")
	from := len(b.kept)
	b.kept = append(b.kept, text...)
	b.secrets = append(b.secrets, frame.Span{Start: from, End: len(b.kept)})
}

func (b *blanker) keepRun() {
	b.keep(b.run)
	b.run = b.run[:0]
}

func (b *blanker) keepAttribute(value []byte) {
	b.scratch = frame.AppendAttribute(b.scratch[:0], value)
	b.keep(b.scratch)
}

// hide blanks the secrets found so far in a text that may repeat them, such as a registry's
// message. Where there are more than are kept, nothing is shown. It leaves text as it is.
func (b *blanker) hide(text []byte) []byte {
	if len(b.secrets) > mostKept {
		return []byte(blanked)
	}
	for _, at := range b.secrets {
		s := b.kept[at.Start:at.End]
		text = without(text, s)
		if bytes.ContainsAny(s, "\t\r\n\"'&<> ") {
			text = without(text, escaped(s))
			text = without(text, collapsed(s)) // as a registry's message is shown
		}
	}
	return text
}

// collapsed is s with white space as xs:token has it.
func collapsed(s []byte) []byte {
	return bytes.Join(bytes.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }), []byte(" "))
}

// without blanks each s in text.
func without(text, s []byte) []byte {
	if !bytes.Contains(text, s) {
		return text
	}
	return bytes.ReplaceAll(text, s, []byte(blanked))
}
