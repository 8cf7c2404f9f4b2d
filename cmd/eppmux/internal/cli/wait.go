package cli

import (
	"context"
	"errors"
	"time"
)

// ErrInterrupted is for what has ended early because its context has.
var ErrInterrupted = errors.New("interrupted")

// Sleep waits. It ends early, with ErrInterrupted, when ctx ends.
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
