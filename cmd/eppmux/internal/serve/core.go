package serve

import (
	"fmt"
	"syscall"
)

// ForbidCore makes the system write no core file of this process, whatever ends it: a core file has
// all passwords and the commands under way. This cannot be undone.
func ForbidCore() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, new(syscall.Rlimit)); err != nil {
		return fmt.Errorf("limit core files: %w", err)
	}
	return nil
}
