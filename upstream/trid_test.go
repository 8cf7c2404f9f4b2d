package upstream

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestMuxTRID(t *testing.T) {
	src := newTRIDSource(NewTRIDs(1023, 0))
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
		{strings.Repeat("<!-- -->", 31) + "1234567A", "1234567A", "-", strings.Repeat("<!-- -->", 31) + "1234567A", tridKnown},
		{strings.Repeat("<!-- -->", 31) + "12345678A", "12345678A", "-", "", tridLost}, // too long to be kept
	}
	for _, tt := range tests {
		var content []byte
		if tt.content != "" {
			content = []byte(tt.content)
		}
		id := src.appendMuxTRID(nil, content, []byte(tt.value), now)
		src.remember(id, content)
		if len(id) < 3 || len(id) > 64 || string(id[tridHead:]) != tt.suffix {
			t.Errorf("%q: got %q", tt.content, id)
		}
		back, known := src.resolve(id)
		if string(back) != tt.back || known != tt.known {
			t.Errorf("%q: resolved to %q, %v", tt.content, back, known)
		}
	}
}

// TestKeptOctets: what is remembered is counted, and bounded whatever clients send.
func TestKeptOctets(t *testing.T) {
	src := newTRIDSource(NewTRIDs(0, 0))
	if src.octets != 0 {
		t.Errorf("%d octets without any", src.octets)
	}
	now := 1_800_000_000 * time.Second
	add := func(n int) {
		content := bytes.Repeat([]byte("x"), n)
		src.remember(src.appendMuxTRID(nil, content, content, now), content)
	}
	add(20) // fits
	if src.octets != 0 {
		t.Errorf("%d octets of one that fits", src.octets)
	}
	add(100)
	add(60)
	if want := 160 + 2*tridHead; src.octets != want {
		t.Errorf("%d octets, want %d", src.octets, want)
	}
	for range 3 * tridKept {
		add(tridKeptLen)
		add(tridKeptLen + 1)
	}
	if most := tridKept * (tridKeptLen + tridHead); src.octets != most || src.kept.Len() != tridKept {
		t.Errorf("%d octets in %d, want %d in %d", src.octets, src.kept.Len(), most, tridKept)
	}
}

// TestMuxTRIDRises: ids are strictly rising, also when the clock goes back.
func TestMuxTRIDRises(t *testing.T) {
	src := newTRIDSource(NewTRIDs(0, 0))
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
	one, two := newTRIDSource(NewTRIDs(1, 0)), newTRIDSource(NewTRIDs(2, 0))
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
	src := newTRIDSource(NewTRIDs(1, 0))
	own := []byte("ABC-12345")
	var buf [64]byte
	const now = 1_800_000_000 * time.Second
	b.ReportAllocs()
	for b.Loop() {
		src.appendMuxTRID(buf[:0], own, own, now)
	}
}
