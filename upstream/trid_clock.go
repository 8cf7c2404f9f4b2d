package upstream

import (
	"sync/atomic"
	"time"
)

// TRIDs is the source of muxTRIDs of one process: 10 bits of identity, and microseconds that rise
// strictly over all accounts that share it. So no two of them make the same id. Two sources make the
// same id only if they have the same identity and both make ids of the same microsecond. Its methods
// may be called from any goroutine.
type TRIDs struct {
	identity uint64 // 10 bits
	last     atomic.Uint64
	ahead    atomic.Uint64 // see Ahead
}

// TRIDIdentities is the number of identities.
const TRIDIdentities = 1 << 10

// NewTRIDs returns a source with an identity below TRIDIdentities. It makes ids above the instant
// begin only, in microseconds since 1970: the last that the source before it with this identity may
// have used. 0 is none.
func NewTRIDs(identity uint16, begin uint64) *TRIDs {
	t := &TRIDs{identity: uint64(identity) % TRIDIdentities}
	t.last.Store(begin)
	t.ahead.Store(1<<64 - 1)
	return t
}

// Identity returns the identity.
func (t *TRIDs) Identity() uint16 { return uint16(t.identity) }

// Last returns the instant of the last id, in microseconds since 1970.
func (t *TRIDs) Last() uint64 { return t.last.Load() }

// Ahead sets how far ids follow the wall clock, in microseconds since 1970. Beyond it they rise by
// one microsecond each, whatever the clock says. So whoever remembers an instant behind it, by a
// number of ids, knows that none above it was made, also where the clock leaps.
func (t *TRIDs) Ahead(until uint64) { t.ahead.Store(until) }

// next returns the instant of a new id, in microseconds since 1970. wall is the time since 1970; no
// id comes again when it goes back.
func (t *TRIDs) next(wall time.Duration) uint64 {
	now := min(uint64(max(wall, 0).Microseconds()), t.ahead.Load())
	for {
		if at, ok := t.claim(t.last.Load(), now); ok {
			return at
		}
	}
}

// claim takes the instant of the id that follows the one of the instant last. It takes none if
// another goroutine has made an id since.
func (t *TRIDs) claim(last, now uint64) (at uint64, ok bool) {
	at = max(last+1, now)
	return at, t.last.CompareAndSwap(last, at)
}
