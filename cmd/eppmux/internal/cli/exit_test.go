package cli

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/spf13/cobra"
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

// TestEnds: each kind of end has its exit code, names the command, and keeps its cause for errors.Is.
func TestEnds(t *testing.T) {
	root, sub := &cobra.Command{Use: "eppmux"}, &cobra.Command{Use: "send [FILE]"}
	root.AddCommand(sub)
	cause := fmt.Errorf("open x: %w", os.ErrNotExist)
	for _, tt := range []struct {
		err  error
		code int
		text string
		is   bool // of the cause
	}{
		{Exit(7, cause), 7, "open x: file does not exist", true},
		{Exit(3, nil), 3, "exit 3", false},
		{Failed(sub, cause), ExitFailed, "eppmux send: open x: file does not exist", true},
		{Misused(sub, "--to: %w", cause), ExitUsage, "eppmux send: --to: open x: file does not exist", true},
		{Misused(root, "got %d%%", 5), ExitUsage, "eppmux: got 5%", false},
		{Failed(sub, Usagef("needs %s", "a name")), ExitFailed, "eppmux send: needs a name", false},
	} {
		var exit *ExitError
		if !errors.As(tt.err, &exit) || exit.Code != tt.code || tt.err.Error() != tt.text || errors.Is(tt.err, os.ErrNotExist) != tt.is {
			t.Errorf("got %+v, want %d, %q", tt.err, tt.code, tt.text)
		}
	}
	var usage *UsageError
	if err := fmt.Errorf("a: %w", Usagef("--x: %v", 1)); !errors.As(err, &usage) || usage.Error() != "--x: 1" {
		t.Errorf("got %v", err)
	}
	if errors.As(Failed(sub, cause), &usage) {
		t.Error("a failure passes for wrong usage")
	}
}
