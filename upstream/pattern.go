package upstream

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"slices"
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
var DefaultLost = lost(map[int][]string{
	2002: {"not logged in", "not logged on", "log in first", "login first", "must log in", "must login",
		"must be logged in",
		"need to log in", "need to login", "please log in", "please login", "login required", "login is required",
		"not authenticated", "session expired", "session has expired", "session timeout", "no active session"},
	2200: {"not logged in", "not logged on"},
	2201: {"not logged in", "not logged on", "must log in", "must login", "must be logged in", "need to log in",
		"need to login",
		"please log in", "please login", "login required", "login is required", "session timeout", "session expired",
		"session has expired", "no active session"},
})

// lost lists patterns by their codes.
func lost(texts map[int][]string) (all []Pattern) {
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		for _, text := range texts[code] {
			all = append(all, Pattern{code, text})
		}
	}
	return all
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
