package frame

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestSize(t *testing.T) {
	tests := []struct {
		head  string
		limit int
		n     int
		err   error
	}{
		{"", 10, 0, nil},
		{"\x00\x00\x00", 10, 0, nil},
		{"\xFF\xFF\xFF", 10, 0, nil},
		{"\x00\x00\x00\x00", 10, 0, ErrTooShort},
		{"\x00\x00\x00\x04", 10, 0, ErrTooShort},
		{"\x00\x00\x00\x05", 10, 5, nil},
		{"\x00\x00\x00\x05", 0, 0, ErrTooLong},
		{"\x00\x00\x00\x05", -1, 0, ErrTooLong},
		{"\x00\x00\x00\x0E", 10, 14, nil},
		{"\x00\x00\x00\x0F", 10, 0, ErrTooLong},
		{"\x00\x01\x00\x00more", 1 << 20, 65536, nil},
		{"\x7F\xFF\xFF\xFF", 1 << 20, 0, ErrTooLong},
		{"\x80\x00\x00\x00", 1 << 20, 0, ErrTooLong},
		{"\xFF\xFF\xFF\xFF", 1 << 20, 0, ErrTooLong},
		{"\x7F\xFF\xFF\xFF", math.MaxInt32, math.MaxInt32, nil},
		{"GET ", 1 << 20, 0, ErrTooLong},
	}
	for _, tt := range tests {
		n, err := Size([]byte(tt.head), tt.limit)
		if n != tt.n || !errors.Is(err, tt.err) {
			t.Errorf("Size(%q, %d): got %d %v, want %d %v", tt.head, tt.limit, n, err, tt.n, tt.err)
		}
	}
	// The greatest length there is: a size where int has 64 bits, too long where it has 32.
	n, err := Size([]byte("\xFF\xFF\xFF\xFF"), math.MaxInt)
	if math.MaxInt > math.MaxInt32 {
		if uint64(n) != math.MaxUint32 || err != nil {
			t.Errorf("got %d %v, want %d", n, err, uint32(math.MaxUint32))
		}
	} else if err != ErrTooLong {
		t.Errorf("got %d %v, want %v", n, err, ErrTooLong)
	}
}

func TestAppendHeader(t *testing.T) {
	if got, want := AppendHeader([]byte("x"), 0x010203), []byte("x\x00\x01\x02\x07"); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a negative payload")
		}
	}()
	AppendHeader(nil, -1)
}

// cut gives the data units of a stream that arrives in pieces of the given size in octets.
func cut(t *testing.T, stream []byte, piece, limit int) (units [][]byte, err error) {
	t.Helper()
	var buffered []byte
	for len(stream) > 0 {
		k := min(piece, len(stream))
		buffered, stream = append(buffered, stream[:k]...), stream[k:]
		for {
			n, err := Size(buffered, limit)
			if err != nil {
				return units, err
			}
			if n == 0 || n > len(buffered) {
				break
			}
			units = append(units, bytes.Clone(buffered[:n]))
			buffered = buffered[n:]
		}
	}
	return units, nil
}

func TestSizeFragments(t *testing.T) {
	var stream []byte
	for _, n := range []int{1, 2, 3, 5, 300, 1} {
		stream = append(AppendHeader(stream, n), bytes.Repeat([]byte{'x'}, n)...)
	}
	for piece := 1; piece <= len(stream); piece++ {
		units, err := cut(t, stream, piece, 300)
		if err != nil || len(units) != 6 || !bytes.Equal(bytes.Join(units, nil), stream) {
			t.Fatalf("pieces of %d: got %d units, %v", piece, len(units), err)
		}
	}
}
