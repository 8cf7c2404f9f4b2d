package cli

import (
	"context"
	"errors"
	"time"
)

// ErrInterrupted is the error of what ended early because its context ended.
var ErrInterrupted = errors.New("interrupted")

// Sleep waits for d. It ends early, with ErrInterrupted, if ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ErrInterrupted
	}
}
