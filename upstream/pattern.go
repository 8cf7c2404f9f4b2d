package upstream

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"eppmux/frame"
)

// Pattern describes answers by their code and a part of their text.
type Pattern struct {
	Code int
	Text string // in lower case, to be found in the words of the result; empty: any words
}

// DefaultLost are the answers to a command that can only mean a lost login. The code alone does not
// tell: a command for which the client has no right gets 2201 too.
var DefaultLost = []Pattern{
	{2002, "not logged in"},
	{2002, "log in first"},
	{2002, "login first"},
	{2002, "not authenticated"},
	{2200, "not logged in"},
	{2201, "not logged in"},
	{2201, "session timeout"},
	{2201, "session expired"},
}

// matchAny reports whether m matches one of the patterns. It looks at the registry's own words only,
// since the parts of a command that an answer repeats may say anything: in elements of their own, or
// within the words, where a pattern counts only if the command does not hold its text. command is
// the payload of a client's command that m answers; nil for a command of our own. It does not read
// the words of an answer above maxWorded.
func matchAny(patterns []Pattern, m *frame.Message, command []byte) bool {
	text, read := "", false
	for _, p := range patterns {
		if p.Code != m.Code {
			continue
		}
		if p.Text == "" {
			return true
		}
		if !read {
			text, read = strings.ToLower(wordsOf(m)), true
		}
		if strings.Contains(text, p.Text) && !holds(command, p.Text) {
			return true
		}
	}
	return false
}

// holds reports whether a payload holds the text, in lower case, as a parser sees it: in its content
// or an attribute, and whatever white space or tags stand between the words. Of a payload that is
// too long to be read, or that encoding/xml cannot read, it is taken for granted.
func holds(payload []byte, text string) bool {
	if len(payload) > maxWorded {
		return true
	}
	var content, attributes strings.Builder
	d := frame.NewDecoder(payload)
	for {
		token, err := d.RawToken()
		switch token := token.(type) {
		case xml.CharData:
			content.Write(token)
		case xml.StartElement:
			for _, a := range token.Attr {
				attributes.WriteString(a.Value + " ")
			}
			content.WriteByte(' ')
		case xml.EndElement:
			content.WriteByte(' ')
		}
		if err != nil {
			all := content.String() + " | " + attributes.String()
			all = strings.ToLower(strings.Join(strings.Fields(all), " "))
			return !errors.Is(err, io.EOF) || strings.Contains(all, text)
		}
	}
}

// maxWorded is the longest answer whose words are read, in octets: they take a slow parser, on the
// loop. The answer to a refused command has a few hundred, and the parts of the command that it
// repeats.
const maxWorded = 16 << 10

// wordsOf returns the words of a response: msg and reasons of its first result. Empty for an answer
// above maxWorded.
func wordsOf(m *frame.Message) string {
	if len(m.Payload) > maxWorded {
		return ""
	}
	_, words, err := frame.ParseResult(m.Payload)
	if err != nil {
		return ""
	}
	return words
}
