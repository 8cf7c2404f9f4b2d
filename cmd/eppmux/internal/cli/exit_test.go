package cli

import (
	"os"
	"testing"
)

func TestExitError(t *testing.T) {
	inner := os.ErrClosed
	e := &ExitError{ExitFailed, inner}
	if e.Error() != inner.Error() || e.Unwrap() != inner {
		t.Errorf("got %q, %v", e.Error(), e.Unwrap())
	}
	if got := (&ExitError{Code: 3}).Error(); got != "exit 3" {
		t.Errorf("got %q", got)
	}
}
