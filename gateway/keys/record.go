package keys

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"eppmux/gateway/carry"
)

// state is what a record says of its key.
type state uint8

const (
	stateClaimed  state = iota // it is about to be sent, or was; without an end
	stateUnknown               // it was sent and had no answer
	stateAnswered              // answer has the answer
)

// record is what the file has under a key. The form on disk: version, state, digest, the fields in their
// order, CRC-32C of all that; numbers as varints, texts with their length in front.
type record struct {
	state    state
	settled  bool
	digest   [32]byte
	stamp    int64 // when it was claimed, by the table's clock; see clock
	sent     int64 // when it was claimed, by the wall clock, in nanoseconds since 1970
	until    int64 // unknown: when it was given up, as sent
	code     int64 // of the answer
	registry string
	muxTRID  string
	command  []byte // what was sent, without secrets; empty once it has an answer
	answer   []byte // without secrets
}

// recordVersion is the form of records that this program writes. It reads no other.
const recordVersion = 1

var (
	errBroken  = errors.New("the record is broken")
	errVersion = errors.New("the record is of another version")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// append appends the record in the form on disk.
func (r *record) append(b []byte) []byte {
	from := len(b)
	settled := byte(0)
	if r.settled {
		settled = 1
	}
	b = append(b, recordVersion, byte(r.state), settled)
	b = append(b, r.digest[:]...)
	for _, n := range []int64{r.stamp, r.sent, r.until, r.code} {
		b = binary.AppendVarint(b, n)
	}
	for _, s := range [][]byte{[]byte(r.registry), []byte(r.muxTRID), r.command, r.answer} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// readRecord reads the form on disk. The record has copies.
func readRecord(b []byte) (r record, err error) {
	const head, sum = 3 + 32, 4
	if len(b) < head+sum {
		return record{}, errBroken
	}
	body, check := b[:len(b)-sum], b[len(b)-sum:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(check) {
		return record{}, errBroken
	}
	if body[0] != recordVersion || state(body[1]) > stateAnswered {
		return record{}, errVersion
	}
	r.state, r.settled = state(body[1]), body[2] == 1
	copy(r.digest[:], body[3:])
	body = body[head:]
	for _, n := range []*int64{&r.stamp, &r.sent, &r.until, &r.code} {
		v, width := binary.Varint(body)
		if width <= 0 {
			return record{}, errBroken
		}
		*n, body = v, body[width:]
	}
	var texts [4][]byte
	for i := range texts {
		n, width := binary.Uvarint(body)
		if width <= 0 || n > uint64(len(body)-width) {
			return record{}, errBroken
		}
		texts[i], body = append([]byte(nil), body[width:width+int(n)]...), body[width+int(n):]
	}
	r.registry, r.muxTRID, r.command, r.answer = string(texts[0]), string(texts[1]), texts[2], texts[3]
	return r, nil
}

// entry is what package carry is told of the record.
func (r *record) entry() carry.Entry {
	e := carry.Entry{Outcome: carry.Unknown, MuxTRID: r.muxTRID, Settled: r.settled, Sent: time.Unix(0, r.sent)}
	if r.state == stateAnswered {
		e.Outcome, e.Code, e.Payload = carry.Answered, int(r.code), r.answer
		return e
	}
	e.Command, e.Until = r.command, time.Unix(0, r.until)
	return e
}

// readable is false of what takes the place of a record that cannot be read.
func (r *record) readable() bool { return r.stamp != 0 }

// keyOf is the key of bbolt under which a user's key stands. Two users never share one.
func keyOf(user, name string) string {
	return string(append(binary.AppendUvarint(nil, uint64(len(user))), user+name...))
}

// expiryOf is the key of the index by age: the stamp, so that the oldest come first, and the key.
func expiryOf(stamp int64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(stamp)), key...)
}

const stampLen = 8 // octets of the stamp in the index

// readExpiry reads a key of the index.
func readExpiry(k []byte) (stamp int64, key []byte, ok bool) {
	if len(k) < stampLen {
		return 0, nil, false
	}
	return int64(binary.BigEndian.Uint64(k)), k[stampLen:], true
}
