package clitest

import (
	"bytes"
	"sync"
)

// Transcript keeps what is written to it.
type Transcript struct {
	More chan struct{} // holds a token when something has been added; never closed

	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

// NewTranscript is empty.
func NewTranscript() *Transcript { return &Transcript{More: make(chan struct{}, 1)} }

// Write implements io.Writer. It keeps all and never fails.
func (tr *Transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	tr.all.Write(b)
	tr.mu.Unlock()
	select {
	case tr.More <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Text is all that has been written so far.
func (tr *Transcript) Text() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.all.String()
}
