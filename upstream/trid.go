package upstream

import (
	"bytes"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A muxTRID is "M", 13 characters of Crockford's base 32, and, where the client sent a clTRID, "-"
// and that clTRID whole if it fits. The 13 are 55 bits of microseconds since 1970, strictly rising,
// and 10 bits of host identity: unique over clients, restarts and hosts, in order of time, and
// readable back without a table.
const (
	tridHead = 14 // "M" and 13 characters
	tridMax  = 64 // RFC 5730 section 4: trIDStringType has 3 to 64 characters

	// tridKept is how many clTRIDs that did not fit are remembered for paTRID.
	tridKept = 1 << 14
	// tridKeptLen is the longest of them, in octets.
	tridKeptLen = 1 << 12
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// tridSource makes transaction ids. Owned by the loop.
type tridSource struct {
	host uint64 // 10 bits
	last uint64 // microseconds since 1970
	kept *simplelru.LRU[string, []byte]
}

func newTRIDSource(host uint16) *tridSource {
	kept, err := simplelru.NewLRU[string, []byte](tridKept, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &tridSource{host: uint64(host) & 0x3ff, kept: kept}
}

// append appends the 13 characters of a new id to dst. wall is the time since 1970; a clock that
// goes back does not make an id come again.
func (t *tridSource) append(dst []byte, wall time.Duration) []byte {
	t.last = max(t.last+1, uint64(wall.Microseconds()))
	for shift := 50; shift >= 0; shift -= 5 {
		dst = append(dst, crockford[t.last>>shift&31])
	}
	return append(dst, crockford[t.host>>5], crockford[t.host&31])
}

// appendMuxTRID appends a new muxTRID for a client's clTRID: content as it stood between its tags,
// value as a parser sees it; content is nil where the client sent none.
func (t *tridSource) appendMuxTRID(dst, content, value []byte, wall time.Duration) []byte {
	start := len(dst)
	dst = t.append(append(dst, 'M'), wall)
	if content == nil {
		return dst
	}
	dst = append(dst, '-')
	if tridHead+1+len(content) <= tridMax && bytes.Equal(content, value) && plain(content) {
		return append(dst, content...)
	}
	if len(content) <= tridKeptLen {
		t.kept.Add(string(dst[start:start+tridHead]), bytes.Clone(content))
	}
	return dst
}

// plain says whether every octet may stand in XML text and in a token as it is.
func plain(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			return false
		}
	}
	return true
}

// stoodFor is what a transaction id of the registry's messages stands for.
type stoodFor uint8

const (
	tridForeign stoodFor = iota // no muxTRID of ours
	tridNone                    // the client sent no clTRID
	tridKnown                   // the client's clTRID, known
	tridLost                    // the client's clTRID did not fit and is no longer remembered
)

// resolve takes a muxTRID apart: the content of the client's clTRID, borrowed from id or from the
// map.
func (t *tridSource) resolve(id []byte) ([]byte, stoodFor) {
	if !isMuxTRID(id) {
		return nil, tridForeign
	}
	switch {
	case len(id) == tridHead:
		return nil, tridNone
	case len(id) > tridHead+1:
		return id[tridHead+1:], tridKnown
	}
	if content, ok := t.kept.Get(string(id[:tridHead])); ok {
		return content, tridKnown
	}
	return nil, tridLost
}

// isMuxTRID says whether id has the form of a muxTRID.
func isMuxTRID(id []byte) bool {
	if len(id) < tridHead || len(id) > tridMax || id[0] != 'M' || len(id) > tridHead && id[tridHead] != '-' {
		return false
	}
	for _, c := range id[1:tridHead] {
		if c < '0' || c > '9' && c < 'A' || c > 'Z' || c == 'I' || c == 'L' || c == 'O' || c == 'U' {
			return false
		}
	}
	return true
}
