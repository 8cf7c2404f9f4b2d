package status

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// maxWords bounds, in octets, the text of others that is shown in one place.
const maxWords = 300

// clean makes text fit to be shown anywhere: one line of bounded length, without control
// characters, escape sequences and marks that turn the direction of writing.
func clean(text string) string {
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// ends are what package net says of a connection before it says what happened.
var ends = regexp.MustCompile(`(read|write|dial|accept) (tcp|unix) \S+?(->\S+)?: `)

// jargon is what only programmers read, and what is said instead, in the order of replacement.
var jargon = []struct{ from, to string }{
	{"tls: tls: ", "tls: "},
	{": connect: ", ": "},
	{"accept4: ", ""},
	{"i/o timeout", "no answer in time"},
	{"context deadline exceeded", "not in time"},
}

// plain is an error without what only programmers read. It is clean.
func plain(err string) string {
	err = ends.ReplaceAllStringFunc(clean(err), func(found string) string {
		if to, ok := strings.CutPrefix(found, "dial tcp "); ok {
			return to
		}
		return ""
	})
	for _, j := range jargon {
		err = strings.ReplaceAll(err, j.from, j.to)
	}
	return err
}

// Span writes seconds for people, with two or three digits.
func Span(s float64) string {
	switch {
	case s <= 0:
		return "0 s"
	case s < 0.9995:
		return Number(s*1e3) + " ms"
	case s < 99.5:
		return Number(s) + " s"
	case s < 99.5*60:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.0f days", s/86400)
}

// SpanOrDash writes seconds for people, and a dash for nil.
func SpanOrDash(s *float64) string {
	if s == nil {
		return "–"
	}
	return Span(*s)
}

// Number writes a number for people. It has one digit behind the point if there is only one before
// it, and none otherwise.
func Number(v float64) string {
	if v < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	return fmt.Sprintf("%.0f", v)
}

// Percent writes a ratio for people.
func Percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }

// Per writes the length of a limit's window, in seconds, as the config file has it.
func Per(s float64) string {
	text := time.Duration(s * float64(time.Second)).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// count is "1 command", "2 commands".
func count(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
