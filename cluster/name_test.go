package cluster

import (
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"prod": true, "Prod-2.test_b": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a b": false, "a/b": false, "a{b}": false, "a}b": false,
		"\u00e4": false, "a\x00": false, "a\xff": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: got %v, want it good: %v", name, err, good)
		}
	}
}
