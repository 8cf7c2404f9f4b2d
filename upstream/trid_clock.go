package upstream

import (
	"sync/atomic"
	"time"
)

// TRIDs is the source of muxTRIDs of one process: 10 bits of identity, and microseconds that rise
// strictly over all accounts that share it. So no two of them make the same id. Two sources make the
// same id only if they have the same identity and both make ids of the same microsecond. Its methods
// may be called from any goroutine.
type TRIDs struct{ line atomic.Pointer[tridLine] }

// tridLine is the ids of one identity.
type tridLine struct {
	identity uint64        // 10 bits; immutable
	last     atomic.Uint64 // the instant of the last id
	ahead    atomic.Uint64 // see Ahead
}

// TRIDIdentities is the number of identities.
const TRIDIdentities = 1 << 10

// NewTRIDs returns a source with an identity below TRIDIdentities. It makes ids above the instant
// begin only, in microseconds since 1970: the last that the source before it with this identity may
// have used. 0 is none.
func NewTRIDs(identity uint16, begin uint64) *TRIDs {
	t := new(TRIDs)
	t.line.Store(newTRIDLine(identity, begin, 1<<64-1))
	return t
}

func newTRIDLine(identity uint16, begin, ahead uint64) *tridLine {
	l := &tridLine{identity: uint64(identity) % TRIDIdentities}
	l.last.Store(begin)
	l.ahead.Store(ahead)
	return l
}

// Move has ids made with another identity from now on, above the instant begin, and not further ahead of
// it than until, see Ahead. An id that another goroutine is making may still be of the one before.
func (t *TRIDs) Move(identity uint16, begin, until uint64) {
	t.line.Store(newTRIDLine(identity, max(begin, t.Last()), until))
}

// Identity returns the identity.
func (t *TRIDs) Identity() uint16 { return uint16(t.line.Load().identity) }

// Last returns the instant of the last id, in microseconds since 1970.
func (t *TRIDs) Last() uint64 { return t.line.Load().last.Load() }

// Ahead sets how far ids follow the wall clock, in microseconds since 1970. Beyond it they rise by
// one microsecond each, whatever the clock says. So whoever remembers an instant behind it, by a
// number of ids, knows that none above it was made, also where the clock leaps.
func (t *TRIDs) Ahead(until uint64) { t.line.Load().ahead.Store(until) }

// next returns the instant of a new id, in microseconds since 1970, and its identity. wall is the time
// since 1970; no id comes again when it goes back.
func (t *TRIDs) next(wall time.Duration) (at, identity uint64) {
	l := t.line.Load()
	now := min(uint64(max(wall, 0).Microseconds()), l.ahead.Load())
	for {
		if at, ok := l.claim(l.last.Load(), now); ok {
			return at, l.identity
		}
	}
}

// claim takes the instant of the id that follows the one of the instant last. It takes none if
// another goroutine has made an id since.
func (l *tridLine) claim(last, now uint64) (at uint64, ok bool) {
	at = max(last+1, now)
	return at, l.last.CompareAndSwap(last, at)
}
