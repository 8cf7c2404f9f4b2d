package upstream

import (
	"bytes"

	"eppmux/frame"
)

// Pattern is an answer by its code and a part of its text.
type Pattern struct {
	Code int
	Text string // in lower case, somewhere in the payload; empty: any text
}

// DefaultLost are answers to a command that can only mean a lost login: a command for which the client has no right gets
// 2201 too, so that the text must say it.
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

// matchAny says whether m is one of the patterns.
func matchAny(patterns []Pattern, m *frame.Message) bool {
	for _, p := range patterns {
		if p.Code == m.Code && (p.Text == "" || bytes.Contains(bytes.ToLower(m.Payload), []byte(p.Text))) {
			return true
		}
	}
	return false
}
