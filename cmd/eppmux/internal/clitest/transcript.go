package clitest

import (
	"bytes"
	"sync"
)

// Transcript keeps all that is written to it. Any goroutine may use it.
type Transcript struct {
	More chan struct{} // holds a token when something has been added; never closed

	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

// NewTranscript makes an empty transcript.
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

// Text returns all that has been written so far.
func (tr *Transcript) Text() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.all.String()
}
