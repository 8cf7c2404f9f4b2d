package serve

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// GuardMemory keeps the memory of this process, which has all passwords and the commands under way,
// from everybody but root. The system writes no core file, whatever ends the process. Other
// processes of the same user can neither trace this one nor read its memory or environment in
// /proc. This lasts as long as the process.
//
// The limit alone would not do: a program that core_pattern names need not keep to it. The process
// itself still reads all in /proc/self that its metrics need.
func GuardMemory() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, new(syscall.Rlimit)); err != nil {
		return fmt.Errorf("limit core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("guard the memory: %w", err)
	}
	return nil
}
