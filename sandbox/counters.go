package sandbox

import (
	"hash/maphash"
	"maps"
	"sync"
)

// Counters counts what a Registry has seen since New. It is a copy and belongs to the caller.
type Counters struct {
	Connections   uint64            // accepted
	Sessions      map[string]int    // logged in now, by account
	SessionsPeak  map[string]int    // most sessions at once, by account; refused logins do not count
	Logins        uint64            // accepted
	LoginsRefused uint64            // answered with an error or not at all, for any reason
	Logouts       uint64            // carried out
	Commands      map[string]uint64 // by command, and "hello", "extension", "unknown", "unparseable"
	// Executed counts the Commands that succeeded, whether or not the answer got through.
	Executed map[string]uint64
	// Codes counts answers by result code. Greetings and withheld answers are not counted.
	Codes    map[int]uint64
	Ghosts   map[string]int    // sessions that ended and still count by Rules.GhostFor, by account
	Faults   map[string]uint64 // faults played, by name
	Breaches Breaches
}

// Breaches counts breaches of a registry's rules by its clients.
type Breaches struct {
	// Pipelined: octets came in behind a message before its answer was written. RFC 5734 section 3
	// allows it, yet registries punish it.
	Pipelined uint64
	// TooManySessions: a login above MaxSessions. A login refused for ghosts alone is none.
	TooManySessions uint64
	// TooFast: a command above RateLimit or ObjectLimit. TooMany: a command above MaxCommands.
	TooFast, TooMany uint64
	// ClTRIDRepeated: a clTRID that the same account has used before. RFC 5730 section 2.5 leaves
	// its uniqueness to the client, and registries log by it. The registry remembers at least the
	// last 2 million.
	ClTRIDRepeated uint64
	// BeforeLogin: a command other than login while nobody was logged in.
	BeforeLogin uint64
	// Unparseable: a payload that is not well-formed, is not an EPP message, or leaves in doubt
	// which command or clTRID it holds. A command that only breaks its schema is answered and not
	// counted.
	Unparseable uint64
	// BadLength: a header that announces fewer than 5 octets or more than MaxFrame.
	BadLength uint64
	// Truncated: a connection closed inside a data unit.
	Truncated uint64
	// NotSingleWrite: header and payload came separately, as two TLS records or as two TCP
	// segments.
	NotSingleWrite uint64
}

// Total is the number of all breaches.
func (b Breaches) Total() uint64 {
	return b.Pipelined + b.TooManySessions + b.TooFast + b.TooMany + b.ClTRIDRepeated +
		b.BeforeLogin + b.Unparseable + b.BadLength + b.Truncated + b.NotSingleWrite
}

// tally owns the counters. Its mutex is a leaf.
type tally struct {
	mu   sync.Mutex
	c    Counters
	seen seenIDs
}

func newTally() *tally {
	return &tally{
		c: Counters{
			Sessions: map[string]int{}, SessionsPeak: map[string]int{},
			Commands: map[string]uint64{}, Executed: map[string]uint64{},
			Codes: map[int]uint64{}, Faults: map[string]uint64{},
		},
		seen: seenIDs{seed: maphash.MakeSeed(), young: map[uint64]struct{}{}, limit: 2 << 20},
	}
}

// add runs f on the counters under the lock. f must not call out.
func (t *tally) add(f func(*Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.c)
}

func (t *tally) copy() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.c
	c.Sessions, c.SessionsPeak = maps.Clone(c.Sessions), maps.Clone(c.SessionsPeak)
	c.Commands, c.Executed = maps.Clone(c.Commands), maps.Clone(c.Executed)
	c.Codes, c.Faults = maps.Clone(c.Codes), maps.Clone(c.Faults)
	return c
}

// exchange counts a message and its answer. pipelined: more octets came in before the answer.
func (t *tally) exchange(ex *exchange, pipelined bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := ex.req.name()
	t.c.Commands[name]++
	if ex.executed {
		t.c.Executed[name]++
	} else if ex.is("login") {
		t.c.LoginsRefused++
	}
	if ex.answer.code != 0 && ex.answer.fate == fateWritten {
		t.c.Codes[ex.answer.code]++
	}
	if pipelined {
		t.c.Breaches.Pipelined++
	}
}

// clTRID remembers a transaction id of an account. It reports whether the account has used it
// before, and counts that as a breach. An empty id is none.
func (t *tally) clTRID(account, id string) bool {
	if id == "" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	again := t.seen.add(account, id)
	if again {
		t.c.Breaches.ClTRIDRepeated++
	}
	return again
}

// seenIDs remembers ids by their 64-bit hashes. It keeps two generations and so between limit and
// twice limit of the latest ids, which bounds its memory. In a run of a million ids the chance that
// two of them share a hash is about 3 in 10^8.
type seenIDs struct {
	seed       maphash.Seed
	young, old map[uint64]struct{}
	limit      int
}

// add remembers an id and reports whether it was there already.
func (s *seenIDs) add(account, id string) bool {
	var h maphash.Hash
	h.SetSeed(s.seed)
	h.WriteString(account)
	h.WriteByte(0)
	h.WriteString(id)
	k := h.Sum64()
	_, young := s.young[k]
	_, old := s.old[k]
	if len(s.young) >= s.limit {
		s.young, s.old = map[uint64]struct{}{}, s.young
	}
	s.young[k] = struct{}{}
	return young || old
}
