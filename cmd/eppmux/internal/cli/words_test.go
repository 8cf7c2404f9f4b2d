package cli

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
)

// TestQuote: whatever it is made of, a value stays in its line and is short.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                      `""`,
		"a b":                   `"a b"`,
		`a"b\`:                  `"a\"b\\"`,
		"a\nb\x1b[2J":           `"a\nb\x1b[2J"`,
		"ä\u202e":               `"ä\u202e"`,
		"\xff":                  `"\xff"`,
		strings.Repeat("x", 60): `"` + strings.Repeat("x", 60) + `"`,
		strings.Repeat("x", 61): `"` + strings.Repeat("x", 60) + `"...`,
	} {
		got := Quote(in)
		if got != want || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestEither(t *testing.T) {
	type word string
	for _, tt := range []struct {
		words []word
		want  string
	}{
		{nil, ""}, {[]word{"a"}, "a"}, {[]word{"a", "b"}, "a or b"}, {[]word{"a", "b", "c"}, "a, b or c"}, {[]word{"a", "b", "c", "d"}, "a, b, c or d"},
	} {
		if got := Either(tt.words); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.words, got, tt.want)
		}
	}
}

// TestSleep ends at its time or with its context, whichever is first.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct{ sleep, interrupt, took time.Duration }{
			{time.Hour, 2 * time.Hour, time.Hour},
			{time.Hour, time.Second, time.Second},
			{0, time.Second, 0},
			{-time.Second, time.Second, 0},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), tt.interrupt)
			begin := time.Now()
			err := Sleep(ctx, tt.sleep)
			cancel()
			if took := time.Since(begin); took != tt.took || (err == nil) != (tt.sleep < tt.interrupt) || err != nil && err != ErrInterrupted {
				t.Errorf("%+v: got %v after %v", tt, err, took)
			}
		}
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ended, 0); err != nil {
		t.Errorf("got %v, want nothing to wait for", err)
	}
	if err := Sleep(ended, time.Hour); err != ErrInterrupted {
		t.Errorf("got %v", err)
	}
}
