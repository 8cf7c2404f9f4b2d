package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"eppmux/frame"
)

// token is a piece of a document, octet for octet. For a start tag, end is the index of its end
// tag, and text says whether its content has text beside elements.
type token struct {
	raw  []byte
	kind byte // '<' start, '>' end, 't' text, '!' anything else
	end  int
	text bool
}

// indent lays a well-formed document out for reading, one element per line, and ends it with a
// newline. Elements that hold text stay as they are, octet for octet; only white space between
// elements changes.
func indent(doc []byte) []byte {
	tokens := tokenize(doc)
	if tokens == nil {
		return append(bytes.Clone(doc), '\n')
	}
	var out bytes.Buffer
	for i, depth := 0, 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.kind == 't': // between elements: blank
			continue
		case t.kind == '>':
			depth--
			if len(t.raw) == 0 { // of an empty-element tag
				continue
			}
		}
		out.WriteString(strings.Repeat("  ", depth))
		if t.kind == '<' && (t.text || t.end == i+1 || t.end == i+2 && tokens[i+1].kind == 't') {
			for ; i < t.end; i++ {
				out.Write(tokens[i].raw)
			}
			out.Write(tokens[t.end].raw)
		} else {
			out.Write(t.raw)
			if t.kind == '<' {
				depth++
			}
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// tokenize cuts a document into its pieces. It returns nil if the document is not well-formed
// enough.
func tokenize(doc []byte) []token {
	d := frame.NewDecoder(doc)
	var tokens []token
	var open []int // indices of the start tags that are not closed yet
	root := false  // seen
	for {
		from := d.InputOffset()
		x, err := d.RawToken()
		if x == nil {
			if err != io.EOF || len(open) > 0 || !root {
				return nil
			}
			return tokens
		}
		t := token{raw: doc[from:d.InputOffset()], kind: '!'}
		switch x.(type) {
		case xml.StartElement:
			t.kind, root = '<', true
			open = append(open, len(tokens))
		case xml.EndElement:
			t.kind = '>'
			if len(open) == 0 {
				return nil
			}
			tokens[open[len(open)-1]].end = len(tokens)
			open = open[:len(open)-1]
		case xml.CharData:
			t.kind = 't'
			blank := len(bytes.TrimSpace(t.raw)) == 0
			switch {
			case !blank && len(open) == 0:
				return nil
			case !blank:
				tokens[open[len(open)-1]].text = true
			}
		}
		tokens = append(tokens, t)
	}
}

// visible makes a document safe to print: a character that a terminal may obey or hide becomes a
// character reference. XML 1.0 allows the C1 controls, one of which begins escape sequences, and
// characters that reverse the direction of text. Line ends become those of XML 1.0 section 2.11.
func visible(doc []byte) []byte {
	doc = bytes.ReplaceAll(doc, []byte("\r\n"), []byte("\n"))
	out := make([]byte, 0, len(doc))
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case r == '\r':
			out = append(out, '\n')
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		default:
			out = fmt.Appendf(out, "&#x%X;", r)
		}
		doc = doc[n:]
	}
	return out
}
