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

// ErrTooShort means a length that leaves no payload, ErrTooLong a length beyond the limit. After
// either, nobody knows where the next data unit begins, so the connection must be closed.
var (
	ErrTooShort = errors.New("data unit: length below 5 octets")
	ErrTooLong  = errors.New("data unit: payload longer than allowed")
)

// Size is the size in octets, header included, of the data unit at the front of b. b needs to hold
// no more than the header; while it is shorter, n is 0 and there is no error. limit bounds the
// payload, in octets. The error is ErrTooShort or ErrTooLong.
func Size(b []byte, limit int) (n int, err error) {
	if len(b) < HeaderLen {
		return 0, nil
	}
	// RFC 5734 section 4: an unsigned 32-bit number in network order; it counts the header itself.
	total := binary.BigEndian.Uint32(b)
	if total < MinUnit {
		return 0, ErrTooShort
	}
	// In 64 bits, since total and limit+HeaderLen may be too big for an int of 32.
	if int64(total)-HeaderLen > int64(limit) || int64(total) > math.MaxInt {
		return 0, ErrTooLong
	}
	return int(total), nil
}

// AppendHeader appends the header of a data unit with a payload of that many octets. It panics if a
// header cannot hold the length: below 0, or 4 GiB and more.
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
