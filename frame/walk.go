package frame

import (
	"bytes"
	"unicode/utf8"
)

// Token is the kind of piece of a document that a Walker has come to.
type Token uint8

// The tokens. TokenNone is the end of the document.
const (
	TokenNone        Token = iota
	TokenStart             // start tag
	TokenEmpty             // empty-element tag: start and end in one
	TokenEnd               // end tag
	TokenText              // character data, with references
	TokenCDATA             // CDATA section
	TokenComment           // comment
	TokenInstruction       // processing instruction
	TokenDeclaration       // XML declaration
)

// Walker reads a Message.Payload once more, token by token, for callers that need more of it than
// Scan says. It allocates nothing. It checks nothing, since Scan has done so: a document that Scan
// refuses may be misread or end early, but does not make it panic. A Walker is a value: a copy goes
// on from the same place by itself. Make one with NewWalker.
type Walker struct {
	// What the last call has come to, borrowed from the payload.
	Raw  []byte // the token as it is written
	Name []byte // QName of a tag, target of a processing instruction
	Text []byte // what stands between the marks of text, CDATA or a comment, as written

	p    []byte
	end  int // of the token
	attr int // offset of the next attribute, or of the white space before it
}

// NewWalker returns a Walker at the start of payload.
func NewWalker(payload []byte) Walker { return Walker{p: payload} }

// Next goes on to the next token. At the end of the document, or where it is broken off, it returns
// TokenNone, and does so again on each later call.
func (w *Walker) Next() Token {
	p, i := w.p, w.end
	w.Name, w.Text = nil, nil
	switch {
	case i == len(p):
		return w.until(TokenNone, i, i)
	case p[i] != '<':
		n := bytes.IndexByte(p[i:], '<')
		if n < 0 {
			n = len(p) - i
		}
		w.Text = p[i : i+n]
		return w.until(TokenText, i, i+n)
	case i+2 >= len(p):
		return w.until(TokenNone, i, -1)
	}
	switch p[i+1] {
	case '/':
		n := bytes.IndexByte(p[i+2:], '>')
		if n < 0 {
			return w.until(TokenNone, i, -1)
		}
		w.Name = w.name(i + 2)
		return w.until(TokenEnd, i, i+2+n+1)
	case '?':
		w.Name = w.name(i + 2)
		t := TokenInstruction
		if string(w.Name) == "xml" {
			t = TokenDeclaration
		}
		return w.until(t, i, behind(p, i+2, piEnd))
	case '!':
		if bytes.HasPrefix(p[i:], cdataStart) {
			return w.marked(TokenCDATA, i, cdataStart, cdataEnd)
		}
		return w.marked(TokenComment, i, commentStart, commentClose)
	}
	return w.start(i)
}

// NextStart goes on to the next TokenStart or TokenEmpty, past all other tokens. It returns
// TokenNone if there is none any more.
func (w *Walker) NextStart() Token {
	p := w.p
	for {
		n := bytes.IndexByte(p[w.end:], '<')
		if n < 0 {
			return w.until(TokenNone, w.end, -1)
		}
		i := w.end + n
		switch {
		case i+2 >= len(p):
			return w.until(TokenNone, i, -1)
		case p[i+1] == '/':
			w.end = i + 2 // no need to look for the end of the tag: there is no "<" before it
		case p[i+1] == '!', p[i+1] == '?':
			w.end = i
			if w.Next() == TokenNone {
				return TokenNone
			}
		default:
			return w.start(i)
		}
	}
}

var (
	emptyEnd     = []byte("/>")
	commentClose = []byte("-->")
)

// behind is the offset behind the next mark from i on; -1 if there is none.
func behind(p []byte, i int, mark []byte) int {
	if i > len(p) {
		return -1
	}
	n := bytes.Index(p[i:], mark)
	if n < 0 {
		return -1
	}
	return i + n + len(mark)
}

// until ends the token, which began at start, at end. end is -1 if the document is broken off
// inside the token.
func (w *Walker) until(t Token, start, end int) Token {
	if end < 0 {
		w.Raw, w.Name, w.Text, w.end = nil, nil, nil, len(w.p)
		return TokenNone
	}
	w.Raw, w.end = w.p[start:end], end
	return t
}

// marked reads the token at i between the marks open and closing.
func (w *Walker) marked(t Token, i int, open, closing []byte) Token {
	from := i + len(open)
	end := behind(w.p, from, closing)
	if end >= 0 {
		w.Text = w.p[from : end-len(closing)]
	}
	return w.until(t, i, end)
}

// start reads the start tag or empty-element tag at i.
func (w *Walker) start(i int) Token {
	p := w.p
	w.Name, w.Text = w.name(i+1), nil
	first := i + 1 + len(w.Name)
	at := first
	for at >= 0 {
		at = skipSpace(p, at)
		switch {
		case at == len(p):
			at = -1
		case p[at] == '>':
			w.attr = first
			return w.until(TokenStart, i, at+1)
		case p[at] == '/' && at+1 < len(p) && p[at+1] == '>':
			w.attr = first
			return w.until(TokenEmpty, i, at+2)
		default:
			_, _, at = w.attribute(at)
		}
	}
	return w.until(TokenNone, i, -1)
}

// endsName has the octets that end a name, in a tag or a processing instruction.
var endsName = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '>': true, '/': true, '=': true, '?': true}

// name is the name at i, up to an octet of endsName.
func (w *Walker) name(i int) []byte {
	end := i
	for end < len(w.p) && !endsName[w.p[end]] {
		end++
	}
	return w.p[i:end]
}

// attribute reads the attribute at i and gives the offset behind it; -1 if there is none.
func (w *Walker) attribute(i int) (name, value []byte, next int) {
	name = w.name(i)
	at := skipSpace(w.p, i+len(name))
	if at == len(w.p) || w.p[at] != '=' {
		return nil, nil, -1
	}
	at = skipSpace(w.p, at+1)
	if at == len(w.p) || w.p[at] != '"' && w.p[at] != '\'' {
		return nil, nil, -1
	}
	n := bytes.IndexByte(w.p[at+1:], w.p[at])
	if n < 0 {
		return nil, nil, -1
	}
	return name, w.p[at+1 : at+1+n], at + n + 2
}

// Attribute gives the next attribute of the tag that w is at, namespace declarations included. The
// value is as written, without quotes: see AppendAttribute. Both are borrowed from the payload. ok
// is false if there is no attribute left.
func (w *Walker) Attribute() (name, value []byte, ok bool) {
	i := skipSpace(w.p, w.attr)
	if i >= w.end || w.p[i] == '>' || w.p[i] == '/' {
		return nil, nil, false
	}
	name, value, w.attr = w.attribute(i)
	return name, value, true
}

// Root goes to the start tag of the root. It is false if the root is an empty-element tag, or there
// is none.
func (w *Walker) Root() bool { return w.NextStart() == TokenStart }

// Child goes on to the next child, by its local name, of the element that w is in. It returns
// TokenEmpty, or TokenStart, and then w is in that child. It returns TokenNone if the element has
// ended without such a child.
func (w *Walker) Child(name string) Token {
	for {
		switch t := w.element(); {
		case t == TokenNone, string(Local(w.Name)) == name:
			return t
		case t == TokenStart:
			w.skip()
		}
	}
}

// element goes on to the next child of the element that w is in: TokenStart, TokenEmpty, or
// TokenNone if the element has ended.
func (w *Walker) element() Token {
	for {
		switch t := w.Next(); t {
		case TokenStart, TokenEmpty, TokenNone:
			return t
		case TokenEnd:
			return TokenNone
		}
	}
}

// skip goes on to the end tag of the element that w is in.
func (w *Walker) skip() {
	for depth := 0; depth >= 0; {
		switch w.Next() {
		case TokenStart:
			depth++
		case TokenEnd:
			depth--
		case TokenNone:
			return
		}
	}
}

// AppendContent appends the text of the element whose tag w is at, with white space collapsed as in
// xs:token, and goes on to the end of the element. Text of elements inside it is left out.
func (w *Walker) AppendContent(dst []byte) []byte {
	if bytes.HasSuffix(w.Raw, emptyEnd) {
		return dst
	}
	start := len(dst)
	for depth := 0; depth >= 0; {
		switch w.Next() {
		case TokenNone:
			depth = -1
		case TokenStart:
			depth++
		case TokenEnd:
			depth--
		case TokenText, TokenCDATA:
			if depth == 0 {
				dst = w.AppendText(dst)
			}
		}
	}
	return collapseFrom(dst, start)
}

// collapseFrom collapses white space in b from start on, in place, as in xs:token.
func collapseFrom(b []byte, start int) []byte {
	to := start
	for i := start; i < len(b); i++ {
		switch {
		case class[b[i]]&isSpace == 0:
			b[to] = b[i]
			to++
		case to > start && b[to-1] != ' ':
			b[to] = ' '
			to++
		}
	}
	if to > start && b[to-1] == ' ' {
		to--
	}
	return b[:to]
}

// Local is the local part of a QName: the name without its prefix. It is borrowed from name.
func Local(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// AppendText appends the text of a TokenText or TokenCDATA as a parser gives it: references
// resolved, line ends as line feeds. It appends nothing of any other token.
func (w *Walker) AppendText(dst []byte) []byte {
	cdata := len(w.Raw) > 0 && w.Raw[0] == '<'
	if cdata && !bytes.HasPrefix(w.Raw, cdataStart) {
		return dst
	}
	for i := 0; i < len(w.Text); {
		switch c := w.Text[i]; {
		case c == '&' && !cdata:
			r, next := reference(w.Text, i)
			if next < 0 {
				return dst
			}
			dst, i = utf8.AppendRune(dst, r), next
		case c == '\r': // XML 1.0 section 2.11
			if i++; i == len(w.Text) || w.Text[i] != '\n' {
				dst = append(dst, '\n')
			}
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// AppendAttribute appends the value of an attribute, as Walker.Attribute gives it, in the form in
// which a parser gives it: references resolved, each white space character made a space.
func AppendAttribute(dst, value []byte) []byte {
	if isPlain(value) {
		return append(dst, value...)
	}
	return appendAttribute(dst, value)
}
