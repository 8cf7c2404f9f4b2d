package frame

import "bytes"

// Objects is how many objects a check asks about: the elements in its object's check element, whatever
// their names, as registries count them that count names; 0 of any other message. It takes a walk over the
// command, no more than that, and allocates nothing. m is as Scan has given it.
func (m *Message) Objects() int {
	if m.Kind != KindCommand || m.Command != CommandCheck {
		return 0
	}
	n, w := 0, Walker{p: m.Payload, end: bytes.LastIndexByte(m.Payload[:m.Verb.Start], '<')}
	if w.NextStart() != TokenStart {
		return 0
	}
	for t := w.element(); t != TokenNone; t = w.element() {
		if t == TokenEmpty {
			continue
		}
		for t := w.element(); t != TokenNone; t = w.element() {
			if n++; t == TokenStart {
				w.skip()
			}
		}
	}
	return n
}
