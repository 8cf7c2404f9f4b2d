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

// ExitError ends the program with an exit code.
type ExitError struct {
	Code int
	Err  error // printed as it is; nil: nothing is printed
}

// Exit makes an error that ends the program with code. err goes to standard error as it is; if it
// is nil, nothing does.
func Exit(code int, err error) error { return &ExitError{code, err} }

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *ExitError) Unwrap() error { return e.Err }

// Failed makes an error that ends the program with ExitFailed and "eppmux COMMAND: err" on standard
// error.
func Failed(cmd *cobra.Command, err error) error {
	return Exit(ExitFailed, fmt.Errorf("%s: %w", cmd.CommandPath(), err))
}

// Misused makes an error that ends the program with ExitUsage and "eppmux COMMAND: " and the text
// on standard error.
func Misused(cmd *cobra.Command, format string, args ...any) error {
	return Exit(ExitUsage, fmt.Errorf(cmd.CommandPath()+": "+format, args...))
}

// UsageError is about the arguments of a command, not about what the command did.
type UsageError struct{ text string }

// Error implements error.
func (e *UsageError) Error() string { return e.text }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }
