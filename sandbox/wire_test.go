package sandbox

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestFrameReader: the same payloads come out however the stream is cut.
func TestFrameReader(t *testing.T) {
	payloads := []string{"a", strings.Repeat("b", 3000), "c", strings.Repeat("d", 60000), "e"}
	var stream []byte
	for _, p := range payloads {
		stream = append(stream, unit(p)...)
	}
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"whole":        func(r io.Reader) io.Reader { return r },
		"octets":       iotest.OneByteReader,
		"halves":       iotest.HalfReader,
		"data and EOF": iotest.DataErrReader,
	} {
		fr := newFrameReader(cut(bytes.NewReader(stream)), 1<<20, nil)
		var end uint64
		for i, want := range payloads {
			in, err := fr.next()
			end += uint64(len(want) + 4)
			if err != nil || string(in.payload) != want || in.end != end {
				t.Fatalf("%s: payload %d: %d octets to %d, %v", name, i, len(in.payload), in.end, err)
			}
		}
		if _, err := fr.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v at the end", name, err)
		}
		if got := fr.received.Load(); got != uint64(len(stream)) {
			t.Errorf("%s: %d octets received, want %d", name, got, len(stream))
		}
	}
}

func TestFrameReaderErrors(t *testing.T) {
	for _, tt := range []struct {
		stream string
		want   error
	}{
		{"", io.EOF},
		{"\x00", errTruncated},
		{"\x00\x00\x00\x06", errTruncated},
		{"\x00\x00\x00\x06a", errTruncated},
		{"\x00\x00\x00\x04", errLength},
		{"\x00\x00\x00\x00", errLength},
		{"\x00\x00\x00\x0b1234567", errLength},
		{"\xff\xff\xff\xff", errLength},
	} {
		fr := newFrameReader(strings.NewReader(tt.stream), 10, nil)
		if _, err := fr.next(); !errors.Is(err, tt.want) {
			t.Errorf("%q: %v, want %v", tt.stream, err, tt.want)
		}
	}
}

// TestFrameReaderMemory: a header that promises much makes nobody allocate much.
func TestFrameReaderMemory(t *testing.T) {
	fr := newFrameReader(strings.NewReader("\x0f\xff\xff\xffabc"), 1<<30, nil)
	fr.next()
	if cap(fr.buf) > 1<<16 {
		t.Errorf("%d octets allocated for 7", cap(fr.buf))
	}
}
