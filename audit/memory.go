package audit

import (
	"bytes"
	"hash/maphash"
)

const (
	// remembered is how many commands are remembered, at most: some times those that are in flight,
	// as a rule.
	remembered = 1 << 8
	// longestRemembered is the longest text that is, in octets.
	longestRemembered = 2 << 10
)

// memory holds what the lines of one command have in common, from the first to the last, as it is
// rendered: so each command is read once.
type memory struct {
	seed  maphash.Seed
	slots []known // nil: not made yet. Each command has one place, from which it drives another
}

// known is what is remembered of one command.
type known struct {
	registry string
	session  uint64
	muxtrid  []byte // used once by its registry; empty: the slot is
	text     []byte
}

// find gives the text of e's command; nil: it is not known, or e is its first line. It is valid
// until the next keep.
func (m *memory) find(e *Entry) []byte {
	if e.Event == Sending || len(e.MuxTRID) == 0 || m.slots == nil {
		return nil
	}
	k := m.slot(e)
	if k.session != e.Session || k.registry != e.Registry || !bytes.Equal(k.muxtrid, e.MuxTRID) {
		return nil
	}
	return k.text
}

// keep keeps the text of e's command, if another line of it will come.
func (m *memory) keep(e *Entry, text []byte) {
	if e.Event != Sending || len(e.MuxTRID) == 0 || len(text) > longestRemembered {
		return
	}
	if m.slots == nil {
		m.seed, m.slots = maphash.MakeSeed(), make([]known, remembered)
	}
	k := m.slot(e)
	k.registry, k.session = e.Registry, e.Session
	k.muxtrid, k.text = append(k.muxtrid[:0], e.MuxTRID...), append(k.text[:0], text...)
}

func (m *memory) slot(e *Entry) *known {
	return &m.slots[maphash.Bytes(m.seed, e.MuxTRID)%remembered]
}
