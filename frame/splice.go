package frame

import (
	"cmp"
	"fmt"
	"slices"
)

// Edit replaces the octets of Span by With; a nil With removes them.
type Edit struct {
	Span Span
	With []byte
}

// Replace is the edit that gives the clTRID another content and leaves its tags. raw goes in as it
// is, so it must be escaped already. Replace panics for "<clTRID/>", which has no content; Scan
// reports no such clTRID.
func (c *ClTRID) Replace(raw []byte) Edit {
	if c.Content.Start == c.Element.End {
		panic("BUG: empty-element clTRID has no content to replace")
	}
	return Edit{c.Content, raw}
}

// Fill is the edit that gives the EmptyID of m, which must be Present, raw as its content and leaves
// what is in its start tag. raw must be escaped already.
func (m *Message) Fill(raw []byte) Edit {
	c := &m.EmptyID
	if c.Content.Start < c.Element.End {
		return Edit{c.Content, raw}
	}
	w := NewWalker(m.Payload)
	name := w.name(c.Element.Start + 1)
	with := append(append([]byte{'>'}, raw...), "</"...)
	return Edit{Span{c.Element.End - len("/>"), c.Element.End}, append(append(with, name...), '>')}
}

// Remove is the edit that takes the whole element out, tags included.
func (c *ClTRID) Remove() Edit { return Edit{c.Element, nil} }

// AppendCommand appends the data unit of m with id as its clTRID. id takes the place of the content
// of the clTRID that m has, or goes into a new element at m.Insert. at is the offset of id in unit.
// If m has no place for a clTRID, at is 0 and the payload is appended as it is. id is not escaped:
// it must hold no markup.
func AppendCommand(dst []byte, m *Message, id []byte) (unit []byte, at int) {
	p := m.Payload
	switch {
	case m.ClTRID.Present():
		c := m.ClTRID.Content
		if c.Start == m.ClTRID.Element.End {
			panic("BUG: empty-element clTRID in a command")
		}
		dst = AppendHeader(dst, len(p)-c.Len()+len(id))
		dst = append(dst, p[:c.Start]...)
		at = len(dst)
		dst = append(dst, id...)
		return append(dst, p[c.End:]...), at
	case m.Insert > 0:
		return appendWithElement(dst, m, id)
	}
	return append(AppendHeader(dst, len(p)), p...), 0
}

// appendWithElement does the work of AppendCommand for a command without a clTRID.
func appendWithElement(dst []byte, m *Message, id []byte) (unit []byte, at int) {
	p := m.Payload
	prefix := p[m.Prefix.Start:m.Prefix.End]
	tags := len("<clTRID></clTRID>") + 2*len(prefix)
	if len(prefix) > 0 {
		tags += len("::")
	}
	dst = AppendHeader(dst, len(p)+tags+len(id))
	dst = append(dst, p[:m.Insert]...)
	dst = appendName(append(dst, '<'), prefix)
	at = len(dst)
	dst = append(dst, id...)
	dst = appendName(append(dst, '<', '/'), prefix)
	return append(dst, p[m.Insert:]...), at
}

// appendName appends the name clTRID with its prefix, and the ">" of the tag.
func appendName(dst, prefix []byte) []byte {
	if len(prefix) > 0 {
		dst = append(append(dst, prefix...), ':')
	}
	return append(dst, "clTRID>"...)
}

// AppendUnit appends the data unit of payload with the edits made; every other octet stays as it
// is. It sorts edits in place if they are not in ascending order, which depends on where a registry
// puts its trID. It panics if edits overlap or lie outside payload, and if the data unit would be
// longer than its header can say.
func AppendUnit(dst []byte, payload []byte, edits []Edit) []byte {
	if !slices.IsSortedFunc(edits, byStart) {
		slices.SortStableFunc(edits, byStart)
	}
	size, from := len(payload), 0
	for _, e := range edits {
		if e.Span.Start < from || e.Span.End < e.Span.Start || e.Span.End > len(payload) {
			panic(fmt.Sprintf("BUG: edit of octets %d to %d after %d of %d",
				e.Span.Start, e.Span.End, from, len(payload)))
		}
		from = e.Span.End
		size += len(e.With) - e.Span.Len()
	}
	dst = AppendHeader(dst, size)
	from = 0
	for _, e := range edits {
		dst = append(dst, payload[from:e.Span.Start]...)
		dst = append(dst, e.With...)
		from = e.Span.End
	}
	return append(dst, payload[from:]...)
}

func byStart(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
}
