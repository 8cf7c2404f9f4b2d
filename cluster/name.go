package cluster

import (
	"fmt"
	"strings"
)

// maxName is the longest name of a cluster, in octets.
const maxName = 64

// CheckName says whether a cluster may be called so. The name is part of keys at each Engine, whose own
// marks, such as slashes and braces, it must not have.
func CheckName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(c rune) bool {
		return !strings.ContainsRune(allowed, c)
	}) {
		return fmt.Errorf("%q: want 1 to %d letters, digits, dots, hyphens and underscores", name, maxName)
	}
	return nil
}
