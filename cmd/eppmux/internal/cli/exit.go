package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes of the program.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2 // wrong usage or config
)

// ExitError is the end of the program with a code of its own.
type ExitError struct {
	Code int
	Err  error // printed as it is; nil: nothing more to say
}

// Exit ends the program with that code, after err on standard error as it is. A nil err says
// nothing more.
func Exit(code int, err error) error { return &ExitError{code, err} }

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap is what the error is made of.
func (e *ExitError) Unwrap() error { return e.Err }

// Failed ends the program with ExitFailed, after "eppmux COMMAND: err" on standard error.
func Failed(cmd *cobra.Command, err error) error {
	return Exit(ExitFailed, fmt.Errorf("%s: %w", cmd.CommandPath(), err))
}

// Misused ends the program with ExitUsage, after "eppmux COMMAND: " and the text on standard error.
func Misused(cmd *cobra.Command, format string, args ...any) error {
	return Exit(ExitUsage, fmt.Errorf(cmd.CommandPath()+": "+format, args...))
}

// UsageError is about the arguments, not about what happened.
type UsageError struct{ text string }

// Error implements error.
func (e *UsageError) Error() string { return e.text }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }
