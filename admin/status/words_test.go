package status

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSpan(t *testing.T) {
	for s, want := range map[float64]string{
		-5: "0 s", 0: "0 s", 0.0003: "0.3 ms", 0.004: "4 ms", 0.0437: "44 ms", 0.9994: "999 ms", 0.9995: "1 s", 0.9999: "1 s",
		1.84: "1.8 s", 9.94: "9.9 s", 9.95: "10 s", 12: "12 s", 99.4: "99 s", 99.5: "2 min", 720: "12 min", 5969: "99 min",
		5970: "2 h", 7200: "2 h", 47 * 3600: "47 h", 48*3600 - 1: "48 h", 48 * 3600: "2 days", 6 * 86400: "6 days", 400 * 86400: "400 days",
	} {
		if got := Span(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
}

// TestSpanIsShort: whatever it is, it has three digits at most, and more of it never reads as less.
func TestSpanIsShort(t *testing.T) {
	for s := 1e-4; s < 900*86400; s *= 1.01 {
		text := Span(s)
		number, unit, _ := strings.Cut(text, " ")
		if digits := strings.Count(number, "") - 1 - strings.Count(number, "."); digits > 3 || unit == "" || strings.HasPrefix(number, "0.0") {
			t.Errorf("%v: got %q", s, text)
		}
	}
}

func TestSpanOrDash(t *testing.T) {
	if got := SpanOrDash(nil); got != "–" {
		t.Errorf("got %q", got)
	}
	if got := SpanOrDash(some(0)); got != "0 s" {
		t.Errorf("got %q", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.04: "0", 0.05: "0.1", 1: "1", 1.25: "1.2", 9.94: "9.9", 9.95: "10", 99.5: "100", 1234.4: "1234"} {
		if got := Number(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0 %", 0.004: "0 %", 0.5: "50 %", 0.996: "100 %", 1: "100 %"} {
		if got := Percent(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}

func TestPer(t *testing.T) {
	for s, want := range map[float64]string{0.1: "100ms", 1: "1s", 60: "1m", 90: "1m30s", 600: "10m", 3600: "1h", 3660: "1h1m", 86400: "24h", 5400: "1h30m", 3601: "1h0m1s"} {
		if got := Per(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 commands", 1: "1 command", 2: "2 commands", 1000: "1000 commands"} {
		if got := count(n, "command"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"connect: dial tcp 127.0.0.1:1: connect: connection refused":       "connect: 127.0.0.1:1: connection refused",
		"connect: dial tcp: lookup epp.example: no such host":              "connect: dial tcp: lookup epp.example: no such host",
		"connect: dial tcp [2001:db8::1]:700: i/o timeout":                 "connect: [2001:db8::1]:700: no answer in time",
		"greeting: read tcp 127.0.0.1:4->127.0.0.1:5: i/o timeout":         "greeting: no answer in time",
		"greeting: write tcp 127.0.0.1:4->127.0.0.1:5: write: broken pipe": "greeting: write: broken pipe",
		"accept tcp 127.0.0.1:7000: accept4: too many open files":          "too many open files",
		"accept unix /run/s: accept4: too many open files":                 "too many open files",
		"tls: tls: failed":                                  "tls: failed",
		"tls: context deadline exceeded":                    "tls: not in time",
		"login: result code 2200: \"Authentication error\"": "login: result code 2200: \"Authentication error\"",
		"two\nlines\x1b[31m":                                "two lines\ufffd[31m",
		"":                                                  "",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestClean: what is shown is one line of bounded length that moves no cursor, and plain text stays
// as it is.
func TestClean(t *testing.T) {
	for _, in := range []string{"", "plain", "für „alle“ – ändern", strings.Repeat("x", maxWords)} {
		if got := clean(in); got != in {
			t.Errorf("got %q, want %q", got, in)
		}
	}
	for in, want := range map[string]string{
		"a\tb\r\nc":        "a b  c",
		evil:               "<script>alert(1)</script>\ufffd[2J\ufffd]0;x\ufffd\" onload=\"x\ufffd",
		"\u200b\u2066\x7f": "\ufffd\ufffd\ufffd",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for n := maxWords - 4; n < maxWords+4; n++ {
		got := clean(strings.Repeat("x", n) + "é€𝄞" + strings.Repeat("\x1b", 20))
		if len(got) > 3*maxWords || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != unicode.ReplacementChar }) {
			t.Errorf("cut behind %d: got %q", n, got)
		}
		if !strings.HasSuffix(got, "...") {
			t.Errorf("cut behind %d: got %q, want it to say so", n, got)
		}
	}
}

// TestCleanRandom: octets of any kind are made fit to be shown.
func TestCleanRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := make([]byte, random.IntN(2*maxWords))
		for i := range b {
			if b[i] = byte(random.IntN(256)); random.IntN(2) == 0 {
				b[i] = "\x1b\n\r\t\x00 a:é"[random.IntN(10)]
			}
		}
		text := string(b)
		for _, got := range []string{clean(text), plain(text)} {
			if strings.ContainsAny(got, "\n\r\t\x1b\x00") || len(got) > 3*maxWords+3 || !utf8.ValidString(got) {
				t.Fatalf("%q: got %q", text, got)
			}
		}
		if once := clean(text); len(once) <= maxWords && clean(once) != once {
			t.Fatalf("%q: got %q, then %q", text, once, clean(once))
		}
	}
}
