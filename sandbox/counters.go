package sandbox

import (
	"hash/maphash"
	"maps"
	"sync"
)

// Counters is what a Registry has seen since New. It is a copy and belongs to the caller.
type Counters struct {
	Connections   uint64            // accepted
	Sessions      map[string]int    // logged in now, by account
	SessionsPeak  map[string]int    // the most at once, by account; refused logins do not count
	Logins        uint64            // accepted
	LoginsRefused uint64            // for whatever reason
	Logouts       uint64            // answered 1500
	Commands      map[string]uint64 // by command, and "hello", "extension", "unknown", "unparseable"
	Executed      map[string]uint64 // those of Commands that succeeded, whether or not the answer got through
	// answers by result code; greetings and what was not written are not counted
	Codes    map[int]uint64
	Ghosts   map[string]int    // sessions that ended but count on, by account
	Faults   map[string]uint64 // faults played, by name
	Breaches Breaches
}

// Breaches counts what a client did that a registry's rules forbid.
type Breaches struct {
	// Pipelined: octets came in behind a message before its answer was written. RFC 5734 section 3
	// lets clients do so; registries punish it.
	Pipelined uint64
	// TooManySessions: a login above MaxSessions, ghosts not counted.
	TooManySessions uint64
	// TooFast: a command above RateLimit. TooMany: a command above MaxCommands.
	TooFast, TooMany uint64
	// ClTRIDRepeated: a clTRID that the same account has used before. RFC 5730 section 2.5 leaves
	// its uniqueness to the client; registries log by it. The last 2 million at least are
	// remembered.
	ClTRIDRepeated uint64
	// BeforeLogin: a command other than login outside a session.
	BeforeLogin uint64
	// Unparseable: a payload that is not well-formed, is no EPP message, or leaves in doubt which
	// command or clTRID it holds. A command that merely does not fit its schema is answered, not
	// counted.
	Unparseable uint64
	// BadLength: a header that announces fewer than 5 octets or more than MaxFrame.
	BadLength uint64
	// Truncated: a connection closed inside a data unit.
	Truncated uint64
	// NotSingleWrite: header and payload came separately: two TLS records, or two writes far enough
	// apart for TCP.
	NotSingleWrite uint64
}

// Total is the number of all breaches.
func (b Breaches) Total() uint64 {
	return b.Pipelined + b.TooManySessions + b.TooFast + b.TooMany + b.ClTRIDRepeated + b.BeforeLogin + b.Unparseable +
		b.BadLength + b.Truncated + b.NotSingleWrite
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
			Commands: map[string]uint64{}, Executed: map[string]uint64{}, Codes: map[int]uint64{}, Faults: map[string]uint64{},
		},
		seen: seenIDs{seed: maphash.MakeSeed(), young: map[uint64]struct{}{}, limit: 2 << 20},
	}
}

// add runs f on the counters under the lock; f must only count.
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

// exchange counts a message and its answer, and whether it was overtaken.
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

// clTRID notes an account's transaction id. It counts and reports one that has been there before.
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

// seenIDs remembers ids by their 64-bit hashes in two generations, so that memory is bounded:
// between limit and twice limit of the latest are known. Two different ids share a hash once in
// about 10^6 runs of a million.
type seenIDs struct {
	seed       maphash.Seed
	young, old map[uint64]struct{}
	limit      int
}

// add reports whether the id was there already.
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
