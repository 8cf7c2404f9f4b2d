package audit

import (
	"bytes"

	"eppmux/frame"
)

// WithoutSecrets returns a copy of a payload in which passwords, authInfo and the like are blanked, as in the
// lines of a Log: its own, and where it repeats them those of the payloads before it, such as the command
// to an answer. It is false if the payload cannot be read with certainty.
func WithoutSecrets(payload []byte, before ...[]byte) ([]byte, bool) {
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil {
		return nil, false
	}
	var b blanker
	for _, p := range before {
		b.find(p)
	}
	b.find(m.Payload) // before the document, since text may repeat a secret that comes behind it
	if !b.document(m.Payload) {
		return nil, false
	}
	return bytes.Clone(b.hide(b.out)), true
}
