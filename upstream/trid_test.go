package upstream

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestMuxTRID(t *testing.T) {
	src := newTRIDSource(1023)
	now := time.Duration(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC).UnixNano())
	tests := []struct {
		content, value string // as it stood, as a parser sees it; content "" for none
		suffix         string
		back           string
		known          stoodFor
	}{
		{"", "", "", "", tridNone},
		{"ABC-12345", "ABC-12345", "-ABC-12345", "ABC-12345", tridKnown},
		{"rwym001#26-11-21at18:54:30", "rwym001#26-11-21at18:54:30", "-rwym001#26-11-21at18:54:30", "rwym001#26-11-21at18:54:30", tridKnown},
		{strings.Repeat("a", 49), strings.Repeat("a", 49), "-" + strings.Repeat("a", 49), strings.Repeat("a", 49), tridKnown},
		{strings.Repeat("a", 50), strings.Repeat("a", 50), "-", strings.Repeat("a", 50), tridKnown},
		{"A&amp;B", "A&B", "-", "A&amp;B", tridKnown},
		{" A ", "A", "-", " A ", tridKnown},
		{"A B", "A B", "-", "A B", tridKnown},
		{"Zoë", "Zoë", "-", "Zoë", tridKnown},
		{"<![CDATA[AB]]>", "AB", "-", "<![CDATA[AB]]>", tridKnown},
		{strings.Repeat("<!-- -->", 1000) + "A", "A", "-", "", tridLost}, // too long to be kept
	}
	for _, tt := range tests {
		var content []byte
		if tt.content != "" {
			content = []byte(tt.content)
		}
		id := src.appendMuxTRID(nil, content, []byte(tt.value), now)
		if len(id) < 3 || len(id) > 64 || string(id[tridHead:]) != tt.suffix {
			t.Errorf("%q: got %q", tt.content, id)
		}
		back, known := src.resolve(id)
		if string(back) != tt.back || known != tt.known {
			t.Errorf("%q: resolved to %q, %v", tt.content, back, known)
		}
	}
}

// TestMuxTRIDRises: ids are strictly rising, also when the clock goes back.
func TestMuxTRIDRises(t *testing.T) {
	src := newTRIDSource(0)
	var last []byte
	for i := range 1000 {
		wall := 1_800_000_000 * time.Second
		if i%3 == 0 {
			wall -= 24 * time.Hour
		}
		id := src.appendMuxTRID(nil, nil, nil, wall)
		if bytes.Compare(id, last) <= 0 {
			t.Fatalf("%s after %s", id, last)
		}
		last = id
	}
	one, two := newTRIDSource(1), newTRIDSource(2)
	const now = 1_800_000_000 * time.Second
	if a, b := one.appendMuxTRID(nil, nil, nil, now), two.appendMuxTRID(nil, nil, nil, now); bytes.Equal(a, b) {
		t.Errorf("two hosts make the same id %s", a)
	}
}

func TestIsMuxTRID(t *testing.T) {
	for id, want := range map[string]bool{
		"M0123456789ABC":   true,
		"M0123456789ABC-":  true,
		"M0123456789ABC-x": true,
		"M0123456789ABCx":  false,
		"M0123456789ABI":   false,
		"m0123456789ABC":   false,
		"M0123456789AB":    false,
		"ABC-12345":        false,
		"":                 false,
		"M0123456789ABC-" + strings.Repeat("x", 50): false,
	} {
		if got := isMuxTRID([]byte(id)); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}

func BenchmarkMuxTRID(b *testing.B) {
	src := newTRIDSource(1)
	own := []byte("ABC-12345")
	var buf [64]byte
	const now = 1_800_000_000 * time.Second
	b.ReportAllocs()
	for b.Loop() {
		src.appendMuxTRID(buf[:0], own, own, now)
	}
}
