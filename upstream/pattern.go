package upstream

import (
	"strings"

	"eppmux/frame"
)

// Pattern is an answer by its code and a part of its text.
type Pattern struct {
	Code int
	Text string // in lower case, somewhere in the words of the result; empty: any
}

// DefaultLost are answers to a command that can only mean a lost login: a command for which the
// client has no right gets 2201 too, so that the text must say it.
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

// matchAny says whether m is one of the patterns. It looks only at the registry's own words: what
// it echoes of a command may say anything. Those of an answer above maxWorded are not read.
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

// maxWorded is the longest answer of which the words are read, in octets: that takes a slow parser,
// on the loop. What a registry answers to a command that it refuses has a few hundred, and what it
// echoes of the command.
const maxWorded = 16 << 10

// wordsOf is what a response says, msg and reasons of its first result; empty where it is too long
// to look.
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
