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

// TestBareHeader: the callback comes once for each header that the source gave alone, and for no
// other.
func TestBareHeader(t *testing.T) {
	a, b := string(unit("abc")), string(unit("de"))
	for _, tt := range []struct {
		name  string
		reads []string
		want  int
	}{
		{"one write each", []string{a, b}, 0},
		{"both in one", []string{a + b}, 0},
		{"header first", []string{a[:4], a[4:]}, 1},
		{"header first, twice", []string{a[:4], a[4:], b[:4], b[4:]}, 2},
		{"a header behind a payload", []string{a + b[:4], b[4:]}, 0}, // counts as sent ahead
		{"half a header", []string{a[:2], a[2:]}, 0},
		{"half a header, then its rest alone", []string{a[:2], a[2:4], a[4:]}, 1},
		{"header and some", []string{a[:5], a[5:]}, 0},
		{"some of the payload", []string{a[:6], a[6:] + b}, 0},
		{"a header and no more", []string{a, b[:4]}, 1},
	} {
		got := 0
		fr := newFrameReader(&reads{tt.reads}, 100, func() { got++ })
		for {
			if _, err := fr.next(); err != nil {
				break
			}
		}
		if got != tt.want {
			t.Errorf("%s: called %d times, want %d", tt.name, got, tt.want)
		}
	}
}

// reads is a source that gives one of its texts at a time.
type reads struct{ left []string }

func (r *reads) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.left[0])
	if r.left[0] = r.left[0][n:]; r.left[0] == "" {
		r.left = r.left[1:]
	}
	return n, nil
}

// TestPayloadsAreCopies: a payload is the caller's; later ones do not write over it.
func TestPayloadsAreCopies(t *testing.T) {
	var stream []byte
	for i := range 50 {
		stream = append(stream, unit(strings.Repeat(string(rune('a'+i%26)), 500+i))...)
	}
	fr := newFrameReader(iotest.HalfReader(bytes.NewReader(stream)), 1<<16, nil)
	var all [][]byte
	for {
		in, err := fr.next()
		if err != nil {
			break
		}
		all = append(all, in.payload)
	}
	if len(all) != 50 {
		t.Fatalf("%d payloads", len(all))
	}
	for i, p := range all {
		if want := strings.Repeat(string(rune('a'+i%26)), 500+i); string(p) != want {
			t.Errorf("payload %d is %.20q...", i, p)
		}
	}
	// 27,225 octets passed through a buffer that grew only as far as one payload needs.
	if cap(fr.buf) > 8192 {
		t.Errorf("the buffer has %d octets", cap(fr.buf))
	}
}

// TestFrameBounds: RFC 5734 section 4: the length counts its own four octets, so 5 is the least.
func TestFrameBounds(t *testing.T) {
	for length, want := range map[byte]error{0: errLength, 3: errLength, 4: errLength, 5: nil, 9: nil, 10: nil, 11: errLength} {
		stream := append([]byte{0, 0, 0, length}, bytes.Repeat([]byte("x"), 20)...)
		fr := newFrameReader(bytes.NewReader(stream), 10, nil)
		in, err := fr.next()
		if !errors.Is(err, want) || err == nil && len(in.payload) != int(length)-4 {
			t.Errorf("length %d: got %d octets, %v, want %v", length, len(in.payload), err, want)
		}
	}
}

// TestWriteFrame: endFrame writes the length that beginFrame left room for.
func TestWriteFrame(t *testing.T) {
	b := beginFrame([]byte("old octets"))
	b = append(b, "payload"...)
	endFrame(b)
	if want := "\x00\x00\x00\x0bpayload"; string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
	if got := string(dataUnit(nil)); got != "\x00\x00\x00\x04" {
		t.Errorf("got %q", got)
	}
}

// TestFrameReaderFails: an error of the source comes through, also in the middle of a data unit.
func TestFrameReaderFails(t *testing.T) {
	broken := errors.New("broken")
	for _, before := range []string{"", "\x00\x00", "\x00\x00\x00\x08ab"} {
		fr := newFrameReader(io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)), 100, nil)
		if _, err := fr.next(); !errors.Is(err, broken) {
			t.Errorf("after %q: got %v", before, err)
		}
	}
}
