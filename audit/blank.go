package audit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"eppmux/frame"
)

// blanked stands in place of a secret.
const blanked = "***"

// secretNames are elements and attributes, in lower case and whatever their namespace, whose content is a secret: the
// passwords of RFC 5730 section 2.9.1.1 and RFC 8807, the authInfo of the object mappings, the tokens of RFC 8495, and what
// registries call the same.
var secretNames = map[string]bool{
	"pw": true, "newpw": true, "authinfo": true, "password": true, "newpassword": true, "passwd": true, "pwd": true,
	"authcode": true, "newauthinfo": true, "allocationtoken": true,
}

func isSecret(local string) bool { return secretNames[strings.ToLower(local)] }

// Blank appends a payload as UTF-8, without its secrets: what is inside an element of secretNames is left out with
// all that the element says, and so are values of such attributes, comments and processing instructions, and text in which
// markup is written. Where the payload cannot be read with certainty it is false, and nothing is appended.
func Blank(dst, payload []byte) ([]byte, bool) {
	var s frame.Scanner
	m, err := s.Scan(payload)
	if err != nil {
		return dst, false
	}
	b := blanker{out: dst}
	if !b.document(m.Payload) {
		return dst, false
	}
	return b.out, true
}

// blanker reads a document that a Scanner has read before: so it has no DOCTYPE and is UTF-8, and two readers agree on it.
type blanker struct {
	out     []byte
	depth   int      // of open elements from the secret one on; 0: none is
	secrets []string // texts found inside, as a parser gives them
}

func (b *blanker) document(doc []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for from := int64(0); ; {
		t, err := d.RawToken()
		if err != nil {
			return errors.Is(err, io.EOF) && b.depth == 0
		}
		to := d.InputOffset()
		if !b.token(t, doc[from:to]) {
			return false
		}
		from = to
	}
}

// token is one step of document; raw is the token as it is written.
func (b *blanker) token(t xml.Token, raw []byte) bool {
	switch t := t.(type) {
	case xml.StartElement:
		b.start(t, raw)
	case xml.EndElement:
		if b.depth > 0 {
			b.depth--
		} else {
			b.out = append(b.out, raw...)
		}
	case xml.CharData:
		switch {
		case b.depth > 0:
			b.keep(string(t))
		case bytes.IndexByte(t, '<') >= 0: // a document within: it may have secrets of its own
			b.out = append(b.out, blanked...)
		default:
			b.out = append(b.out, raw...)
		}
	case xml.ProcInst:
		if t.Target == "xml" {
			b.out = append(b.out, raw...)
		}
	case xml.Comment:
	default:
		return false
	}
	return true
}

func (b *blanker) start(t xml.StartElement, raw []byte) {
	name := qname(t.Name)
	switch {
	case b.depth > 0:
		b.depth++
		b.keepAttributes(t.Attr)
	case isSecret(t.Name.Local):
		b.depth = 1
		b.keepAttributes(t.Attr)
		b.out = append(b.out, "<"+name+">"+blanked+"</"+name+">"...)
	case hasSecret(t.Attr):
		b.out = append(b.out, "<"+name...)
		for _, a := range t.Attr {
			b.out = append(b.out, " "+qname(a.Name)+`="`...)
			if secretAttribute(a) {
				b.keep(a.Value)
				b.out = append(b.out, blanked...)
			} else {
				b.out = append(b.out, escaped(a.Value)...)
			}
			b.out = append(b.out, '"')
		}
		if bytes.HasSuffix(raw, []byte("/>")) {
			b.out = append(b.out, '/')
		}
		b.out = append(b.out, '>')
	default:
		b.out = append(b.out, raw...)
	}
}

// qname is a name as it is written: RawToken gives the prefix as Space.
func qname(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func hasSecret(all []xml.Attr) bool {
	for _, a := range all {
		if secretAttribute(a) {
			return true
		}
	}
	return false
}

// secretAttribute: a declaration of the prefix pw is none.
func secretAttribute(a xml.Attr) bool { return a.Name.Space != "xmlns" && isSecret(a.Name.Local) }

func escaped(text string) []byte {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a Buffer takes all
	return b.Bytes()
}

const (
	// shortestKept is the length from which a secret is looked for in other texts, in octets: shorter ones stand in any text.
	shortestKept = 4
	// mostKept bounds the work: honest messages have one or two.
	mostKept = 16
)

func (b *blanker) keep(text string) {
	if text = strings.TrimSpace(text); len(text) >= shortestKept && len(b.secrets) <= mostKept {
		b.secrets = append(b.secrets, text)
	}
}

func (b *blanker) keepAttributes(all []xml.Attr) {
	for _, a := range all {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			b.keep(a.Value)
		}
	}
}

// hide blanks the secrets found so far in a text that may repeat them, such as a registry's message. Where there are more
// than are kept, nothing is shown.
func (b *blanker) hide(text string) string {
	if len(b.secrets) > mostKept {
		return blanked
	}
	for _, s := range b.secrets {
		text = strings.ReplaceAll(text, s, blanked)
		text = strings.ReplaceAll(text, string(escaped(s)), blanked)
	}
	return text
}
