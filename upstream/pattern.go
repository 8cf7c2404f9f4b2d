package upstream

import (
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

// matchAny reports whether m matches one of the patterns. It looks at the registry's own words
// only, since the parts of a command that an answer repeats may say anything. It does not read the
// words of an answer above maxWorded.
func matchAny(patterns []Pattern, m *frame.Message) bool {
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
		if strings.Contains(text, p.Text) {
			return true
		}
	}
	return false
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
