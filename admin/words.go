package admin

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// maxWords bounds, in octets, what others say that is shown in one place.
const maxWords = 300

// clean makes text fit to be shown anywhere: one line, without control characters, escape sequences
// and what turns the direction of writing, and not at any length.
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

// plain is an error without what only programmers read.
func plain(err string) string {
	err = ends.ReplaceAllStringFunc(clean(err), func(found string) string {
		if to, ok := strings.CutPrefix(found, "dial tcp "); ok {
			return to
		}
		return ""
	})
	for _, r := range [][2]string{{"tls: tls: ", "tls: "}, {": connect: ", ": "}, {"accept4: ", ""}, {"i/o timeout", "no answer in time"}, {"context deadline exceeded", "not in time"}} {
		err = strings.ReplaceAll(err, r[0], r[1])
	}
	return err
}

// span writes seconds for people, with two or three digits.
func span(s float64) string {
	switch {
	case s <= 0:
		return "0 s"
	case s < 0.9995:
		return number(s*1e3) + " ms"
	case s < 99.5:
		return number(s) + " s"
	case s < 99.5*60:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.0f days", s/86400)
}

// number writes a number for people: one digit behind the point where there is only one before it.
func number(v float64) string {
	if v < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	return fmt.Sprintf("%.0f", v)
}

// count is "1 command", "2 commands".
func count(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// per writes the length of a limit's window.
func per(s float64) string {
	text := time.Duration(s * float64(time.Second)).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
