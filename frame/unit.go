package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// HeaderLen is the size in octets of the header of a data unit.
const HeaderLen = 4

// MinUnit is the size in octets of the smallest data unit: the header and one octet of payload.
const MinUnit = HeaderLen + 1

// ErrTooShort is a length that leaves no payload, ErrTooLong one beyond the limit. After either the
// start of the next data unit is unknown, so the connection is lost.
var (
	ErrTooShort = errors.New("data unit: length below 5 octets")
	ErrTooLong  = errors.New("data unit: payload longer than allowed")
)

// Size gives the size in octets, header included, of the data unit at the front of b. It is 0,
// without an error, while fewer than HeaderLen octets are there; the payload itself need not be.
// limit bounds the payload, in octets.
func Size(b []byte, limit int) (n int, err error) {
	if len(b) < HeaderLen {
		return 0, nil
	}
	// RFC 5734 section 4: an unsigned 32-bit number in network order; it counts the header itself.
	total := binary.BigEndian.Uint32(b)
	if total < MinUnit {
		return 0, ErrTooShort
	}
	// In 64 bits, since neither total nor limit+HeaderLen need fit an int of 32.
	if int64(total)-HeaderLen > int64(limit) || int64(total) > math.MaxInt {
		return 0, ErrTooLong
	}
	return int(total), nil
}

// AppendHeader appends the header of a data unit with a payload of that many octets.
func AppendHeader(dst []byte, payload int) []byte {
	if payload < 0 || int64(payload) > math.MaxUint32-HeaderLen {
		panic(fmt.Sprintf("BUG: data unit with a payload of %d octets", payload))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(payload)+HeaderLen)
}

// appendUnit appends a data unit whose payload is what fill appends.
func appendUnit(dst []byte, fill func([]byte) []byte) []byte {
	start := len(dst)
	dst = fill(append(dst, 0, 0, 0, 0))
	AppendHeader(dst[start:start], len(dst)-start-HeaderLen)
	return dst
}
