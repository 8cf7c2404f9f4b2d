package upstream

import (
	"bytes"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A muxTRID is "M" and 13 characters of Crockford's base 32. Where the client sent a clTRID, "-"
// follows, and then that clTRID if it fits whole. The 13 characters are 55 bits of microseconds
// since 1970, strictly rising over all accounts of the process, and 10 bits of identity, see TRIDs.
// So muxTRIDs are unique over clients and accounts, and over restarts and processes as far as
// identities are; they sort by time, and give the clTRID back without a table.
const (
	tridHead = 14 // "M" and 13 characters
	tridMax  = 64 // RFC 5730 section 4: trIDStringType has 3 to 64 characters

	// tridKept is the number of clTRIDs that did not fit and are remembered for paTRID, those of
	// transforms: no answer names a query that way.
	tridKept = 1 << 14
	// tridKeptLen is the longest remembered clTRID, in octets as the client wrote it. RFC 5730 allows
	// for 64 characters; the rest is for references and other markup. All together are 4.4 MB at the
	// most, or 6.9 MB of heap with what keeps them in order.
	tridKeptLen = 256
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// tridSource makes transaction ids. Owned by the loop.
type tridSource struct {
	trids *TRIDs
	kept  *simplelru.LRU[string, []byte] // by the first tridHead characters: clTRIDs that did not fit

	octets int // in kept, keys included
}

func newTRIDSource(trids *TRIDs) *tridSource {
	t := &tridSource{trids: trids}
	kept, err := simplelru.NewLRU(tridKept, func(id string, content []byte) { t.octets -= len(id) + len(content) })
	if err != nil {
		panic("BUG: " + err.Error())
	}
	t.kept = kept
	return t
}

// append appends the 13 characters of a new id to dst. wall is the time since 1970; no id comes
// again when it goes back.
func (t *tridSource) append(dst []byte, wall time.Duration) []byte {
	at, identity := t.trids.next(wall)
	for shift := 50; shift >= 0; shift -= 5 {
		dst = append(dst, crockford[at>>shift&31])
	}
	return append(dst, crockford[identity>>5], crockford[identity&31])
}

// appendMuxTRID appends a new muxTRID for a client's clTRID. content is the clTRID as it stood
// between its tags, value as a parser sees it; content is nil where the client sent none.
func (t *tridSource) appendMuxTRID(dst, content, value []byte, wall time.Duration) []byte {
	dst = t.append(append(dst, 'M'), wall)
	if content == nil {
		return dst
	}
	dst = append(dst, '-')
	if tridHead+1+len(content) <= tridMax && bytes.Equal(content, value) && plain(content) {
		return append(dst, content...)
	}
	return dst
}

// remember keeps a copy of the content of a client's clTRID for its muxTRID id, which is a new one.
// It does nothing where id holds the content, or where that is longer than tridKeptLen.
func (t *tridSource) remember(id, content []byte) {
	if len(id) != tridHead+1 || len(content) > tridKeptLen {
		return
	}
	t.octets += tridHead + len(content)
	t.kept.Add(string(id[:tridHead]), bytes.Clone(content))
}

// plain reports whether every octet may stand in XML text and in a token as it is.
func plain(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			return false
		}
	}
	return true
}

// stoodFor is what a transaction id in a registry's message stands for.
type stoodFor uint8

const (
	tridForeign stoodFor = iota // another's id: it is no muxTRID
	tridNone                    // the client sent no clTRID
	tridKnown                   // the client's clTRID, known
	tridLost                    // the client's clTRID did not fit and is not remembered
)

// resolve returns the content of the client's clTRID that id stands for, borrowed from id or from
// the remembered ones.
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

// isMuxTRID reports whether id has the form of a muxTRID.
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
