package audit

import (
	"bytes"
	"encoding/xml"
	"strings"
	"unicode/utf8"

	"eppmux/frame"
)

// blanked takes the place of a secret.
const blanked = "***"

// secretNames are the local names, in lower case, of elements and attributes whose content is a
// secret, in any namespace: the passwords of RFC 5730 section 2.9.1.1 and RFC 8807, the authInfo of
// the object mappings, the tokens of RFC 8495, and what registries use in their place.
var secretNames = map[string]bool{
	"pw": true, "newpw": true, "authinfo": true, "password": true, "newpassword": true, "passwd": true, "pwd": true,
	"authcode": true, "newauthinfo": true, "allocationtoken": true,
}

// longestSecretName is the length of the longest of secretNames, in octets.
const longestSecretName = len("allocationtoken")

// isSecret reports whether name, a QName, is one of secretNames but for its prefix and its case.
func isSecret(name []byte) bool {
	local := frame.Local(name)
	if len(local) < 2 {
		return false
	}
	switch local[0] | 0x20 {
	case 'a', 'n', 'p': // the lower case of no letter beyond ASCII is one of these
	default:
		return false
	}
	var lower [longestSecretName]byte
	for i, c := range local {
		// The lower case of some letters beyond ASCII is in ASCII.
		if c >= utf8.RuneSelf || i == len(lower) {
			return secretNames[strings.ToLower(string(local))]
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return secretNames[string(lower[:len(local)])]
}

// secretAttribute reports whether the attribute of that name is a secret. The declaration of a
// prefix pw is not.
func secretAttribute(name []byte) bool {
	return !bytes.HasPrefix(name, []byte("xmlns:")) && isSecret(name)
}

// blanker takes the secrets out of a document. What is inside an element of secretNames goes, with
// its attributes and all elements in it, and so do values of secret attributes, comments,
// processing instructions, and text in which markup is written. A Scanner must have accepted the
// document: so it has no DOCTYPE, is UTF-8, and two readers agree on it. The zero value is ready to
// use.
type blanker struct {
	out   []byte // the document without its secrets
	depth int    // open elements, counted from the secret one on; 0 outside of secret elements
	// run is the text since the last tag, as a parser gives it. Comments and the marks of CDATA do
	// not divide it.
	run     []byte
	runAt   int          // offset in out at which run begins
	kept    []byte       // the secrets found so far, as a parser gives them
	secrets []frame.Span // each of them, in kept
	spaced  bool         // one of them has white space in it
	scratch []byte
}

// reset forgets the secrets found so far.
func (b *blanker) reset() { b.kept, b.secrets, b.spaced = b.kept[:0], b.secrets[:0], false }

// document sets out to a document without its secrets, which it adds to the secrets found so far.
// Text that repeats a secret found so far is blanked, in whatever form it is written. It is false
// if the document cannot be read to its end.
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

// find adds the secrets of a document to those found so far, as far as it can be read, and leaves
// out alone.
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

// token does one step of document.
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

// endRun blanks the secrets in the text that ends here.
func (b *blanker) endRun() {
	run := b.run
	b.run = b.run[:0]
	if bytes.IndexByte(run, '<') >= 0 { // a document in the text may have secrets of its own
		b.out = append(b.out[:b.runAt], blanked...)
		return
	}
	if shown, changed := b.repeated(run); changed {
		b.out = append(b.out[:b.runAt], escaped(shown)...)
	}
}

// repeated reports whether text repeats secrets found so far, be it with other white space, and
// gives the text without them.
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

// start does the step of a start tag or empty-element tag outside of secret elements.
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

// enter does the step of a secret element's tag, or of a tag inside it: it keeps the attributes.
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

// inside does one step inside a secret element.
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

// keepSecretAttributes keeps the secret attributes of a tag and reports whether it has any. It gets
// a copy of the Walker, whose place does not change.
func (b *blanker) keepSecretAttributes(w frame.Walker) (any bool) {
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if secretAttribute(name) {
			any = true
			b.keepAttribute(value)
		}
	}
	return any
}

// repeatedInAttributes reports whether an attribute of a tag repeats a secret found so far.
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

// escaped is text as it is written in XML.
func escaped(text []byte) []byte {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, text) // writing to a Buffer does not fail
	return b.Bytes()
}

const (
	// shortestKept is the length in octets from which on a secret is looked for in other texts.
	// Shorter ones occur in any text.
	shortestKept = 4
	// mostKept bounds the work: how many secrets are looked for. An honest message has one or two.
	mostKept = 16
)

// keep adds a copy of text to the secrets, unless it is short or among them already.
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

// keepRun keeps the text that ends here, inside a secret element.
func (b *blanker) keepRun() {
	b.keep(b.run)
	b.run = b.run[:0]
}

// keepAttribute keeps the value of a secret attribute, which is given as written.
func (b *blanker) keepAttribute(value []byte) {
	b.scratch = frame.AppendAttribute(b.scratch[:0], value)
	b.keep(b.scratch)
}

// hide blanks the secrets found so far in a text that may repeat them, such as a registry's
// message. If there are more secrets than mostKept it blanks the whole text. text itself is not
// changed.
func (b *blanker) hide(text []byte) []byte {
	if len(b.secrets) > mostKept {
		return []byte(blanked)
	}
	for _, at := range b.secrets {
		s := b.kept[at.Start:at.End]
		text = without(text, s)
		if bytes.ContainsAny(s, "\t\r\n\"'&<> ") {
			text = without(text, escaped(s))
			text = without(text, collapsed(s)) // in the form of Line.Message
		}
	}
	return text
}

// collapsed is s with white space collapsed as in xs:token.
func collapsed(s []byte) []byte {
	isSpace := func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }
	return bytes.Join(bytes.FieldsFunc(s, isSpace), []byte(" "))
}

// without is text with each s in it blanked; text itself if there is none.
func without(text, s []byte) []byte {
	if !bytes.Contains(text, s) {
		return text
	}
	return bytes.ReplaceAll(text, s, []byte(blanked))
}
