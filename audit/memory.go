package audit

import (
	"bytes"
	"hash/maphash"
)

const (
	// remembered is how many commands are remembered at most: as a rule some times the number of
	// commands in flight.
	remembered = 1 << 8
	// longestRemembered is the length of the longest text that is remembered, in octets.
	longestRemembered = 2 << 10
)

// memory holds, for each of the latest commands, the rendered text that all its lines have in
// common. So a command is scanned and rendered once, for its first line. The zero value is empty.
type memory struct {
	seed  maphash.Seed
	slots []known // nil: not made yet. A command has one slot, and takes it from another command
}

// known is one command that is remembered.
type known struct {
	registry string
	session  uint64
	muxtrid  []byte // no two commands at one registry have the same; empty: the slot is empty
	text     []byte
}

// find gives the text of the command of e; nil if it is not remembered, or e is its first line.
// Valid until the next keep.
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

// keep remembers the text of the command of e if e is its first line, since others will come.
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

// slot is the one slot in which the command of e may be.
func (m *memory) slot(e *Entry) *known {
	return &m.slots[maphash.Bytes(m.seed, e.MuxTRID)%remembered]
}
