package serve

import (
	"fmt"
	"syscall"
)

// ForbidCore makes the system write no core file of this process, whatever ends it: all passwords,
// and the commands that are under way, would be in it. Nobody can allow it again.
func ForbidCore() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, new(syscall.Rlimit)); err != nil {
		return fmt.Errorf("limit core files: %w", err)
	}
	return nil
}
